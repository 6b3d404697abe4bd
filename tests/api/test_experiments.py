"""Experiments as callers meet them: who may run them, which model answers whom, and who counts as exposed."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from api.auth import ALGORITHM, AUDIENCE, ISSUER
from api.context import Context, Services
from graph.client import GraphClient
from graph.experiments import count, find_experiment, sums
from recommenders.serving import Serving
from recommenders.slate import Tuning
from tests.api.harness import Api, api_over, operations
from tests.api.web import SECRET, bearer, client_over
from tests.experimenting import GUARDED, begun, crowd, did, exposed, pinned, users_of
from tests.published import FACTORS, ITEM_ITEM, publish_model, serving_over

CONTROL, NEW = users_of("control", 3), users_of("new", 3)
ALL = """
{ experiments { id status salt outcome windowDays plannedUsers level startedAt stoppedAt because mismatch mismatchP
    arms { name share modelVersion diversity novelty calibration exposed counted mean stoppedAt because fault faultAt }
    verdicts { arm decision reason difference { difference low high }
      guardrails { outcome atLeast atMost difference { difference low high } } } } }
"""
START = """
mutation($experiment: ExperimentInput!) { startExperiment(experiment: $experiment) {
  __typename
  ... on ExperimentStarted { experiment { id status arms { name share modelVersion novelty exposed } } }
  ... on InvalidValue { message } ... on NotSignedIn { message } ... on NotAdministrator { message } } }
"""
STOP = """
mutation($id: String!, $because: String! = "seen enough") { stopExperiment(id: $id, because: $because) {
  __typename
  ... on ExperimentStopped { experiment { id status because } }
  ... on InvalidValue { message } ... on NotSignedIn { message } ... on NotAdministrator { message } } }
"""
LIST = """
query($liked: [ID!], $tuning: Tuning, $filter: MovieFilter) {
  recommendations(liked: $liked, tuning: $tuning, filter: $filter) { modelVersion edges {
    score node { id similarMovies(by: BEHAVIOUR) { modelVersion } } why { id contribution } } } }
"""


@pytest.fixture
async def versions(graph: GraphClient, tmp_path: Path) -> dict[str, str]:
    """Two versions; the item-item one is active."""
    await serving_over(graph, tmp_path, FACTORS)
    factors = await publish_model(graph, tmp_path, FACTORS, "lightgcn")
    return {"factors": factors, "active": await publish_model(graph, tmp_path, ITEM_ITEM)}


@pytest.fixture
async def api(graph: GraphClient, versions: dict[str, str], tmp_path: Path) -> Api:
    serving = Serving(graph.reader, tmp_path)
    await serving.refresh()
    return api_over(graph, serving)


async def shown_to(api: Api) -> list[tuple[str, str]]:
    """Who was exposed to which arm, once all of it is written."""
    await api.services.serving.arms.exposures.flush(api.graph.writer)
    return [(row["user"], row["arm"]) for row in await exposed(api.graph)]


def values(version: str, **changes: Any) -> dict[str, Any]:
    arms = [{"name": "control", "share": 0.5}, {"name": "new", "share": 0.5, "modelVersion": version, "novelty": 0.25}]
    return {"id": "one", "arms": arms, **changes}


# -- which model answers ---------------------------------------------------------------------------------------------


async def test_each_arm_is_answered_by_its_model_and_all_of_the_answer_is(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    for user, version in ((None, "active"), (CONTROL[0], "active"), (NEW[0], "factors")):
        answer = (await api.ask(LIST, user, liked=["1"]))["recommendations"]
        assert answer["modelVersion"] == versions[version]
        assert answer["edges"][0]["node"]["similarMovies"]["modelVersion"] == versions[version]
        reason = answer["edges"][0]["why"][0]
        checked = await api.ask(
            "query($id: ID!) { verifyExplanation(id: $id) { modelVersion holds } }", id=reason["id"]
        )
        assert checked["verifyExplanation"] == {"modelVersion": versions[version], "holds": True}
        explain = '{ explain(movie: "2", liked: ["1"]) { modelVersion score rank contributions { value } } }'
        explained = (await api.ask(explain, user))["explain"]
        first = next(edge for edge in answer["edges"] if edge["node"]["id"] == "Movie:2")
        assert (explained["modelVersion"], explained["score"]) == (versions[version], first["score"])
        assert sum(one["value"] for one in explained["contributions"]) == pytest.approx(first["score"], abs=1e-6)
    scores = [(await api.ask(LIST, user, liked=["1"]))["recommendations"]["edges"] for user in (CONTROL[0], NEW[0])]
    assert [one[0]["score"] for one in scores] == [0.5, 1.25]


async def test_a_group_is_answered_by_the_arm_of_the_one_who_asks(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    query = '{ recommendations(group: {members: [{name: "A", liked: ["1"]}]}) { modelVersion edges { rank } } }'
    for user, version in ((CONTROL[0], "active"), (NEW[0], "factors"), (None, "active")):
        assert (await api.ask(query, user))["recommendations"]["modelVersion"] == versions[version]
    assert await shown_to(api) == sorted([(CONTROL[0], "control"), (NEW[0], "new")])


async def test_one_request_is_answered_by_one_state_though_the_experiment_ends_meanwhile(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    context = Context(api.services, NEW[0], "test")
    before = context.served
    await graph.session.write("MATCH (e:Experiment) DETACH DELETE e", {})
    await api.services.serving.refresh()
    assert context.served is before
    assert Context(api.services, NEW[0], "test").served.state is api.services.serving.state


async def test_stopping_restores_the_active_model_and_its_defaults(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await api.administer(START, experiment=values(versions["factors"]))
    await api.services.serving.refresh()
    assert (await api.ask(LIST, NEW[0]))["recommendations"]["modelVersion"] == versions["factors"]
    stopped = await api.administer(STOP, id="one")
    assert stopped["stopExperiment"]["experiment"] == {"id": "one", "status": "STOPPED", "because": "seen enough"}
    await api.services.serving.refresh()
    assert (await api.ask(LIST, NEW[0]))["recommendations"]["modelVersion"] == versions["active"]
    assert api.services.serving.served(NEW[0]).dials == {}


async def test_the_dials_of_an_arm_hold_unless_the_query_has_its_own(api: Api, graph: GraphClient) -> None:
    object.__setattr__(api.services, "tuning", Tuning(novelty=0.5))
    await begun(graph, arms=pinned("", novelty=1.0))
    await api.services.serving.refresh()

    async def order(user: str | None, **tuning: float) -> list[str]:
        edges = (await api.ask(LIST, user, tuning=tuning))["recommendations"]["edges"]
        return [edge["node"]["id"].removeprefix("Movie:") for edge in edges]

    half, whole = await order(None), await order(None, novelty=1.0)
    assert half != whole
    assert (await order(CONTROL[0]), await order(NEW[0])) == (half, whole)
    assert await order(NEW[1], novelty=0.5) == half
    assert await shown_to(api) == sorted([(CONTROL[0], "control"), (NEW[0], "new")])


# -- who is exposed --------------------------------------------------------------------------------------------------


async def test_who_was_shown_what_differs_is_exposed_once(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    nothing = {"genres": []}
    assert (await api.ask(LIST, CONTROL[1], filter=nothing))["recommendations"]["edges"] == []
    await api.ask('{ movies { nodes { title } } explain(movie: "2") { score } }', NEW[1])
    assert await shown_to(api) == []
    for _ in range(2):
        for user in (None, CONTROL[0], NEW[0], "visitor"):
            await api.ask(LIST, user)
    assert {user for user, _ in await shown_to(api)} == {CONTROL[0], NEW[0], "visitor"}
    assert len(await shown_to(api)) == 3


async def test_similar_movies_expose_where_the_model_has_a_say_in_them(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    query = '{{ movie(id: "1") {{ similarMovies(by: {basis}) {{ edges {{ rank }} }} }} }}'
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    for basis in ("CONTENT", "GRAPH"):
        await api.ask(query.format(basis=basis), NEW[0])
    assert await shown_to(api) == []
    await api.ask(query.format(basis="BEHAVIOUR"), NEW[0])
    await api.ask(query.format(basis="BLEND"), CONTROL[0])
    assert await shown_to(api) == sorted([(CONTROL[0], "control"), (NEW[0], "new")])


async def test_noting_an_exposure_costs_a_request_no_statement(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    query = "{ recommendations { nodes { id } } }"
    _, before = await api.counted(query, NEW[0])
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    _, during = await api.counted(query, NEW[0])
    assert (before, during) == (2, 1)  # the first of a user reads their history too
    assert len(api.services.serving.arms.exposures) == 1


async def test_users_of_an_arm_that_cannot_be_served_are_not_exposed(
    api: Api, graph: GraphClient, versions: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / versions["factors"] / "manifest.json").write_text("{}")
    await begun(graph, arms=pinned(versions["factors"]))
    await api.services.serving.refresh()
    for user in (CONTROL[0], NEW[0]):
        assert (await api.ask(LIST, user))["recommendations"]["modelVersion"] == versions["active"]
    assert await shown_to(api) == [(CONTROL[0], "control")]


# -- who may run them ------------------------------------------------------------------------------------------------


@pytest.fixture
def services(api: Api) -> Services:
    return api.services


async def answered(services: Services, query: str, headers: dict[str, str] | None, **variables: Any) -> Any:
    async with client_over(services) as http:
        return (await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)).json()


ANONYMOUS: dict[str, str] = {}
FORGED = {"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": 9_999_999_999, "admin": "yes"}


async def test_experiments_are_read_by_administrators_alone(
    services: Services, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    forged = {"Authorization": f"Bearer {jwt.encode(FORGED, SECRET, ALGORITHM)}"}
    for headers, code in ((ANONYMOUS, "NOT_SIGNED_IN"), (bearer("1"), "FORBIDDEN"), (forged, "FORBIDDEN")):
        answer = await answered(services, ALL, headers)
        assert answer["data"] == {"experiments": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    answer = await answered(services, ALL, bearer("1", admin=True))
    assert [one["id"] for one in answer["data"]["experiments"]] == ["one"]


async def test_experiments_are_begun_and_ended_by_administrators_alone(
    services: Services, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph)
    for headers, kind, words in (
        (ANONYMOUS, "NotSignedIn", "cinegraph token USER makes one"),
        (bearer("1"), "NotAdministrator", "cinegraph token USER --admin"),
    ):
        begin = await answered(services, START, headers, experiment=values(versions["factors"], id="two"))
        ending = await answered(services, STOP, headers, id="one")
        for outcome in (begin["data"]["startExperiment"], ending["data"]["stopExperiment"]):
            assert outcome["__typename"] == kind
            assert words in outcome["message"]
    assert (await find_experiment(graph.reader)).running
    ending = await answered(services, STOP, bearer("1", admin=True), id="one")
    assert ending["data"]["stopExperiment"]["__typename"] == "ExperimentStopped"
    begin = await answered(services, START, bearer("1", admin=True), experiment=values(versions["factors"], id="two"))
    assert begin["data"]["startExperiment"] == {
        "__typename": "ExperimentStarted",
        "experiment": {
            "id": "two",
            "status": "RUNNING",
            "arms": [
                {"name": "control", "share": 0.5, "modelVersion": None, "novelty": None, "exposed": 0},
                {"name": "new", "share": 0.5, "modelVersion": versions["factors"], "novelty": 0.25, "exposed": 0},
            ],
        },
    }


async def test_an_administrator_has_no_more_of_other_users_than_anybody(api: Api) -> None:
    assert await api.administer('{ user(id: "1") { id } node(id: "User:1") { id } }') == {"user": None, "node": None}


async def test_what_cannot_be_is_an_outcome_and_begins_nothing(api: Api, versions: dict[str, str]) -> None:
    version = versions["factors"]
    wrong = [
        (values("nosuch-1"), "there is no model version 'nosuch-1'; there are:"),
        (values(version, arms=[{"name": "a", "share": 0.5}, {"name": "b", "share": 0.4}]), "sum to 0.9: they must sum"),
        (values(version, arms=[{"name": "a", "share": 1.0}]), "experiment: arms"),
        (values(version, id="One"), 'experiment: id = "One": it must be a text that matches'),
        (values(version, windowDays=0), "experiment: window_days = 0"),
        (values(version, guardrails=[{"outcome": "VIEWED"}]), "give one limit"),
    ]
    for given, words in wrong:
        outcome = (await api.administer(START, experiment=given))["startExperiment"]
        assert outcome["__typename"] == "InvalidValue"
        assert words in outcome["message"]
    assert (await api.administer(ALL))["experiments"] == []
    started = await api.administer(START, experiment=values(version))
    assert started["startExperiment"]["__typename"] == "ExperimentStarted"
    outcome = (await api.administer(START, experiment=values(version, id="two")))["startExperiment"]
    assert outcome["message"].startswith("the experiment 'one' is running, and one at a time can be")
    for id_, because, words in (
        ("two", "x", "there is no experiment 'two'; there are: one"),
        ("one", "", "because has 0 characters"),
    ):
        assert words in (await api.administer(STOP, id=id_, because=because))["stopExperiment"]["message"]


async def test_experiments_are_told_with_all_that_may_be_said(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"], novelty=0.5), guardrails=GUARDED)
    await crowd(graph, "control", [f"c{n}" for n in range(400)], [0, 1, 2, 3])
    await crowd(graph, "new", [f"n{n}" for n in range(400)], [2, 3, 4, 5])
    (one,) = (await api.administer(ALL))["experiments"]
    (verdict,) = one.pop("verdicts")
    control, new = one.pop("arms")
    assert one | {"mismatchP": 1.0} == one == {
        "id": "one", "status": "RUNNING", "salt": "one", "outcome": "LIKED", "windowDays": 1_000 / 86_400_000,
        "plannedUsers": 10_000, "level": 0.05, "startedAt": "1970-01-01T00:00:05.000Z", "stoppedAt": None,
        "because": None, "mismatch": False, "mismatchP": 1.0,
    }  # fmt: skip
    nothing = {
        "diversity": None,
        "calibration": None,
        "stoppedAt": None,
        "because": None,
        "fault": None,
        "faultAt": None,
    }
    shared = {"share": 0.5, "exposed": 400, "counted": 400, **nothing}
    assert control == {"name": "control", "modelVersion": None, "novelty": None, "mean": 1.5, **shared}
    assert new == {"name": "new", "modelVersion": versions["factors"], "novelty": 0.5, "mean": 3.5, **shared}
    assert (verdict["arm"], verdict["decision"], verdict["difference"]["difference"]) == ("new", "BETTER", 2.0)
    assert 1 < verdict["difference"]["low"] < 2 < verdict["difference"]["high"] < 3
    assert verdict["guardrails"] == [
        {
            "outcome": "DISMISSED",
            "atLeast": None,
            "atMost": 0.2,
            "difference": {"difference": 0.0, "low": 0.0, "high": 0.0},
        }
    ]


async def test_experiments_cost_as_many_statements_for_one_as_for_twenty(api: Api, graph: GraphClient) -> None:
    context = Context(api.services, "admin", "test", admin=True)
    costs = []
    for n in range(20):
        await begun(graph, f"e{n}")
        await graph.session.write("MATCH (e:Experiment {running: true}) SET e.running = null, e.stoppedAt = 9", {})
        if n in (0, 19):
            before = graph.session.statements
            result = await operations().ask(ALL, None, context)
            assert result.errors is None
            assert len((result.data or {})["experiments"]) == n + 1
            costs.append(graph.session.statements - before)
    assert costs == [2, 2]


async def test_what_users_do_after_they_were_shown_it_is_what_is_counted(
    api: Api, graph: GraphClient, versions: dict[str, str]
) -> None:
    """From the answer of the API to the number of the experiment, all by the same clock."""
    window = 60_000
    await begun(graph, arms=pinned(versions["factors"]), window=window, started_at=0)
    await api.services.serving.refresh()
    user = NEW[0]
    await did(graph, [(user, "RATED", "5", 5.0, 1)])
    await api.ask('mutation { rateMovie(movie: "1", rating: 4.0) { __typename } }', user)
    await api.ask(LIST, user)
    await shown_to(api)
    for movie in ("2", "3"):
        await api.ask("mutation($m: ID!) { rateMovie(movie: $m, rating: 4.5) { __typename } }", user, m=movie)
    await api.ask('mutation { dismissMovie(movie: "4") { __typename } }', user)
    (row,) = await exposed(graph)
    assert await count(graph.writer, "one", row["at"] + window) == 1
    found = {one["outcome"]: (one["users"], one["x"], one["y"]) for one in await sums(graph.reader, ["one"])}
    assert found == {"liked": (1, 1, 2), "dismissed": (1, 0, 1), "viewed": (1, 0, 0)}
