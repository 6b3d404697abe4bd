"""The list of pairs is whole, and its mistakes are named."""

import pytest

from graph.sample.catalog import SampleFormatError, load_catalog
from graph.sample.pairs import Pairs, load_pairs, parse

IDS = {"One (2001)": "one-2001", "Two (2002)": "two-2002"}


def test_thirty_pairs_are_alike_and_thirty_are_not() -> None:
    pairs = load_pairs()
    assert (len(pairs.alike), len(pairs.unlike)) == (30, 30)
    assert len({frozenset(pair) for pair in (*pairs.alike, *pairs.unlike)}) == 60
    assert {id_ for pair in (*pairs.alike, *pairs.unlike) for id_ in pair} <= {film.id for film in load_catalog()}


def test_unlike_pairs_share_somebody_too() -> None:
    people = {film.id: set(film.people) for film in load_catalog()}
    assert sum(bool(people[one] & people[other]) for one, other in load_pairs().unlike) >= 8


def test_a_list_is_read_by_its_headings() -> None:
    text = "# a note\n\n## alike\nOne (2001); Two (2002)\n## unlike\n"
    assert parse(text, IDS) == Pairs((("one-2001", "two-2002"),), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## alike\nOne (2001); Three (2003)", "pairs.txt:2: 'Three (2003)' is no film of the sample"),
        ("## alike\nOne (2001)", "pairs.txt:2: 'One (2001)' has 1 films"),
        ("One (2001); Two (2002)", "pairs.txt:1: '' is no list; write `## alike` or `## unlike`"),
        (
            "## alike\nOne (2001); Two (2002)\nTwo (2002); One (2001)",
            "pairs.txt:3: 'Two (2002); One (2001)' stands twice",
        ),
    ],
)
def test_a_line_that_is_no_pair_is_named(text: str, message: str) -> None:
    with pytest.raises(SampleFormatError) as caught:
        parse(text, IDS)
    assert message in str(caught.value)
