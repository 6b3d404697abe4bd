"""Titles taken apart and compared."""

import pytest

from graph.ingest.genres import genres_of
from graph.ingest.titles import Title, parse_title, similarity


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Alien (1979)", Title("Alien", None, (), 1979)),
        ("Matrix, The (1999)", Title("The Matrix", None, (), 1999)),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            Title("The City of Lost Children", "La Cité des enfants perdus", (), 1995),
        ),
        ("Seven (a.k.a. Se7en) (1995)", Title("Seven", None, ("Se7en",), 1995)),
        ("Bear, The (Ours, L') (1988)", Title("The Bear", "L'Ours", (), 1988)),
        (
            "Bicycle Thieves (a.k.a. The Bicycle Thief) (Ladri di biciclette) (1948)",
            Title("Bicycle Thieves", "Ladri di biciclette", ("The Bicycle Thief",), 1948),
        ),
        (
            "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)",
            Title("Birdman: Or (The Unexpected Virtue of Ignorance)", None, (), 2014),
        ),
        ("(500) Days of Summer (2009)", Title("(500) Days of Summer", None, (), 2009)),
        ("Death Note: Desu nôto (2006–2007)", Title("Death Note: Desu nôto", None, (), 2006)),
        ("2001: A Space Odyssey (1968)", Title("2001: A Space Odyssey", None, (), 1968)),
        ("Black Mirror", Title("Black Mirror", None, (), None)),
        ("Usual Suspects, The (1995) ", Title("The Usual Suspects", None, (), 1995)),
    ],
)
def test_the_parts_of_a_title(text: str, title: Title) -> None:
    assert parse_title(text) == title


def test_titles_that_differ_in_case_accents_or_length_are_alike() -> None:
    assert similarity(["Amélie"], ["AMELIE"]) == 1.0
    assert similarity(["X2: X-Men United"], ["X2"]) == 1.0
    assert similarity(["The Ear", "Ucho"], ["Ucho"]) == 1.0


def test_titles_of_two_films_are_not_alike() -> None:
    assert similarity(["Pirate Radio"], ["The Boat That Rocked"]) < 0.4
    assert similarity([], ["Alien"]) == 0.0


def test_one_genre_has_one_id_in_both_sources() -> None:
    assert genres_of(["Sci-Fi", "Children's"]) == genres_of(["Science Fiction", "Family", "Children"])
    assert genres_of(["Sci-Fi"]) == [("science-fiction", "Science Fiction")]
    assert genres_of(["Musical", "Music"]) == [("music", "Music"), ("musical", "Musical")]
    assert genres_of(["(no genres listed)", "unknown", ""]) == []
    assert genres_of(["драма", "Ciencia ficción"]) == [("ciencia-ficcion", "Ciencia ficción"), ("драма", "драма")]
