"""Answers of all peers have one shape, and what differs is named."""

import pytest

from benchmarks.graphql.answers import answer_of, difference, normal

OURS = {
    "movie": {
        "id": "Movie:1",
        "cast": {"edges": [{"character": "Ripley", "node": {"name": "Sigourney Weaver"}}]},
        "genres": {"nodes": [{"name": "Horror"}]},
    }
}
APOLLO = {
    "movies": [
        {
            "id": "1",
            "cast": {"edges": [{"properties": {"character": "Ripley"}, "node": {"name": "Sigourney Weaver"}}]},
            "genres": [{"name": "Horror"}],
        }
    ]
}
LOADERS = {
    "movie": {
        "id": "1",
        "cast": [{"character": "Ripley", "person": {"name": "Sigourney Weaver"}}],
        "genres": [{"name": "Horror"}],
    }
}


def test_three_ways_to_say_the_same_are_one() -> None:
    one = {"id": "1", "cast": [{"character": "Ripley", "name": "Sigourney Weaver"}], "genres": [{"name": "Horror"}]}
    assert [answer_of(answer, one=True) for answer in (OURS, APOLLO, LOADERS)] == [one, one, one]


def test_a_connection_keeps_what_else_was_asked_of_it() -> None:
    rest = {"pageInfo": {"hasNextPage": True}, "totalCount": 7}
    assert normal({"nodes": [{"title": "Alien"}], **rest}) == {"items": [{"title": "Alien"}], **rest}
    assert normal({"edges": [{"node": {"title": "Alien"}}], **rest}) == {"items": [{"title": "Alien"}], **rest}


def test_an_id_loses_its_label_and_nothing_else() -> None:
    assert [normal({"id": id_})["id"] for id_ in ("Movie:a:b", "a:b", "Other:1")] == ["a:b", "a:b", "Other:1"]


def test_a_list_of_none_is_no_answer_and_a_list_of_many_stays_one() -> None:
    assert answer_of({"movies": []}, one=True) is None
    assert answer_of({"movies": [{"title": "Alien"}]}, one=False) == [{"title": "Alien"}]


@pytest.mark.parametrize(
    ("other", "place"),
    [
        ({"title": "Alien", "cast": [{"name": "A"}, {"name": "C"}]}, ".cast[1].name: 'B' and 'C'"),
        ({"title": "Alien", "cast": [{"name": "B"}, {"name": "A"}]}, ".cast[0].name: 'A' and 'B'"),
        ({"title": None, "cast": [{"name": "A"}, {"name": "B"}]}, ".title: 'Alien' and None"),
        ({"title": "Alien", "cast": [{"name": "A"}]}, ".cast: [{'name': 'A'}, {'name': 'B'}] and [{'name': 'A'}]"),
        ({"title": "Alien", "cast": [{"name": "A"}, {"name": "B"}]}, None),
    ],
)
def test_the_first_difference_is_named_with_both_values(other: object, place: str | None) -> None:
    assert difference({"title": "Alien", "cast": [{"name": "A"}, {"name": "B"}]}, other) == place


def test_whole_numbers_are_equal_however_they_are_written() -> None:
    assert difference({"popularity": 4.0}, {"popularity": 4}) is None
