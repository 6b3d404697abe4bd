"""N09: recommendations are made again, the very same, whatever was written since: by what their id holds."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api import replaying
from api.context import Context
from api.invitations import HOUR, invite
from api.queries import recommendations as answering
from cinegraph.types import now
from graph.actions import dismiss, rate, unrate
from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.archive import Archive
from recommenders.restoring import Restored
from recommenders.serving import Serving
from recommenders.state import State, StateKey
from tests import tiny
from tests.api.harness import Api, api_over, operations
from tests.published import FACTORS, ITEM_ITEM, publish_model
from tests.trust.test_degraded import away

SHOWN = "rank score match placedBy propensity why(first: 10) { sentence path { nodes { id } } }"
ASK = f"""
query($liked: [ID!], $tuning: Tuning, $context: Context, $filter: MovieFilter, $after: String, $group: Group) {{
  recommendations(
    first: 2, liked: $liked, tuning: $tuning, context: $context, filter: $filter, after: $after, group: $group
  ) {{
    replayId basis modelVersion graphVersion pageInfo {{ endCursor }} edges {{ node {{ id title }} {SHOWN} }}
  }}
}}"""
AGAIN = f"""
query($id: ID!) {{ replayRecommendations(id: $id) {{
  __typename
  ... on Replay {{
    identical givenAt basis modelVersion graphVersion movies {{ movieId title node {{ title }} {SHOWN} }}
  }}
  ... on ReplayImpossible {{ missing message }}
}} }}"""
WAYS: Mapping[str, tuple[str | None, dict[str, Any]]] = {
    "a user": ("1", {}),
    "another": ("3", {}),
    "a visitor who likes something": (None, {"liked": ["1", "4"]}),
    "a user who likes something beside": ("2", {"liked": ["4"]}),
    "a visitor of whom nothing is known": (None, {}),
    "a visitor somewhere": (None, {"context": {"languages": ["fr"], "recency": 1.0}}),
    "a filter": ("1", {"filter": {"not": {"genres": ["romance"]}, "year": {"min": 1980}}}),
    "diverse": ("1", {"tuning": {"diversity": 1.0, "novelty": 0.5, "calibration": 0.5, "spread": "DPP"}}),
    "places for what is to be tried": ("1", {"tuning": {"exploration": 0.5, "fresh": 0.5, "perDirector": 1}}),
}
CHANGE = WriteStatement(
    "change",
    """
    MATCH (meta:Meta {id: 'graph'}) SET meta.version = meta.version + 1
    WITH meta MATCH (m:Movie {id: '4'}) DETACH DELETE m
    WITH meta MERGE (n:Movie {id: '6'}) SET n.title = 'Arrival', n.year = 2016, n.popularity = 90.0
    WITH n MATCH (g:Genre {id: 'drama'}) MERGE (n)-[r:HAS_GENRE]->(g) SET r.movieId = n.id, r.genreId = g.id
    """,
    frozenset(),
)
RETITLE = WriteStatement("retitle", "MATCH (m:Movie {id: '2'}) SET m.title = 'Another'", frozenset())


def over(graph: GraphClient, root: Path, kept: int = 9) -> Api:
    """The API as a process that starts anew has it."""
    return api_over(graph, Serving(graph.reader, root / "models", archive=Archive(root / "catalogues", kept)))


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    await tiny.load(graph)
    await publish_model(graph, tmp_path / "models", ITEM_ITEM)
    found = over(graph, tmp_path)
    await found.services.serving.refresh()
    return found


async def asked(api: Api, user: str | None, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.ask(ASK, user, **variables))["recommendations"]
    return found


async def again(api: Api, user: str | None, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.ask(AGAIN, user, id=id_))["replayRecommendations"]
    return found


def movies_of(was: dict[str, Any]) -> list[dict[str, Any]]:
    """What a page showed, as a replay shows it, but for the reasons."""
    return [{"movieId": edge["node"]["id"], "title": edge["node"]["title"], **_figures(edge)} for edge in was["edges"]]


def _figures(one: dict[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("rank", "score", "match", "placedBy", "propensity")}


def replayed(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"movieId": one["movieId"], "title": one["title"], **_figures(one)} for one in found["movies"]]


async def much_happens(api: Api) -> None:
    """Ratings, dismissals, movies that come and go, titles that change, and another model."""
    graph = api.graph
    for user, movie, stars in (("1", "2", 0.5), ("1", "5", 5.0), ("3", "1", 1.0), ("2", "5", 5.0)):
        await rate(graph.writer, user, movie, stars, now())
    await unrate(graph.writer, "1", "1")
    await dismiss(graph.writer, "3", "5", now())
    await graph.writer.write(CHANGE)
    await graph.writer.write(RETITLE)
    await publish_model(graph, api.services.serving.artifacts, FACTORS, "lightgcn")


# -- the same --------------------------------------------------------------------------------------------------------


async def test_n09_a_replay_at_once_is_the_answer_with_its_reasons(api: Api) -> None:
    for user, variables in WAYS.values():
        was = await asked(api, user, **variables)
        found = await again(api, user, was["replayId"])
        assert found["identical"]
        assert replayed(found) == movies_of(was)
        assert [one["why"] for one in found["movies"]] == [edge["why"] for edge in was["edges"]]
        assert [one["node"]["title"] for one in found["movies"]] == [one["title"] for one in found["movies"]]
        assert [found[name] for name in ("basis", "modelVersion", "graphVersion")] == [
            was[name] for name in ("basis", "modelVersion", "graphVersion")
        ]


async def test_n09_a_replay_is_the_same_after_all_that_can_happen_and_in_another_process(
    api: Api, graph: GraphClient, tmp_path: Path
) -> None:
    pages = {}
    for way, (user, variables) in WAYS.items():
        first = await asked(api, user, **variables)
        pages[way] = first, await asked(api, user, **variables, after=first["pageInfo"]["endCursor"])
    await much_happens(api)
    other = over(graph, tmp_path)
    for one in (api, other):
        await one.services.serving.refresh()
        for way, (user, variables) in WAYS.items():
            for was in pages[way]:
                found = await again(one, user, was["replayId"])
                assert (found["identical"], replayed(found)) == (True, movies_of(was)), way
                assert found["graphVersion"] == was["graphVersion"] < one.services.serving.state.snapshot.version
            changed = await one.execute(ASK, user, **variables)  # refused where a liked movie is gone
            assert changed.errors or changed.data["recommendations"]["edges"] != pages[way][0]["edges"], way
    assert any(edge["node"]["id"] == "Movie:4" for was, _ in pages.values() for edge in was["edges"])


async def test_n09_the_mutant_that_answers_from_what_serves_now_is_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def state(self: Restored, key: StateKey) -> State:
        return self.serving.state

    was = await asked(api, "2")
    assert (await again(api, "2", was["replayId"]))["identical"]
    await much_happens(api)
    await api.services.serving.refresh()
    monkeypatch.setattr(Restored, "state", state)
    assert not (await again(api, "2", was["replayId"]))["identical"]


@pytest.mark.parametrize("part", ["ratings", "dismissed", "preferences"])
async def test_n09_the_mutant_that_forgets_a_part_of_the_history_is_seen(
    api: Api, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dismiss(api.graph.writer, "1", "2", now())
    await api.ask('mutation { setPreferences(preferences: [{node: "Genre:comedy", weight: -1}]) { __typename } }', "1")
    was = await asked(api, "1")
    assert (await again(api, "1", was["replayId"]))["identical"]
    whole = replaying.Known.of

    def of(history: Any) -> replaying.Known:
        known = whole(history)
        return replaying.Known(**{name: () if name == part else getattr(known, name) for name in known.__slots__})

    monkeypatch.setattr(answering.Known, "of", of)
    was = await asked(api, "1")
    assert not (await again(api, "1", was["replayId"]))["identical"]


async def test_t38_a_replay_is_as_many_statements_for_one_movie_as_for_many(api: Api) -> None:
    """The reasons by their keys, and as they are; the movies as they are."""
    for first in (1, 2, 4):
        query = f'{{ recommendations(first: {first}, liked: ["1"]) {{ replayId nodes {{ id }} }} }}'
        was = (await api.ask(query))["recommendations"]
        found, statements = await api.counted(AGAIN, None, id=was["replayId"])
        assert (len(found["replayRecommendations"]["movies"]), statements) == (first, 3)


# -- reasons ---------------------------------------------------------------------------------------------------------


async def test_n09_only_reasons_that_still_stand_are_shown(api: Api) -> None:
    was = await asked(api, "2")
    sentences = [why["sentence"] for edge in was["edges"] for why in edge["why"]]
    of_alien = [one for one in sentences if "you rated Alien" in one]
    assert of_alien
    assert of_alien != sentences
    await rate(api.graph.writer, "2", "1", 1.0, now())
    found = await again(api, "2", was["replayId"])
    assert [why["sentence"] for one in found["movies"] for why in one["why"]] == [
        one for one in sentences if one not in of_alien
    ]
    await rate(api.graph.writer, "2", "1", 4.0, now())
    found = await again(api, "2", was["replayId"])
    assert [why["sentence"] for one in found["movies"] for why in one["why"]] == sentences


async def test_n09_a_movie_that_is_gone_keeps_its_place_without_a_node(api: Api) -> None:
    was = await asked(api, "1")
    gone = was["edges"][0]["node"]["id"]
    remove = WriteStatement("remove", "MATCH (m:Movie {id: $id}) DETACH DELETE m", frozenset({"id"}))
    await api.graph.writer.write(remove, id=gone.partition(":")[2])
    first, *others = (await again(api, "1", was["replayId"]))["movies"]
    assert (first["movieId"], first["node"], first["why"]) == (gone, None, [])
    assert all(one["node"] for one in others)


async def test_n09_the_graph_away_a_replay_comes_from_memory_and_says_so(api: Api) -> None:
    was = await asked(api, "1")
    with away():
        found = await api.execute(AGAIN, "1", id=was["replayId"])
    assert found.errors is None
    assert found.data["replayRecommendations"]["identical"]
    assert found.extensions["degraded"]["without"] == ["graph"]


# -- whose, and what is gone -----------------------------------------------------------------------------------------


async def test_n09_only_the_one_who_was_given_it_can_replay_it(api: Api) -> None:
    own, visitors = await asked(api, "1"), await asked(api, None, liked=["1"])
    for other in ("2", None):
        result = await api.execute(AGAIN, other, id=own["replayId"])
        assert [one.original_error.code for one in result.errors] == ["NOT_FOUND"]
    for anyone in ("2", None):
        assert (await again(api, anyone, visitors["replayId"]))["identical"]


@pytest.mark.parametrize("change", [lambda id_: "x", lambda id_: id_[:-2] + "AA", lambda id_: id_ + "AAAA"])
async def test_n09_what_is_no_id_of_ours_is_refused(api: Api, change: Any) -> None:
    was = await asked(api, "1")
    result = await api.execute(AGAIN, "1", id=change(was["replayId"]))
    assert [one.original_error.code for one in result.errors] == ["INVALID_INPUT"]
    cursor = await api.execute(AGAIN, "1", id=was["pageInfo"]["endCursor"])
    assert [one.original_error.code for one in cursor.errors] == ["INVALID_INPUT"]


async def test_n09_there_is_none_for_a_group_nor_for_somebody_who_did_too_much(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = invite(api.services.cursors, "2", now() + HOUR)
    group = {"members": [{"name": "two", "invitation": invitation}]}
    assert (await asked(api, "1", group=group))["replayId"] is None
    assert (await asked(api, "1"))["replayId"]
    monkeypatch.setattr(replaying, "LONGEST", 100)
    assert (await asked(api, "1"))["replayId"] is None


async def test_n09_a_model_or_a_catalogue_that_is_gone_is_named(api: Api, graph: GraphClient, tmp_path: Path) -> None:
    was = await asked(api, "1")
    await much_happens(api)
    await api.services.serving.refresh()
    catalogues, models = tmp_path / "catalogues", tmp_path / "models"
    shutil.move(models / was["modelVersion"], tmp_path / "model")
    found = await again(api, "1", was["replayId"])
    assert (found["missing"], str(tmp_path) in found["message"]) == ("MODEL", False)
    shutil.move(tmp_path / "model", models / was["modelVersion"])
    assert (await again(api, "1", was["replayId"]))["identical"]
    forgetful = over(graph, tmp_path, kept=1)
    await forgetful.services.serving.refresh()
    await forgetful.graph.writer.write(CHANGE)
    await forgetful.services.serving.refresh()
    assert len([*catalogues.glob("catalogue-*.npz")]) == 1
    found = await again(forgetful, "1", was["replayId"])
    assert (found["missing"], "serving.kept_catalogues" in found["message"]) == ("CATALOGUE", True)
    without = api_over(graph, Serving(graph.reader, models))
    await without.services.serving.refresh()
    assert (await again(without, "1", was["replayId"]))["missing"] == "CATALOGUE"


async def test_n09_many_replays_at_once_read_a_state_of_then_once(
    api: Api, graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = await asked(api, "1")
    await much_happens(api)
    other, read = over(graph, tmp_path), []
    await other.services.serving.refresh()
    restore = Archive.restore

    def counted(self: Archive, key: StateKey, artifacts: Path) -> State:
        read.append(key)
        return restore(self, key, artifacts)

    monkeypatch.setattr(Archive, "restore", counted)
    context = Context(other.services, "1", "test")
    asking = operations().ask(AGAIN, {"id": was["replayId"]}, context)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asking, 0)
    found = await asyncio.gather(*(again(other, "1", was["replayId"]) for _ in range(5)))
    assert [one["identical"] for one in found] == [True] * 5
    assert len(read) == 1
