"""One small data set, written in every layout of GroupLens', and TMDB's facts about it."""

import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOVIES = [
    (1, "Toy Story (1995)", "Adventure|Animation|Children"),
    (2, "Matrix, The (1999)", "Action|Sci-Fi"),
    (3, "City of Lost Children, The (Cité des enfants perdus, La) (1995)", "Fantasy|Sci-Fi"),
    (4, "Unseen", "(no genres listed)"),
    (5, "Alien (1979)", "Horror|Sci-Fi"),
]
LINKS = [(1, "0114709", 862), (2, "0133093", 603), (3, "0112682", 902), (4, "", ""), (5, "0078748", 348)]
RATINGS = [
    (1, 1, 4.0, 964982703),
    (1, 2, 5.0, 964982704),
    (1, 5, 5.0, 964982705),
    (2, 1, 3.0, 964982706),
    (2, 3, 2.0, 964982707),
    (3, 2, 4.0, 964982708),
    (3, 5, 3.0, 964982709),
]
TAGS = [
    (1, 2, "Cyberpunk", 1000000001),
    (1, 5, "space :: horror", 1000000002),
    (2, 2, "cyberpunk", 1000000003),
    (4, 2, "  CYBERPUNK ", 1000000004),
]
GENRE_COLUMNS = [
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
]
FILMS: list[dict[str, Any]] = [
    {
        "id": 603,
        "imdb_id": "tt0133093",
        "title": "The Matrix",
        "original_title": "The Matrix",
        "original_language": "en",
        "overview": "A hacker learns\nwhat is real.",
        "tagline": "",
        "release_date": "1999-03-31",
        "runtime": 136,
        "poster_path": "/m.jpg",
        "vote_average": 8.2,
        "vote_count": 3000,
        "genres": [{"id": 28, "name": "Action"}, {"id": 878, "name": "Science Fiction"}],
        "production_companies": [{"id": 79, "name": "Village Roadshow Pictures"}],
        "production_countries": [{"iso_3166_1": "US", "name": "United States of America"}, {"iso_3166_1": "AU"}],
        "spoken_languages": [{"iso_639_1": "en", "name": "English"}],
        "belongs_to_collection": {"id": 2344, "name": "The Matrix Collection"},
        "keywords": {"keywords": [{"id": 83, "name": "saving the world"}, {"id": 310, "name": "android"}]},
        "credits": {
            "cast": [
                {"id": 6384, "name": "Keanu Reeves", "character": "Neo", "order": 0},
                {"id": 530, "name": "Carrie-Anne Moss", "character": "Trinity", "order": 2},
                {"id": 6384, "name": "Keanu Reeves", "character": "Thomas Anderson", "order": 5},
            ],
            "crew": [
                {"id": 9340, "name": "Lana Wachowski", "job": "Director", "department": "Directing"},
                {"id": 9340, "name": "Lana Wachowski", "job": "Screenplay", "department": "Writing"},
                {"id": 1091, "name": "Joel Silver", "job": "Producer", "department": "Production"},
                {"id": 1091, "name": "Joel Silver", "job": "Editor", "department": "Editing"},
                {"id": 77, "name": "Some Gaffer", "job": "Gaffer", "department": "Lighting"},
            ],
        },
    },
    {
        "id": 348,
        "imdb_id": "tt0078748",
        "title": "Alien",
        "release_date": "1979-05-25",
        "runtime": 117,
        "vote_count": 1000,
        "genres": [{"id": 27, "name": "Horror"}],
        "keywords": {"keywords": [{"id": 310, "name": "android"}]},
        "credits": {"cast": [{"id": 10205, "name": "Sigourney Weaver", "character": "Ripley", "order": 0}], "crew": []},
    },
    {"id": 999, "title": "Nobody Links Here", "release_date": "2001-01-01", "vote_count": 1},
]


def lines(rows: Sequence[tuple[object, ...]], separator: str) -> str:
    """Rows as text."""
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def quoted(text: str) -> str:
    """A cell of a CSV file."""
    return f'"{text}"' if "," in text or '"' in text else text


def write_csv(folder: Path) -> Path:
    """As ml-latest, ml-20m, ml-25m and ml-32m are."""
    folder.mkdir(parents=True, exist_ok=True)
    movies = [(id, quoted(title), genres) for id, title, genres in MOVIES]
    (folder / "movies.csv").write_text("movieId,title,genres\n" + lines(movies, ","), encoding="utf-8")
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + lines(RATINGS, ","))
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n" + lines(LINKS, ","))
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n" + lines(TAGS, ","))
    return folder


def write_ml_1m(folder: Path) -> Path:
    """As ml-1m is: Latin-1, whole stars, no tags."""
    folder.mkdir(parents=True, exist_ok=True)
    movies = [(id, title, genres.replace("Children", "Children's")) for id, title, genres in MOVIES]
    (folder / "movies.dat").write_text(lines(movies, "::"), encoding="latin-1")
    whole = [(user, movie, int(stars), at) for user, movie, stars, at in RATINGS]
    (folder / "ratings.dat").write_text(lines(whole, "::"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n")
    return folder


def write_ml_10m(folder: Path) -> Path:
    """As ml-10m is: UTF-8, half stars, tags."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "movies.dat").write_text(lines(MOVIES, "::"), encoding="utf-8")
    (folder / "ratings.dat").write_text(lines(RATINGS, "::"))
    (folder / "tags.dat").write_text(lines(TAGS, "::"))
    return folder


def write_ml_100k(folder: Path) -> Path:
    """As ml-100k is: Latin-1, a column for each genre, ratings in no order."""
    folder.mkdir(parents=True, exist_ok=True)
    items = [
        (id, title, "01-Jan-1995", "", "http://x", *(int(name.rstrip("'s") in genres) for name in GENRE_COLUMNS))
        for id, title, genres in MOVIES
    ]
    (folder / "u.item").write_text(lines(items, "|"), encoding="latin-1")
    (folder / "u.genre").write_text("".join(f"{name}|{n}\n" for n, name in enumerate(GENRE_COLUMNS)) + "\n")
    (folder / "u.data").write_text(lines([(u, m, int(s), at) for u, m, s, at in reversed(RATINGS)], "\t"))
    return folder


def zipped(folder: Path) -> Path:
    """The folder as a zip, as GroupLens packs it: with its name in front of every file."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return path


def write_films(path: Path, films: list[dict[str, Any]] | None = None) -> Path:
    """TMDB's answers, one a line; packed where the name says so."""
    text = "".join(json.dumps(film, ensure_ascii=False) + "\n" for film in (FILMS if films is None else films))
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
