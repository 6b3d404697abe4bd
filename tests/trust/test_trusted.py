"""T33: with `only_trusted`, what is not registered is turned away before anything is parsed, and reaches no graph.

A thousand requests are made of registered operations, each changed a little: the text, the id, or what goes beside
them. None may be parsed, validated or run, by whichever door it comes; without `only_trusted` many are.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

import api.operations
from api.context import Services
from api.documents import Documents
from graph.client import GraphClient
from tests.api.live import live
from tests.api.web import ALIEN, RATE, TITLE, bearer, client_over, ratings_of

FILM = "query Film($id: ID!) { movie(id: $id) { id title genres { nodes { name } } } }"
LIST = "query List { movies(first: 3, sort: TITLE) { nodes { ...Card } } }\nfragment Card on Movie { id title year }\n"
TWO = "query A { genres { nodes { name } } } query B { movie(id: 1) { title } }"
TEXTS = (TITLE, FILM, LIST, TWO, RATE)
TRUSTED = {hashlib.sha256(text.encode()).hexdigest(): text for text in TEXTS}
IDS = {text: id_ for id_, text in TRUSTED.items()}
MUTANTS = 1_000
NOT_RUN = {"DOCUMENT_NOT_TRUSTED", "BAD_REQUEST"}

Body = dict[str, Any]


def hashed(id_: str, **more: Any) -> Body:
    """A request of an automatic persisted query."""
    return {**more, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_}}}


def put(text: str, place: int, more: str, instead: int = 0) -> str:
    return text[:place] + more + text[place + instead :]


def somewhere(rng: random.Random, text: str, signs: str) -> int:
    """The place behind one of these signs."""
    return 1 + rng.choice([i for i, sign in enumerate(text) if sign in signs])


TEXT_CHANGES: dict[str, Callable[[random.Random, str], str]] = {
    "whitespace": lambda rng, text: put(text, somewhere(rng, text, "{} "), rng.choice(" \n\t,\r\ufeff")),
    "whitespace around": lambda rng, text: rng.choice((" " + text, text + " ", text + "\n", "\ufeff" + text)),
    "a comment": lambda rng, text: put(text, somewhere(rng, text, "{}"), f"#{rng.randrange(1_000)}\n"),
    "another field": lambda rng, text: put(text, somewhere(rng, text, "{"), " __typename "),
    "an alias": lambda rng, text: put(text, somewhere(rng, text, "{"), f" a{rng.randrange(100)}: __typename "),
    "a renamed field": lambda rng, text: put(text, text.index("{") + 1, f" a{rng.randrange(100)}:"),
    "an argument": lambda rng, text: text.replace("(id:", f"(first: {rng.randrange(100)}, id:", 1) + "\n",
    "another value": lambda rng, text: text.replace("1", str(rng.randrange(2, 99)), 1) + rng.choice(" \n"),
    "a directive": lambda rng, text: put(text, text.rindex("}") - 1, f" @include(if: {rng.choice(['true', 'false'])})"),
    "a fragment": lambda rng, text: text + f" fragment F{rng.randrange(100)} on Movie {{ id }}",
    "an inline fragment": lambda rng, text: put(text, somewhere(rng, text, "{"), "... { __typename } "),
    "another operation": lambda rng, text: text + f" query X{rng.randrange(100)} {{ __typename }}",
    "another name": lambda rng, text: put(text, 0, f"query N{rng.randrange(100)} ") if text[0] == "{" else "#" + text,
    "another case": lambda rng, text: swapped(text, rng.choice([i for i, one in enumerate(text) if one.isalpha()])),
    "a sign less": lambda rng, text: put(text, rng.randrange(len(text)), "", 1),
    "a sign twice": lambda rng, text: put(text, place := rng.randrange(len(text)), text[place]),
    "a null": lambda rng, text: put(text, rng.randrange(len(text)), "\0"),
    "another script": lambda rng, text: text.replace("i", "\u0456", 1) if "i" in text else text + "\u00a0",
    "nothing of it": lambda rng, text: f"{{ __typename }} #{rng.randrange(1_000)}",
    "two in one": lambda rng, text: text + rng.choice(TEXTS),
}
ID_CHANGES: dict[str, Callable[[random.Random, str], str]] = {
    "another case": lambda rng, id_: id_.upper(),
    "the end cut off": lambda rng, id_: id_[: rng.randrange(1, len(id_))],
    "more behind it": lambda rng, id_: id_ + rng.choice("0123456789abcdef \n\0"),
    "more before it": lambda rng, id_: rng.choice(("sha256:", " ", "0", "\0")) + id_,
    "another digit": lambda rng, id_: put(id_, place := rng.randrange(len(id_)), other(id_[place]), 1),
    "two digits changed over": lambda rng, id_: id_[::-1],
    "a pattern": lambda rng, id_: rng.choice(("*", ".*", "%", id_[:8] + "*", "../" + id_)),
    "an SHA-256 of nothing here": lambda rng, id_: hashlib.sha256(rng.randbytes(8)).hexdigest(),
    "another hash": lambda rng, id_: hashlib.sha1(TRUSTED[id_].encode(), usedforsecurity=False).hexdigest(),
}


def swapped(text: str, place: int) -> str:
    return put(text, place, text[place].swapcase(), 1)


def other(digit: str) -> str:
    return "0" if digit != "0" else "f"


def changed_text(rng: random.Random, text: str) -> tuple[str, Body]:
    """A text that is like a registered one, alone or beside an id."""
    how = rng.choice(list(TEXT_CHANGES))
    made = TEXT_CHANGES[how](rng, text)
    own = hashlib.sha256(made.encode()).hexdigest()
    ways: list[tuple[str, Body]] = [
        ("alone", {"query": made}),
        ("beside the registered id", {"query": made, "documentId": IDS[text]}),
        ("beside another's id", {"query": made, "documentId": rng.choice(list(TRUSTED))}),
        ("beside its own SHA-256", hashed(own, query=made)),
        ("beside the registered SHA-256", hashed(IDS[text], query=made)),
        ("as its SHA-256 alone", hashed(own)),
        ("as an id", {"documentId": made}),
        ("beside its own SHA-256 as an id", {"query": made, "documentId": own}),
    ]
    way, body = rng.choice(ways)
    return f"text: {how}, {way}", body


def changed_id(rng: random.Random, text: str) -> tuple[str, Body]:
    """An id that is like a registered one, alone or beside a text."""
    how = rng.choice(list(ID_CHANGES))
    made = ID_CHANGES[how](rng, IDS[text])
    ways: list[tuple[str, Body]] = [
        ("alone", {"documentId": made}),
        ("beside the registered text", {"documentId": made, "query": text}),
    ]
    if how != "another case":  # a SHA-256 is the same number in capitals
        ways += [("as a SHA-256", hashed(made)), ("as a SHA-256 beside the text", hashed(made, query=text))]
    way, body = rng.choice(ways)
    return f"id: {how}, {way}", body


def exchanged(rng: random.Random, text: str) -> tuple[str, Body]:
    """A registered id beside another registered text."""
    id_ = IDS[rng.choice([one for one in TEXTS if one != text])]
    return rng.choice([("exchanged", {"query": text, "documentId": id_}), ("exchanged", hashed(id_, query=text))])


def mutants() -> Iterator[tuple[str, Body]]:
    """So many different requests, each with what was done to it; the same ones each time."""
    rng, seen = random.Random(33), set[str]()
    while len(seen) < MUTANTS:
        text = rng.choice(TEXTS)
        what, body = rng.choice((changed_text, changed_text, changed_id, exchanged))(rng, text)
        given = json.dumps(body)
        same = what.startswith("text") and (body.get("query") in TEXTS or body.get("documentId") in TRUSTED.values())
        if given not in seen and not same:
            seen.add(given)
            yield what, {**body, "variables": {"id": "1"}}


DOORS: dict[str, dict[str, str]] = {
    "POST": {},
    "GET": {"Apollo-Require-Preflight": "1"},
    "events": {"Accept": "text/event-stream"},
    "signed in": bearer("1"),
}


async def sent(http: httpx.AsyncClient, door: str, body: Body) -> httpx.Response:
    if door != "GET":
        return await http.post("/graphql", json=body, headers=DOORS[door])
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()}
    return await http.get("/graphql", params=given, headers=DOORS[door])


@pytest_asyncio.fixture(loop_scope="session")
async def production(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client_over(services, Documents(TRUSTED, only_trusted=True), graphiql=False) as client:
        yield client


@pytest.fixture
def parsed(production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is parsed after the start, in which the registered ones are."""
    return spy(monkeypatch)


def spy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    parse, seen = api.operations.parse, list[str]()

    def noting(text: str) -> Any:
        seen.append(text)
        return parse(text)

    def made(self: api.operations.Operations, text: str, *rest: Any) -> Any:
        seen.append(text)
        return whole(self, text, *rest)

    whole = api.operations.Operations._made
    monkeypatch.setattr(api.operations, "parse", noting)
    monkeypatch.setattr(api.operations.Operations, "_made", made)
    return seen


def code_of(response: httpx.Response) -> str | None:
    """The code of the first error of a request that was not run; None for one that was."""
    if "text/event-stream" in response.headers["content-type"]:
        return None
    body = response.json()
    if "data" in body:
        return None
    return str(body["errors"][0]["extensions"]["code"])


async def test_t33_a_thousand_changed_operations_are_turned_away_before_they_are_parsed(
    production: httpx.AsyncClient, parsed: list[str], migrated: GraphClient
) -> None:
    before, codes, kinds = migrated.session.statements, Counter[str | None](), set[str]()
    for number, (what, body) in enumerate(mutants()):
        door = list(DOORS)[number % len(DOORS)]
        code = code_of(await sent(production, door, body))
        assert code in NOT_RUN, (what, door, body)
        codes[code] += 1
        kinds.add(what)
    assert parsed == []
    assert migrated.session.statements == before
    assert codes.total() == MUTANTS
    assert all(codes[code] > 100 for code in NOT_RUN), codes
    for changes, kind in ((TEXT_CHANGES, "text"), (ID_CHANGES, "id")):
        assert {one.split(", ")[0] for one in kinds if one.startswith(kind)} == {f"{kind}: {one}" for one in changes}


async def test_t33_the_mutant_that_trusts_all_runs_many_of_them(
    services: Services, monkeypatch: pytest.MonkeyPatch, migrated: GraphClient
) -> None:
    async with client_over(services, Documents(TRUSTED), graphiql=False) as http:
        parsed, before = spy(monkeypatch), migrated.session.statements
        ran = [what for what, body in mutants() if code_of(await sent(http, "POST", body)) is None]
    assert len(ran) > 100
    assert len(parsed) > 100
    assert migrated.session.statements > before


async def test_t33_the_registered_ones_run_by_every_door_and_without_being_parsed_again(
    production: httpx.AsyncClient, parsed: list[str], migrated: GraphClient
) -> None:
    for body in ({"query": TITLE}, {"documentId": IDS[TITLE]}, hashed(IDS[TITLE]), hashed(IDS[TITLE], query=TITLE)):
        for door in ("POST", "GET"):
            assert (await sent(production, door, body)).json() == {"data": ALIEN}
        events = await sent(production, "events", body)
        assert events.text.startswith('event: next\ndata: {"data":{"movie":{"title":"Alien"}}}\n')
    assert (await sent(production, "POST", hashed(IDS[TITLE].upper()))).json() == {"data": ALIEN}, "the same number"
    film = await sent(production, "POST", {"documentId": IDS[FILM], "variables": {"id": "1"}})
    assert film.json()["data"]["movie"]["title"] == "Alien"
    assert len((await sent(production, "POST", {"documentId": IDS[LIST]})).json()["data"]["movies"]["nodes"]) == 3
    named = await sent(production, "POST", {"documentId": IDS[TWO], "operationName": "B"})
    assert named.json() == {"data": ALIEN}
    before = await ratings_of(migrated, "t33")
    rated = await production.post("/graphql", json={"documentId": IDS[RATE]}, headers=bearer("t33"))
    assert rated.json()["data"]["rateMovie"]["__typename"] == "Rated"
    assert await ratings_of(migrated, "t33") == before + 1
    assert parsed == []


RAW = {
    "a second text in one object": f'{{"query": {json.dumps(TITLE)}, "query": "{{ __typename }}"}}',
    "a second id in one object": f'{{"documentId": "{IDS[TITLE]}", "documentId": "{IDS[TITLE]}0"}}',
    "a list of one registered operation": f'[{{"documentId": "{IDS[TITLE]}"}}]',
    "a list beside a changed one": json.dumps([{"query": TITLE}, {"query": TITLE + " "}]),
    "an id that is a number": '{"documentId": 1}',
    "an id that is a list": f'{{"documentId": ["{IDS[TITLE]}"]}}',
    "a text that is a list": json.dumps({"query": [TITLE]}),
    "no id and no text": '{"operationName": "Film"}',
    "an empty text and an empty id": '{"query": "", "documentId": ""}',
    "half of a pair": '{"query": "\\ud800"}',
}


@pytest.mark.parametrize("what", RAW)
async def test_t33_no_form_of_a_body_is_a_way_around(
    production: httpx.AsyncClient, parsed: list[str], migrated: GraphClient, what: str
) -> None:
    before = migrated.session.statements
    asked = await production.post("/graphql", content=RAW[what], headers={"Content-Type": "application/json"})
    assert code_of(asked) in NOT_RUN
    assert parsed == []
    assert migrated.session.statements == before


async def test_t33_a_text_in_the_address_of_a_post_is_not_read(
    production: httpx.AsyncClient, parsed: list[str]
) -> None:
    asked = await production.post(
        "/graphql", params={"query": "{ __typename }", "operationName": "X"}, json={"query": TITLE}
    )
    assert asked.json() == {"data": ALIEN}
    assert parsed == []


async def test_t33_another_operation_of_a_registered_document_is_none(production: httpx.AsyncClient) -> None:
    """Its name chooses among what is registered, and makes nothing."""
    for name in ("C", "a", "A ", "__schema"):
        asked = await sent(production, "POST", {"documentId": IDS[TWO], "operationName": name})
        assert code_of(asked) == "GRAPHQL_VALIDATION_FAILED"


async def test_t33_a_websocket_runs_registered_operations_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch, migrated: GraphClient
) -> None:
    async with live(services, Documents(TRUSTED, only_trusted=True), graphiql=False) as server:
        parsed = spy(monkeypatch)
        async with server.client() as client:
            before = migrated.session.statements
            for number, (what, body) in zip(range(100), mutants(), strict=False):
                await client.say({"type": "subscribe", "id": f"m{number}", "payload": body})
                assert await client.refused(f"m{number}") in NOT_RUN, what
            assert parsed == []
            assert migrated.session.statements == before
            await client.subscribe(TITLE)
            assert await client.data() == ALIEN
            assert parsed == []
