"""A list for several people: what each likes counts, what one has seen is left out, and nobody's history is shown."""

from pathlib import Path
from typing import Any

import pytest

from api.invitations import invite
from graph.client import GraphClient
from tests.api.harness import Api, api_over
from tests.published import serving_over

ASK = """
query($first: Int! = 10, $after: String, $group: Group, $liked: [ID!], $filter: MovieFilter, $tuning: Tuning) {
  recommendations(first: $first, after: $after, group: $group, liked: $liked, filter: $filter, tuning: $tuning) {
    basis
    edges { rank score members { name satisfaction } node { id } why { sentence path { nodes { id } } } }
    pageInfo { endCursor hasNextPage }
  }
}
"""
INVITE = """
mutation($hours: Int! = 24) { inviteToGroup(hours: $hours) {
  __typename ... on InvitedToGroup { invitation expiresAt } ... on InvalidValue { message } } }
"""


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def edges(api: Api, user: str | None, members: list[dict[str, Any]], **variables: Any) -> list[Any]:
    group = {"members": members} | variables.pop("group", {})
    found: list[Any] = (await api.ask(ASK, user, group=group, **variables))["recommendations"]["edges"]
    return found


def ids(found: list[Any]) -> list[str]:
    return [edge["node"]["id"].removeprefix("Movie:") for edge in found]


async def refusal(api: Api, members: list[dict[str, Any]], **variables: Any) -> str:
    result = await api.execute(ASK, None, group={"members": members} | variables.pop("group", {}), **variables)
    assert result.errors is not None
    return result.errors[0].message


async def invitation(api: Api, user: str) -> str:
    found = (await api.ask(INVITE, user))["inviteToGroup"]
    return str(found["invitation"])


async def test_n14_what_each_likes_counts_and_is_shown_beside(api: Api) -> None:
    """Anna likes Alien: Blade Runner .5 and Gladiator .25 of it. Ben likes Amélie: Gladiator .5 and Alien .125."""
    members = [{"name": "Anna", "liked": ["1"]}, {"name": "Ben", "liked": ["4"]}]
    found = await edges(api, None, members, group={"withMe": False, "agreement": "AVERAGE"})
    assert ids(found) == ["3", "2", "5"], "what one says to like is for none of them"
    first = found[0]
    assert first["members"] == [{"name": "Anna", "satisfaction": 0.5}, {"name": "Ben", "satisfaction": 1.0}]
    assert (first["rank"], first["score"]) == (1, 0.75)
    assert {"1", "4"} & {node["id"].removeprefix("Movie:") for why in first["why"] for node in why["path"]["nodes"]}


async def test_n14_nothing_that_anna_has_seen_and_only_what_the_filter_lets_through(api: Api) -> None:
    members: list[dict[str, Any]] = [{"name": "Anna", "liked": ["1"], "seen": ["3"]}, {"name": "Ben", "liked": ["4"]}]
    assert "3" not in ids(await edges(api, None, members, group={"withMe": False}))
    members[0]["rewatch"] = True
    assert "3" in ids(await edges(api, None, members, group={"withMe": False}))
    short = {"runtime": {"max": 120}, "people": ["ridley-scott"]}
    assert ids(await edges(api, None, members, group={"withMe": False}, filter=short)) == ["2"]


async def test_the_caller_is_one_of_them_unless_they_leave_themselves_out(api: Api) -> None:
    """User 1 rated Alien and Gladiator."""
    members = [{"name": "Ben", "liked": ["4"]}]
    with_me = await edges(api, "1", members)
    assert ids(with_me) == ["2", "5"]
    assert [one["name"] for one in with_me[0]["members"]] == [None, "Ben"]
    without = await edges(api, "1", members, group={"withMe": False})
    assert set(ids(without)) == {"1", "2", "3", "5"}
    assert [one["name"] for one in without[0]["members"]] == ["Ben"]


async def test_an_invitation_lets_a_history_count_and_shows_nothing_of_it(api: Api) -> None:
    """User 2 rated Alien and Blade Runner, which nobody is shown."""
    token = await invitation(api, "2")
    found = await edges(api, None, [{"name": "Cleo", "invitation": token}], group={"withMe": False})
    alone = (await api.ask(ASK, "2"))["recommendations"]["edges"]
    assert ids(found) == ids(alone) == ["3", "4", "5"]
    assert [edge["why"] for edge in found] == [[], [], []]
    assert found[0]["members"] == [{"name": "Cleo", "satisfaction": 1.0}]


async def test_a_rating_of_one_who_is_invited_counts_at_once(api: Api) -> None:
    token = await invitation(api, "2")
    members = [{"name": "Cleo", "invitation": token}]
    assert "4" in ids(await edges(api, None, members, group={"withMe": False}))
    await api.ask('mutation { rateMovie(movie: "4", rating: 5.0) { __typename } }', "2")
    assert "4" not in ids(await edges(api, None, members, group={"withMe": False}))


async def test_one_statement_more_for_however_many_invited(api: Api) -> None:
    tokens = [await invitation(api, user) for user in ("1", "2", "3")]
    costs = []
    for count in (1, 3):
        members = [{"name": token[-9:], "invitation": token, "rewatch": True} for token in tokens[:count]]
        costs.append((await api.counted(ASK, None, group={"members": members, "withMe": False}))[1])
    assert costs[0] == costs[1]


async def test_pages_go_on_where_they_ended(api: Api) -> None:
    members, found, after = [{"name": "Ben", "liked": ["4"]}], list[str](), None
    while True:
        group = {"members": members, "withMe": False}
        page = (await api.ask(ASK, None, group=group, first=1, after=after))["recommendations"]
        found += ids(page["edges"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ids(await edges(api, None, members, group={"withMe": False}))


async def test_dials_compose_what_the_group_agrees_on(api: Api) -> None:
    members = [{"name": "Ben", "liked": ["4"]}]
    plain = ids(await edges(api, None, members, group={"withMe": False}))
    limited = ids(await edges(api, None, members, group={"withMe": False}, tuning={"perDirector": 1}))
    assert sorted(limited) == sorted(plain)
    assert limited[0] == plain[0]
    assert limited[1] == "5", "Alien, Blade Runner and Gladiator are of one director"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "group.members has 0: a group has 1 to 10 beside the caller"),
        ([{"name": f"{i}"} for i in range(11)], "group.members has 11"),
        ([{"name": "Anna"}, {"name": "Anna"}], "names 'Anna' 2 times; give each member one name"),
        ([{"name": ""}], "a name has 1 to 100 letters"),
        ([{"name": "Anna", "liked": ["1"] * 101}], "liked of 'Anna' has 101 movies; 100 is the most"),
        ([{"name": "Anna", "seen": ["1"] * 1001}], "seen of 'Anna' has 1001 movies; 1000 is the most"),
        ([{"name": "Anna", "liked": ["nosuch"]}], "not in the catalogue: Movie:nosuch"),
        ([{"name": "Anna", "invitation": "x"}], "the invitation of 'Anna' is none of this server's"),
    ],
)
async def test_what_cannot_be_is_named(api: Api, members: list[dict[str, Any]], message: str) -> None:
    assert message in await refusal(api, members)


async def test_an_invitation_ends(api: Api) -> None:
    ended = invite(api.services.cursors, "2", 1)
    assert "the invitation of 'Anna' has ended" in await refusal(api, [{"name": "Anna", "invitation": ended}])
    assert "1 to 168 hours" in (await api.ask(INVITE, "2", hours=0))["inviteToGroup"]["message"]
    assert (await api.ask(INVITE))["inviteToGroup"]["__typename"] == "NotSignedIn"


async def test_a_cursor_is_no_invitation(api: Api) -> None:
    page = (await api.ask(ASK, "2", first=1))["recommendations"]
    members = [{"name": "Anna", "invitation": page["pageInfo"]["endCursor"]}]
    assert "is none of this server's" in await refusal(api, members)


async def test_likes_of_a_caller_who_is_left_out_are_refused(api: Api) -> None:
    message = await refusal(api, [{"name": "Anna"}], group={"withMe": False}, liked=["1"])
    assert message == "liked is the caller's, whom withMe: false leaves out; give it to a member"
