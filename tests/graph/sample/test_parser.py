"""The `.film` format: what it takes, and what it says when something is wrong."""

import pytest

from graph.sample.catalog import SampleFormatError, check_people, load_catalog, parse, person, slug

FILM = """\
# A comment.

Alien (1979)
directors: Ridley Scott
writers: Dan O'Bannon; Ronald Shusett
cast: Sigourney Weaver as Ellen Ripley; Udo Kier
genres: Horror; Science Fiction
keywords: space; android
runtime: 117
language: en
countries: US; GB
synopsis: One sentence.
"""


def test_a_film_needs_no_collection_no_renown_and_no_character() -> None:
    (film,) = parse(FILM, "x.film")
    assert (film.collection, film.renown) == (None, 3)
    assert [role.character for role in film.cast] == ["Ellen Ripley", None]


def test_films_are_parted_by_empty_lines_and_keep_their_order() -> None:
    other = FILM.replace("Alien (1979)", "Birdman or (The Virtue) (2014)")
    assert [film.id for film in parse(FILM + "\n\n" + other, "x.film")] == ["alien-1979", "birdman-or-the-virtue-2014"]


def test_an_empty_file_has_no_films() -> None:
    assert parse("# Nothing yet.\n", "x.film") == ()


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("Alien (1979)", "Alien", "x.film:3: 'Alien' is no title; write `Title (year)`, as in `Alien (1979)`"),
        ("runtime: 117", "runtime: long", "x.film:9: runtime 'long' is no number of minutes; write whole minutes, "
         "as in `runtime: 117`"),
        ("runtime: 117", "runtime: 0", "x.film:9: runtime '0' is no number of minutes; write whole minutes, "
         "as in `runtime: 117`"),
        ("runtime: 117", "length: 117", "x.film:9: unknown field 'length'; use one of directors, genres, keywords, "
         "runtime, language, countries, synopsis, writers, cast, collection, renown"),
        ("runtime: 117", "117 minutes", "x.film:9: '117 minutes' is no field; write `name: value`, or part two films "
         "by an empty line"),
        ("runtime: 117", "language: en", "x.film:10: 'language' stands twice in 'Alien (1979)'; keep one of the two "
         "lines"),
        ("synopsis: One", "renown: 6\nsynopsis: One", "x.film:12: renown '6' is not from 1 to 5; "
         "write 1 (few know it) to 5 (everyone does)"),
        ("runtime: 117\n", "", "x.film:3: 'Alien (1979)' has no runtime; add a line `runtime: …`"),
        ("genres: Horror;", "genres: Romcom;", "x.film:7: unknown genre 'Romcom'; use one of vocabulary.py, or add it "
         "there"),
        ("keywords: space;", "keywords: outer space;", "x.film:8: unknown keyword 'outer space'; use one of "
         "keywords.txt, or add it there"),
        ("language: en", "language: english", "x.film:10: language 'english' is no ISO 639-1 code; write two small "
         "letters, as in `en`"),
        ("countries: US; GB", "countries: US; UK!", "x.film:11: country 'UK!' is no ISO 3166 code; write two capitals, "
         "as in `US; GB`"),
        ("space; android", "space; space", "x.film:8: 'space' stands twice; name it once"),
        ("space; android", "space; android;", "x.film:8: an empty item in 'space; android;'; put one `;` between two "
         "items and none at the end"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_value_and_remedy(line: str, instead: str, message: str) -> None:
    assert FILM.count(line) == 1
    with pytest.raises(SampleFormatError) as refused:
        parse(FILM.replace(line, instead), "x.film")
    assert str(refused.value) == message


def test_a_film_that_stands_twice_is_refused() -> None:
    with pytest.raises(SampleFormatError, match=r"^'Alien' \(1979\) stands twice in the catalogue; keep one block$"):
        parse(FILM + "\n" + FILM, "x.film")


def test_two_spellings_with_one_id_are_refused() -> None:
    other = FILM.replace("Alien", "Aliens").replace("Ridley Scott", "Ridley-Scott")
    with pytest.raises(SampleFormatError, match=r"^'Ridley Scott' and 'Ridley-Scott' are both 'ridley-scott'; spell"):
        check_people(parse(FILM + "\n" + other, "x.film"))


def test_a_bare_name_beside_a_numbered_one_is_refused() -> None:
    other = FILM.replace("Alien", "Aliens").replace("Ridley Scott", "Ridley Scott [2]")
    with pytest.raises(SampleFormatError, match=r"^'Ridley Scott' stands with and without a number \('ridley-scott-2'"):
        check_people(parse(FILM + "\n" + other, "x.film"))


def test_numbered_names_are_two_people_of_one_name() -> None:
    one, other = person("Steve McQueen [1]"), person("Steve McQueen [2]")
    assert (one.id, other.id) == ("steve-mcqueen-1", "steve-mcqueen-2")
    assert one.name == other.name == "Steve McQueen"


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("Dan O'Bannon", "dan-obannon"),
        ("Alfonso Cuarón", "alfonso-cuaron"),
        ("Władysław Kowalski", "wladyslaw-kowalski"),
        ("Mads Brügger Ørsted", "mads-brugger-orsted"),
        ("8½", "8-1-2"),
        ("WALL·E", "wall-e"),
        ("L'Avventura", "lavventura"),
        ("M", "m"),
    ],
)
def test_an_id_is_plain_ascii(text: str, id_: str) -> None:
    assert slug(text) == id_


def test_a_name_without_latin_letters_is_refused() -> None:
    with pytest.raises(
        SampleFormatError, match=r"^'七人の侍' has no letter to make an id of; write it in Latin letters$"
    ):
        slug("七人の侍")


def test_the_catalogue_is_read_once() -> None:
    assert load_catalog() is load_catalog()
