"""T39: what one user did is in no other's answer, however requests lie beside each other.

Each user has a canary: a movie that they alone rated, one that they alone dismissed, a genre that they alone prefer,
and the time of the rating, which is nobody else's. All send the same documents at once, so that plans, documents,
histories, loaders, cursors and entity tags are shared as far as they ever are. `T39_REQUESTS` says how many requests
there are.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from api.context import Services
from api.invitations import HOUR, invite
from cinegraph.types import now
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.models import Published, Version, publish
from recommenders.artifacts import save_artifact
from recommenders.histories import Histories, UserHistory
from recommenders.scorers import ItemItemScorer
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import JSON, bearer, client_over
from tests.conftest import empty

REQUESTS = int(os.environ.get("T39_REQUESTS", "2000"))
USERS, AT_ONCE = 20, 40
REFUSED = ("NOT_FOUND", "INVALID_INPUT", "NOT_SIGNED_IN", "FORBIDDEN")
COMMON = 5
"""Movies that everybody may be recommended, and of which nothing says who is asking."""
PLANT = WriteStatement(
    "plant",
    """
    UNWIND range(0, $common - 1) AS i
    MERGE (m:Movie {id: 'common' + i}) SET m.title = 'Common ' + i, m.popularity = toFloat(i)
    MERGE (c:Genre {id: 'common'}) SET c.name = 'Common'
    MERGE (m)-[h:HAS_GENRE]->(c) SET h.movieId = m.id, h.genreId = c.id, h.popularity = m.popularity, h.year = 0
    MERGE (p:Person {id: 'player'}) SET p.name = 'Player'
    MERGE (p)-[:ACTED_IN]->(m)
    WITH DISTINCT p
    UNWIND range(0, $users - 1) AS i
    MERGE (u:User {id: 'u' + i}) SET u.version = 1
    MERGE (rated:Movie {id: 'rated-' + i + '-'}) SET rated.title = 'Rated ' + i, rated.popularity = 0.0
    MERGE (left:Movie {id: 'left-' + i + '-'}) SET left.title = 'Left ' + i, left.popularity = 0.0
    MERGE (g:Genre {id: 'genre-' + i + '-'}) SET g.name = 'Genre ' + i
    MERGE (rated)-[h:HAS_GENRE]->(g) SET h.movieId = rated.id, h.genreId = g.id, h.popularity = 0.0, h.year = 0
    MERGE (p)-[:ACTED_IN]->(rated)
    MERGE (u)-[r:RATED]->(rated) SET r.userId = u.id, r.movieId = rated.id, r.rating = 5.0, r.at = 1000 * (1 + i)
    MERGE (u)-[d:DISMISSED]->(left) SET d.userId = u.id, d.movieId = left.id, d.at = 1
    MERGE (u)-[likes:PREFERS]->(g) SET likes.weight = 0.5
    """,
    frozenset({"users", "common"}),
)
COMMON_ALONE = 'filter: {genres: ["common"]}'
WHY = "why(first: 2) { sentence id path { nodes { id } segments { start { id } end { id } } } }"
OWN = {
    "me": "{ me { id ratings { edges { at node { id } } } dismissed { nodes { id } } preferences { nodes { id } } } }",
    "list": f"{{ recommendations(first: 2, {COMMON_ALONE}) {{ replayId edges {{ cursor node {{ id }} {WHY} }} }} }}",
    "explain": f'{{ explain(movie: "common1") {{ contributions {{ value node {{ id }} }} {WHY} }} }}',
    "rate": "mutation($own: ID!) { rateMovie(movie: $own, rating: 3.5) { __typename } }",
    "unrate": "mutation($own: ID!) { removeRating(movie: $own) { __typename } }",
    "paths": 'query($user: ID!) { paths(from: $user, to: "Movie:common1", first: 2) { nodes { nodes { id } } } }',
    "user": "query($user: ID!) { user(id: $user) { id ratings { nodes { id } } dismissed { nodes { id } } } }",
    "node": "query($user: ID!) { node(id: $user) { id ... on User { ratings { nodes { id } } } } }",
    "verify": "query($reason: ID!) { verifyExplanation(id: $reason) { holds segments { start end } } }",
    "replay": """query($replay: ID!) { replayRecommendations(id: $replay) { ... on Replay { movies {
      movieId why { sentence path { nodes { id } } } } } } }""",
    "after": f"query($after: String) {{ recommendations(after: $after, {COMMON_ALONE}) {{ nodes {{ id }} }} }}",
    "group": """query($group: Group!) { recommendations(first: 2, group: $group, filter: {genres: ["common"]}) {
      edges { node { id } why { sentence path { nodes { id } } } } } }""",
}
"""What everybody asks: of themselves, and with what another was given."""
OF_ANOTHER = ("paths", "user", "node", "verify", "replay", "after", "group")
CANARY = re.compile(r"(?:User:u|rated-|left-|genre-|Rated |Left |Genre )(\d+)\b")


@dataclass
class Crowd:
    """The application, and what its users were given: a cursor and the id of a reason each."""

    http: httpx.AsyncClient
    services: Services
    given: dict[int, dict[str, Any]] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    asked: int = 0
    conflicts: int = 0

    async def ask(self, user: int | None, query: str, /, **variables: Any) -> Any:
        """An answer; that it holds another's canary is noted."""
        headers = {"accept": JSON} | ({} if user is None else bearer(f"u{user}"))
        body = {"query": query, "variables": variables}
        if query.startswith("mutation"):
            response = await self.http.post("/graphql", json=body, headers=headers)
        else:  # by GET, so that entity tags and what caches may do are part of it
            sent = {"query": query, "variables": json.dumps(variables)}
            response = await self.http.get("/graphql", params=sent, headers=headers)
        self.asked += 1
        found = response.json()
        others = set(CANARY.findall(json.dumps(found.get("data")))) - {str(user)}
        if others:
            self.leaks.append(f"{user} is shown what {sorted(others)} have: {query} {response.text}")
        if user is not None and "max-age" in response.headers.get("cache-control", ""):
            self.leaks.append(f"caches may keep what {user} was answered: {query}")
        return found

    async def meet(self, user: int) -> None:
        """Ask for what a user is given: a cursor, the id of a reason, an invitation."""
        page = (await self.ask(user, OWN["list"]))["data"]["recommendations"]
        edge = page["edges"][0]
        group = {"members": [{"name": "other", "invitation": invite(self.services.cursors, f"u{user}", now() + HOUR)}]}
        own = {
            "user": f"User:u{user}",
            "own": f"left-{user}-",
            "after": edge["cursor"],
            "reason": edge["why"][0]["id"],
            "replay": page["replayId"],
            "group": group,
        }
        self.given[user] = own
        assert set(CANARY.findall(json.dumps(edge))) == {str(user)}, "an answer has a canary"

    async def turn(self, rng: random.Random, what: str) -> None:
        """One request: of a user for themself, of a user with what another was given, or of nobody."""
        user, other = rng.sample(range(USERS), 2)
        mine = rng.random() < 0.6 or what not in OF_ANOTHER
        given = self.given[user if mine else other]
        asks: int | None = None if not what.endswith("rate") and rng.random() < 0.1 else user
        names = [name for name in given if f"${name}:" in OWN[what]]
        found = await self.ask(asks, OWN[what], **{name: given[name] for name in names})
        if what in ("paths", "verify", "replay") and (not mine or asks is None):
            assert [*found["data"].values()] == [None], found
            assert found["errors"][0]["extensions"]["code"] in REFUSED, found
        elif what in ("user", "node") and (not mine or asks is None):
            assert found == {"data": {what: None}}
        elif "errors" in found:  # the user's own writes at the same moment
            assert found["errors"][0]["extensions"]["code"] == "GRAPH_CONFLICT", found
            assert not any(found["data"].values()), found
            self.conflicts += 1


async def crowded(crowd: Crowd, count: int, kinds: Sequence[str]) -> None:
    """So many requests, some dozens at any moment, in an order that the seed decides."""
    rng, turns = random.Random(39), iter(range(count))

    async def client() -> None:
        for _ in turns:
            await crowd.turn(rng, rng.choice(kinds))

    for user in range(USERS):
        await crowd.meet(user)
    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def planted(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """A model in which each canary leads to all common movies, and no canary to another."""
    await empty(migrated)
    await migrated.writer.write(PLANT, users=USERS, common=COMMON)
    root = tmp_path_factory.mktemp("models")
    movies = [*(f"common{i}" for i in range(COMMON)), *(f"rated-{i}-" for i in range(USERS))]
    weights = np.zeros((len(movies), len(movies)), np.float32)
    weights[COMMON:, :COMMON] = 1 + np.random.default_rng(1).random((USERS, COMMON))
    popularity = np.array([*range(1, COMMON + 1), *[0] * USERS], np.float32)
    scorer = ItemItemScorer(weights, np.arange(len(movies), dtype=np.int32), popularity)
    about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64}
    version = save_artifact(root, "ease", scorer, np.array(movies), created_at=1, **about)
    await publish(migrated.writer, Version(version, "ease", {}, "f" * 64, {}, version), Published(similar=[]))
    serving = Serving(migrated.reader, root)
    await serving.refresh()
    return api_over(migrated, serving).services


async def test_t39_nothing_of_one_user_is_in_the_answer_of_another(planted: Services) -> None:
    async with client_over(planted, user_rate=0, anonymous_rate=0) as http:
        crowd = Crowd(http, planted)
        await crowded(crowd, REQUESTS, tuple(OWN))
    assert crowd.asked == REQUESTS + USERS
    assert crowd.leaks == []
    assert crowd.conflicts < REQUESTS // 10, "nearly all are answered"


async def test_t39_the_mutant_with_one_history_for_all_is_seen(
    planted: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Histories kept by the first letter of the user's id."""

    async def get(self: Histories, user_id: str) -> UserHistory:
        found = self._histories.get(user_id[0]) or await self._read(user_id)
        self._histories[user_id[0]] = found
        return found

    await planted.graph.write(PLANT, users=USERS, common=COMMON)  # so that no version tells histories apart
    planted.serving.histories.clear()
    async with client_over(planted, user_rate=0, anonymous_rate=0) as http:
        crowd = Crowd(http, planted)
        for user in range(USERS):
            await crowd.meet(user)
        planted.serving.histories.clear()
        monkeypatch.setattr(Histories, "get", get)
        for user in range(USERS):
            await crowd.ask(user, OWN["explain"])
    planted.serving.histories.clear()
    assert len(crowd.leaks) == USERS - 1
