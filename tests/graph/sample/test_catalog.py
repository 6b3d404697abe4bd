"""The catalogue that comes with the project: complete, consistent, and true where a film lover would know."""

import re
from collections import Counter
from importlib import resources

import pytest

from graph.sample.catalog import Film, load_catalog
from graph.sample.vocabulary import GENRES, keywords
from tests.graph.sample.names import near_duplicates

FEW_PARTS = {
    "battleship-potemkin-1925", "man-with-a-movie-camera-1929", "roman-holiday-1953", "woman-in-the-dunes-1964",
    "the-battle-of-algiers-1966", "playtime-1967", "come-and-see-1985", "where-is-the-friends-house-1987",
    "before-sunrise-1995", "la-haine-1995", "happy-together-1997", "children-of-heaven-1997", "y-tu-mama-tambien-2001",
    "before-sunset-2004", "gravity-2013", "before-midnight-2013", "the-great-beauty-2013", "burning-2018",
    "the-worst-person-in-the-world-2021", "aftersun-2022", "past-lives-2023", "the-zone-of-interest-2023",
    "perfect-days-2023",
}  # fmt: skip
"""Films with less than four parts to speak of."""

DIFFERENT_PEOPLE = {
    ("Anthony Hopkins", "Anthony Perkins"), ("Dean Martin", "Jean Martin"), ("Diane Johnson", "Rian Johnson"),
    ("Duane Jones", "Duncan Jones"), ("Emma Thompson", "Lea Thompson"), ("Gary Goldman", "Gary Oldman"),
    ("Harry Carey", "Harry Carey Jr."), ("Harry Carey Jr.", "Harry Connick Jr."), ("J. K. Simmons", "Jean Simmons"),
    ("Jean Reno", "Jean Renoir"), ("Joan Cusack", "John Cusack"), ("Joel Coen", "Joel Cohen"),
    ("John Ridgely", "John Ridley"), ("Kelly Chen", "Kelly Lai Chen"), ("Lee Jung-eun", "Lee Jung-hyun"),
    ("Michael Allin", "Michael Palin"), ("Peter Bowles", "Peter Boyle"), ("Peter Sellers", "Peter Weller"),
    ("Robert Wiene", "Robert Wise"), ("Robert Wilke", "Robert Wise"), ("Song Jae-ho", "Song Kang-ho"),
}  # fmt: skip
"""Names that look alike and are two people, each pair looked at."""

COLLECTIONS = {
    "Alien": ["alien-1979", "aliens-1986"],
    "Antoine Doinel": ["the-400-blows-1959", "stolen-kisses-1968"],
    "Back to the Future": [
        "back-to-the-future-1985", "back-to-the-future-part-ii-1989", "back-to-the-future-part-iii-1990",
    ],
    "Before": ["before-sunrise-1995", "before-sunset-2004", "before-midnight-2013"],
    "Blade Runner": ["blade-runner-1982", "blade-runner-2049-2017"],
    "Dollars": ["a-fistful-of-dollars-1964", "for-a-few-dollars-more-1965", "the-good-the-bad-and-the-ugly-1966"],
    "Dune": ["dune-2021", "dune-part-two-2024"],
    "Frankenstein": ["frankenstein-1931", "bride-of-frankenstein-1935"],
    "Godzilla": ["godzilla-1954", "godzilla-minus-one-2023"],
    "In the Mood for Love": ["days-of-being-wild-1990", "in-the-mood-for-love-2000", "2046-2004"],
    "Indiana Jones": ["raiders-of-the-lost-ark-1981", "indiana-jones-and-the-last-crusade-1989"],
    "James Bond": ["dr-no-1962", "goldfinger-1964", "casino-royale-2006", "skyfall-2012"],
    "Kill Bill": ["kill-bill-volume-1-2003", "kill-bill-volume-2-2004"],
    "Knives Out": ["knives-out-2019", "glass-onion-2022"],
    "Koker": ["where-is-the-friends-house-1987", "through-the-olive-trees-1994"],
    "Mad Max": ["mad-max-1979", "mad-max-2-1981", "mad-max-fury-road-2015"],
    "Marvel Cinematic Universe": ["iron-man-2008", "the-avengers-2012", "black-panther-2018"],
    "Paddington": ["paddington-2014", "paddington-2-2017"],
    "Rocky": ["rocky-1976", "creed-2015"],
    "Sanjuro": ["yojimbo-1961", "sanjuro-1962"],
    "Spider-Verse": ["spider-man-into-the-spider-verse-2018", "spider-man-across-the-spider-verse-2023"],
    "Star Wars": [
        "star-wars-1977", "the-empire-strikes-back-1980", "return-of-the-jedi-1983", "star-wars-the-force-awakens-2015",
    ],
    "Terminator": ["the-terminator-1984", "terminator-2-judgment-day-1991"],
    "The Apu Trilogy": ["pather-panchali-1955", "aparajito-1956", "the-world-of-apu-1959"],
    "The Dark Knight": ["batman-begins-2005", "the-dark-knight-2008", "the-dark-knight-rises-2012"],
    "The Godfather": ["the-godfather-1972", "the-godfather-part-ii-1974"],
    "The Lord of the Rings": [
        "the-lord-of-the-rings-the-fellowship-of-the-ring-2001", "the-lord-of-the-rings-the-two-towers-2002",
        "the-lord-of-the-rings-the-return-of-the-king-2003",
    ],
    "Three Colours": ["three-colours-blue-1993", "three-colours-white-1994", "three-colours-red-1994"],
    "Three Flavours Cornetto": ["shaun-of-the-dead-2004", "hot-fuzz-2007"],
    "Toy Story": ["toy-story-1995", "toy-story-2-1999", "toy-story-3-2010"],
}  # fmt: skip

DIRECTED = {
    "ridley-scott": {"alien-1979", "blade-runner-1982", "thelma-louise-1991", "gladiator-2000", "the-martian-2015"},
    "sergio-leone": {
        "a-fistful-of-dollars-1964", "for-a-few-dollars-more-1965", "the-good-the-bad-and-the-ugly-1966",
        "once-upon-a-time-in-the-west-1968", "once-upon-a-time-in-america-1984",
    },
    "jane-campion": {"the-piano-1993", "the-power-of-the-dog-2021"},
    "steve-mcqueen-2": {"12-years-a-slave-2013"},
    "orson-welles": {"citizen-kane-1941", "touch-of-evil-1958"},
    "ingmar-bergman": {
        "the-seventh-seal-1957", "wild-strawberries-1957", "persona-1966", "cries-and-whispers-1972",
        "fanny-and-alexander-1982",
    },
    "joel-coen": {
        "millers-crossing-1990", "barton-fink-1991", "fargo-1996", "the-big-lebowski-1998",
        "no-country-for-old-men-2007", "inside-llewyn-davis-2013",
    },
}  # fmt: skip

PLAYED_IN = {
    "steve-mcqueen-1": {"the-magnificent-seven-1960", "the-great-escape-1963", "bullitt-1968"},
    "toshiro-mifune": {
        "rashomon-1950", "seven-samurai-1954", "throne-of-blood-1957", "the-hidden-fortress-1958", "yojimbo-1961",
        "sanjuro-1962", "high-and-low-1963",
    },
    "joe-turkel": {"paths-of-glory-1957", "the-shining-1980", "blade-runner-1982"},
    "john-cazale": {
        "the-godfather-1972", "the-godfather-part-ii-1974", "the-conversation-1974", "dog-day-afternoon-1975",
        "the-deer-hunter-1978",
    },
    "orson-welles": {"citizen-kane-1941", "the-third-man-1949", "touch-of-evil-1958"},
    "ryunosuke-kamiki": {"howls-moving-castle-2004", "your-name-2016", "godzilla-minus-one-2023"},
}  # fmt: skip


@pytest.fixture(scope="module")
def films() -> tuple[Film, ...]:
    return load_catalog()


def film(films: tuple[Film, ...], id_: str) -> Film:
    return next(film for film in films if film.id == id_)


def test_the_catalogue_has_511_films_and_2720_people(films: tuple[Film, ...]) -> None:
    assert len(films) == 511
    assert len({someone.id for film in films for someone in film.people}) == 2720


def test_no_film_stands_twice(films: tuple[Film, ...]) -> None:
    assert [id_ for id_, count in Counter(film.id for film in films).items() if count > 1] == []


def test_films_come_from_every_decade_and_twenty_languages(films: tuple[Film, ...]) -> None:
    decades = Counter(film.year // 10 * 10 for film in films)
    assert decades == {
        1920: 9, 1930: 17, 1940: 27, 1950: 40, 1960: 59, 1970: 46, 1980: 49, 1990: 83, 2000: 71, 2010: 81, 2020: 29,
    }  # fmt: skip
    codes = "ar bn da de en es fa fr hi it ja ko no pl pt ro ru sv te zh"
    assert " ".join(sorted({film.language for film in films})) == codes


def test_every_file_is_named_for_the_years_it_holds() -> None:
    for file in resources.files("graph.sample").joinpath("films").iterdir():
        first, last = ((*re.findall(r"\d{4}", file.name),) * 2)[:2]
        years = [int(year) for year in re.findall(r"^\S.* \((\d{4})\)$", file.read_text(encoding="utf-8"), re.M)]
        assert years, file.name
        assert int(first) <= min(years), file.name
        assert max(years) <= int(last) + 9 * ("s" in file.name), file.name


def test_every_film_has_writers_and_four_to_eight_parts(films: tuple[Film, ...]) -> None:
    assert [film.id for film in films if not film.writers] == []
    assert {film.id for film in films if not 4 <= len(film.cast) <= 8} == FEW_PARTS


def test_nobody_plays_two_lines_of_one_cast(films: tuple[Film, ...]) -> None:
    for film in films:
        people = [role.person for role in film.cast]
        assert len(set(people)) == len(people), film.id
        assert [role.order for role in film.cast] == list(range(len(people)))


def test_every_film_has_four_to_eight_keywords_and_one_to_five_genres(films: tuple[Film, ...]) -> None:
    assert [film.id for film in films if not 4 <= len(film.keywords) <= 8] == []
    assert [film.id for film in films if not 1 <= len(film.genres) <= 5] == []


def test_every_keyword_is_used_by_at_least_two_films(films: tuple[Film, ...]) -> None:
    uses = Counter(keyword for film in films for keyword in film.keywords)
    assert len(keywords()) == 213
    assert sorted(keyword for keyword in keywords() if uses[keyword] < 2) == []


def test_every_genre_is_used_by_at_least_two_films(films: tuple[Film, ...]) -> None:
    uses = Counter(genre for film in films for genre in film.genres)
    assert [genre for genre in GENRES if uses[genre] < 2] == []


def test_every_synopsis_is_one_sentence(films: tuple[Film, ...]) -> None:
    assert [film.id for film in films if not re.fullmatch(r"[A-ZÀ-Ý0-9].{30,140}\.", film.synopsis)] == []


def test_every_runtime_is_that_of_a_film(films: tuple[Film, ...]) -> None:
    assert {film.id: film.runtime for film in films if not 60 <= film.runtime <= 240} == {"la-jetee-1962": 28}


def test_films_come_from_exactly_these_countries(films: tuple[Film, ...]) -> None:
    codes = "AR AT AU BR CA CH CN DE DK DZ ES FR GB GR HK IE IN IR IT JP KR MX NL NO NZ PL RO SE SU TW US ZA"
    assert " ".join(sorted({country for film in films for country in film.countries})) == codes


def test_a_collection_is_named_only_where_it_joins_films(films: tuple[Film, ...]) -> None:
    found: dict[str, list[str]] = {}
    for each in sorted(films, key=lambda film: film.year):
        if each.collection:
            found.setdefault(each.collection, []).append(each.id)
    assert found == COLLECTIONS


def test_no_person_is_spelled_in_two_ways(films: tuple[Film, ...]) -> None:
    names = {someone.name for film in films for someone in film.people}
    assert near_duplicates(names) == DIFFERENT_PEOPLE


@pytest.mark.parametrize(
    ("known", "slip"),
    [
        ("Martin Scorsese", "Martin Scorcese"),
        ("David Peoples", "David Webb Peoples"),
        ("F. W. Murnau", "Friedrich Wilhelm Murnau"),
        ("Wong Kar-wai", "Kar-wai Wong"),
        ("Robert Downey Jr.", "Robert Downey"),
    ],
)
def test_a_second_spelling_would_be_found(known: str, slip: str) -> None:
    assert near_duplicates({known, slip, "Agnès Varda"}) == {(min(known, slip), max(known, slip))}


def test_namesakes_are_two_people_with_one_name(films: tuple[Film, ...]) -> None:
    found = {someone for film in films for someone in film.people if someone.name == "Steve McQueen"}
    assert {someone.id for someone in found} == {"steve-mcqueen-1", "steve-mcqueen-2"}


@pytest.mark.parametrize("person_id", DIRECTED)
def test_directors_have_exactly_their_films(films: tuple[Film, ...], person_id: str) -> None:
    found = {film.id for film in films if person_id in {someone.id for someone in film.directors}}
    assert found == DIRECTED[person_id]


@pytest.mark.parametrize("person_id", PLAYED_IN)
def test_actors_have_exactly_their_films(films: tuple[Film, ...], person_id: str) -> None:
    found = {film.id for film in films if person_id in {role.person.id for role in film.cast}}
    assert found == PLAYED_IN[person_id]


def test_a_film_is_read_with_all_its_facts(films: tuple[Film, ...]) -> None:
    alien = film(films, "alien-1979")
    assert (alien.title, alien.year, alien.runtime, alien.language) == ("Alien", 1979, 117, "en")
    assert [someone.name for someone in alien.directors] == ["Ridley Scott"]
    assert [someone.name for someone in alien.writers] == ["Dan O'Bannon", "Ronald Shusett"]
    assert [(role.person.id, role.character, role.order) for role in alien.cast[:2]] == [
        ("sigourney-weaver", "Ellen Ripley", 0),
        ("tom-skerritt", "Dallas", 1),
    ]
    assert (alien.genres, alien.countries) == (("Horror", "Science Fiction"), ("US", "GB"))
    assert (alien.collection, alien.renown) == ("Alien", 5)


def test_two_films_of_one_title_are_told_apart_by_year(films: tuple[Film, ...]) -> None:
    titles = Counter(film.title for film in films)
    assert sorted(title for title, count in titles.items() if count > 1) == ["Beauty and the Beast", "Nosferatu"]


def test_the_films_hang_together_in_one_piece(films: tuple[Film, ...]) -> None:
    by_person: dict[str, set[int]] = {}
    for number, each in enumerate(films):
        for someone in each.people:
            by_person.setdefault(someone.id, set()).add(number)
    by_keyword: dict[str, set[int]] = {}
    for number, each in enumerate(films):
        for keyword in each.keywords:
            by_keyword.setdefault(keyword, set()).add(number)
    assert len(reached(0, list(by_keyword.values()))) == 511
    assert sum(len(numbers) > 1 for numbers in by_person.values()) == 694


def reached(start: int, groups: list[set[int]]) -> set[int]:
    """Every film that shares a group with one already reached."""
    found, grew = {start}, True
    while grew:
        new = set().union(*(group for group in groups if group & found)) - found
        found, grew = found | new, bool(new)
    return found
