"""Each root field has an example in the reference, and every example is answered as the documents show it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

from graph.client import GraphClient
from tests.api.harness import schema
from tests.conftest import empty
from tests.docs.answers import stage
from tests.docs.examples import (
    ANY,
    DOCUMENTS,
    PIECE,
    REFERENCE,
    Example,
    as_shown,
    differences,
    examples,
    varies,
    written,
)

EXAMPLES = [one for file in DOCUMENTS for one in examples(file)]
NAMES = [f"{one.file.stem}: {one.heading}" for one in EXAMPLES]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def answers(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> dict[Example, Any]:
    """What the server answers to each example, in their order."""
    await empty(migrated)
    async with stage(migrated, tmp_path_factory.mktemp("models")) as found:
        return {example: await found.ask(example) for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_an_example_is_answered_as_it_is_shown(answers: dict[Example, Any], example: Example) -> None:
    told = differences(json.loads(example.shown), answers[example])
    assert told == [], "python -m tests.docs.answers writes the answers anew"


def test_every_root_field_has_its_example() -> None:
    roots = schema()._schema.query_type, schema()._schema.mutation_type, schema()._schema.subscription_type
    fields = sorted(name for root in roots if root for name in root.fields)
    shown = list(examples(REFERENCE))
    assert sorted({one.heading for one in shown}) == fields
    assert [one.heading for one in shown if one.heading not in one.fields] == []
    text = REFERENCE.read_text(encoding="utf-8")
    assert [name for name in fields if f"[`{name}`](#{name.lower()})" not in text] == []


def test_every_json_of_a_document_is_an_answer_or_a_request() -> None:
    """So that no answer is shown that is not held."""
    for file in DOCUMENTS:
        blocks = [one["text"] for one in PIECE.finditer(file.read_text(encoding="utf-8")) if one["kind"] == "json"]
        asked = {text for one in examples(file) for text in (one.text, one.shown)}
        assert [text for text in blocks if text not in asked and '"documentId"' not in text] == []


def leaves(shown: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Each value of an answer that holds no others, with its place."""
    inner = shown.items() if isinstance(shown, dict) else enumerate(shown) if isinstance(shown, list) else ()
    for name, value in inner:
        if isinstance(value, dict | list) and value:
            yield from leaves(value, (*place, name))
        else:
            yield (*place, name), value


def test_only_what_is_another_each_time_is_left_out() -> None:
    """A value that is left out is held by nothing."""
    found = [place for one in EXAMPLES for place, value in leaves(json.loads(one.shown)) if value == ANY]
    assert len(found) > 20
    assert [place for place in found if not varies(".".join(str(one) for one in place if isinstance(one, str)))] == []


def test_the_answers_stand_as_they_are_written() -> None:
    assert [one.heading for one in EXAMPLES if one.shown != f"{written(as_shown(json.loads(one.shown)))}\n"] == []


OTHERS: dict[type, Any] = {str: "other", int: 7_000_001, float: 0.0123, bool: None, type(None): "other"}


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_a_changed_answer_is_seen(example: Example) -> None:
    """A mutant for each value that is shown: another one, none, and one more beside it."""
    places = [place for place, value in leaves(json.loads(example.shown)) if value != ANY]
    assert places
    for place in places:
        for change in (replaced, removed, doubled):
            given = json.loads(example.shown)
            inner = given
            for name in place[:-1]:
                inner = inner[name]
            change(inner, place[-1])
            assert len(differences(json.loads(example.shown), given)) == 1, (place, change)


def replaced(inner: Any, name: Any) -> None:
    inner[name] = OTHERS.get(type(inner[name]), "other")


def removed(inner: Any, name: Any) -> None:
    del inner[name]


def doubled(inner: Any, name: Any) -> None:
    if isinstance(inner, list):
        inner.append(inner[name])
    else:
        inner["one more"] = inner[name]


def test_a_number_with_a_fraction_is_held_to_its_shown_digits() -> None:
    assert differences({"score": 0.7685}, {"score": 0.76854909}) == []
    assert differences({"score": 0.7685}, {"score": 0.7695}) != []
    assert differences({"count": 45}, {"count": 46}) == [".count: 45 is shown, 46 is answered"]
    assert differences({"count": 45}, {"count": 45.0}) != []
    assert differences({"id": ANY}, {"id": None}) != []
