"""Protocols are files with names; a figure carries the fingerprint of the one it was made under."""

import re
from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput, NotEnoughData, NotFound
from recommenders.protocol import DEFAULT, divide, load_protocol, names
from recommenders.splits import SplitName
from tests.recommenders.planted import planted


def test_each_method_has_a_file_of_its_name() -> None:
    assert names() == tuple(sorted(SplitName))
    assert [load_protocol(name).method for name in names()] == list(names())
    assert DEFAULT in names()


def test_what_decides_is_in_the_fingerprint_and_words_are_not() -> None:
    one = load_protocol("user_random")
    assert one.model_copy(update={"about": "other words"}).fingerprint == one.fingerprint
    assert one.model_copy(update={"seed": 1}).fingerprint != one.fingerprint
    assert len({load_protocol(name).fingerprint for name in names()}) == len(names())


def test_a_file_of_ones_own_is_a_protocol_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "half_and_half.yaml"
    file.write_text("about: Half is train.\nmethod: user_time\ntrain: 0.5\nvalidation: 0.25\n")
    protocol = load_protocol(str(file))
    split, used = divide(planted(), protocol)
    assert used.name == "half_and_half"
    assert [len(part) / 160 for part in (split.train, split.validation, split.test)] == [12, 6, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "mine.yaml: it holds a list, and must hold keys with values"),
        ("about: [\n", "mine.yaml, line 2: this is no YAML"),
        (
            "about: a\nmethod: by_hand\n",
            'mine.yaml, line 2: method = "by_hand": it must be one of global_time, user_time, user_random, '
            "leave_last_out, cold_movies, cold_users (how ratings are divided)",
        ),
        ("method: user_time\n", "mine.yaml: about is missing: it must be a text (what it shows, and what it does not)"),
        (
            "about: a\nmethod: user_time\nvalidatoin: .1\n",
            "line 3: validatoin = 0.1: there is no such key; did you mean validation? there are: about, method",
        ),
        (
            "about: a\nmethod: user_time\ntrain: 1.5\n",
            "line 3: train = 1.5: it must be a number above 0 below 1 (share",
        ),
        (
            "about: a\nmethod: user_time\ntrain: 0.9\nvalidation: 0.2\n",
            "mine.yaml: train = 0.9 and validation = 0.2 leave nothing to test with: together they must be below 1",
        ),
        ("about: a\nmethod: user_time\nname: other\n", "mine.yaml, line 3: name: a protocol has the name of its file"),
        (
            "about: a\nmethod: cold_users\nknown: [0, -1]\n",
            "mine.yaml, line 3: known.1 = -1: it must be a whole number from 0",
        ),
        (
            "about: a\nmethod: user_time\notherwise: mine\n",
            'mine.yaml, line 3: otherwise = "mine": it must be one of cold_movies, cold_users, global_time',
        ),
    ],
)
def test_a_bad_file_is_said_to_be_one(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=re.escape(message)):
        load_protocol(str(file))


def test_an_unknown_name_brings_the_known_ones() -> None:
    with pytest.raises(
        NotFound, match="there is no protocol 'by_moon'; there are: cold_movies, cold_users, global_time"
    ):
        load_protocol("by_moon")


def test_too_few_test_users_are_said_with_both_numbers() -> None:
    strict = load_protocol("user_time").model_copy(update={"min_test_users": 1000})
    with pytest.raises(NotEnoughData, match="leave 155 test users under user_time, which needs 1000"):
        divide(planted(), strict)


def test_too_few_users_of_either_part_bring_the_protocol_that_stands_in() -> None:
    given = {"min_test_users": 100, "otherwise": "user_time"}
    uneven = load_protocol("global_time").model_copy(update={"train": 0.79, "validation": 0.005, **given})
    split, _ = divide(planted(), uneven.model_copy(update={"min_test_users": 1}))
    assert split.validation_users < 100 < split.test_users
    assert divide(planted(), uneven)[1].name == "user_time"


def test_a_file_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(NotFound, match="there is no file nope.yaml; there are: cold_movies"):
        load_protocol("nope.yaml")
