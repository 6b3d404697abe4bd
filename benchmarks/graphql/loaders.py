"""The peer that is written by hand: Strawberry with DataLoaders, as its documentation has it.

    NEO4J_URI=… NEO4J_USER=… NEO4J_PASSWORD=… NEO4J_DATABASE=… PORT=0 python -m benchmarks.graphql.loaders

A field that leads to other nodes has a DataLoader, which asks one query for all nodes of its level; it fetches a node
with the properties that its type has, whichever of them are asked for. Served by one process of uvicorn.
"""

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import neo4j
import strawberry
import uvicorn
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

MOVIE_BY_ID = """
UNWIND $ids AS id MATCH (m:Movie {id: id})
RETURN id, m {.id, .title, .originalTitle, .year, .runtime, .overview, .popularity} AS found
"""
KEYWORD_BY_ID = "UNWIND $ids AS id MATCH (k:Keyword {id: id}) RETURN id, k {.id, .name} AS found"
CAST = """
UNWIND $ids AS id CALL (id) {
  MATCH (:Movie {id: id})<-[r:ACTED_IN]-(p:Person)
  WITH r, p ORDER BY r.order, p.id LIMIT $first
  RETURN collect({character: r.character, person: p {.id, .name}}) AS found
} RETURN id, found
"""
DIRECTORS = """
UNWIND $ids AS id CALL (id) {
  MATCH (:Movie {id: id})<-[:DIRECTED]-(p:Person)
  WITH p ORDER BY p.name, p.id LIMIT $first
  RETURN collect(p {.id, .name}) AS found
} RETURN id, found
"""
GENRES = """
UNWIND $ids AS id CALL (id) {
  MATCH (:Movie {id: id})-[:HAS_GENRE]->(g:Genre)
  WITH g ORDER BY g.name, g.id LIMIT $first
  RETURN collect(g {.id, .name}) AS found
} RETURN id, found
"""
FILMS = """
UNWIND $ids AS id CALL (id) {
  MATCH (:Person {id: id})-[:ACTED_IN]->(m:Movie)
  WITH m ORDER BY m.popularity DESC, m.id DESC LIMIT $first
  RETURN collect(m {.id, .title, .originalTitle, .year, .runtime, .overview, .popularity}) AS found
} RETURN id, found
"""
MOVIES_OF_KEYWORD = """
UNWIND $ids AS id CALL (id) {
  MATCH (:Keyword {id: id})<-[r:HAS_KEYWORD]-(m:Movie)
  WITH m ORDER BY r.popularity DESC LIMIT $first
  RETURN collect(m {.id, .title, .originalTitle, .year, .runtime, .overview, .popularity}) AS found
} RETURN id, found
"""
COUNT_OF_KEYWORD = """
UNWIND $ids AS id MATCH (k:Keyword {id: id}) RETURN id, COUNT { (k)<-[:HAS_KEYWORD]-() } AS found
"""
ALL_MOVIES = """
MATCH (m:Movie) WHERE m.popularity IS NOT NULL AND m.id IS NOT NULL
RETURN m {.id, .title, .originalTitle, .year, .runtime, .overview, .popularity} AS found
ORDER BY m.popularity DESC, m.id DESC LIMIT $first
"""
MOVIES_OF_GENRE = """
MATCH (m:Movie)-[:HAS_GENRE]->(:Genre {id: $genre}) WHERE $from <= m.year <= $to
RETURN m {.id, .title, .originalTitle, .year, .runtime, .overview, .popularity} AS found
ORDER BY m.popularity DESC, m.id DESC LIMIT $first
"""


class Graph:
    """The driver, and the loaders of one request."""

    def __init__(self, driver: neo4j.AsyncDriver) -> None:
        self._driver = driver
        self._loaders: dict[tuple[str, int], DataLoader[str, Any]] = {}

    async def ask(self, text: str, **parameters: Any) -> list[neo4j.Record]:
        """The rows of a query."""
        found = await self._driver.execute_query(
            text, parameters, routing_=neo4j.RoutingControl.READ, database_=os.environ["NEO4J_DATABASE"]
        )
        return found.records

    def load(self, text: str, id_: str, first: int = 0) -> Any:
        """What a query finds of a node, to await; None where it finds nothing."""
        if (text, first) not in self._loaders:
            self._loaders[text, first] = DataLoader(partial(self._batch, text, first))
        return self._loaders[text, first].load(id_)

    async def _batch(self, text: str, first: int, ids: list[str]) -> Sequence[Any]:
        rows = await self.ask(text, ids=ids, first=first)
        found = {row["id"]: row["found"] for row in rows}
        return [found.get(id_) for id_ in ids]


Info: TypeAlias = strawberry.Info[Graph, None]


@strawberry.type
class Person:
    id: strawberry.ID
    name: str

    @strawberry.field
    async def films(self, info: Info, first: int = 10) -> list["Movie"]:
        return [movie(one) for one in await info.context.load(FILMS, self.id, first)]


@strawberry.type
class Role:
    character: str | None
    person: Person


@strawberry.type
class Genre:
    id: strawberry.ID
    name: str


@strawberry.type
class Movie:
    id: strawberry.ID
    title: str
    original_title: str | None
    year: int | None
    runtime: int | None
    overview: str | None
    popularity: float

    @strawberry.field
    async def cast(self, info: Info, first: int = 10) -> list[Role]:
        found = await info.context.load(CAST, self.id, first)
        return [Role(character=one["character"], person=Person(**one["person"])) for one in found]

    @strawberry.field
    async def directors(self, info: Info, first: int = 10) -> list[Person]:
        return [Person(**one) for one in await info.context.load(DIRECTORS, self.id, first)]

    @strawberry.field
    async def genres(self, info: Info, first: int = 10) -> list[Genre]:
        return [Genre(**one) for one in await info.context.load(GENRES, self.id, first)]


@strawberry.type
class PageInfo:
    has_next_page: bool


@strawberry.type
class MoviePage:
    keyword: strawberry.Private[strawberry.ID]
    nodes: list[Movie]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        count: int = await info.context.load(COUNT_OF_KEYWORD, self.keyword)
        return count


@strawberry.type
class Keyword:
    id: strawberry.ID
    name: str

    @strawberry.field
    async def movies(self, info: Info, first: int = 10) -> MoviePage:
        found = await info.context.load(MOVIES_OF_KEYWORD, self.id, first + 1)
        nodes = [movie(one) for one in found[:first]]
        return MoviePage(keyword=self.id, nodes=nodes, page_info=PageInfo(has_next_page=len(found) > first))


@strawberry.type
class Query:
    @strawberry.field
    async def movie(self, info: Info, id: strawberry.ID) -> Movie | None:
        found = await info.context.load(MOVIE_BY_ID, id)
        return movie(found) if found else None

    @strawberry.field
    async def keyword(self, info: Info, id: strawberry.ID) -> Keyword | None:
        found = await info.context.load(KEYWORD_BY_ID, id)
        return Keyword(**found) if found else None

    @strawberry.field
    async def movies(self, info: Info, first: int = 10) -> list[Movie]:
        return [movie(row["found"]) for row in await info.context.ask(ALL_MOVIES, first=first)]

    @strawberry.field
    async def movies_of_genre(
        self, info: Info, genre: strawberry.ID, from_year: int, to_year: int, first: int = 10
    ) -> list[Movie]:
        rows = await info.context.ask(MOVIES_OF_GENRE, genre=genre, **{"from": from_year, "to": to_year}, first=first)
        return [movie(row["found"]) for row in rows]


def movie(found: dict[str, Any]) -> Movie:
    """A movie of a row."""
    return Movie(original_title=found["originalTitle"], **{key: found[key] for key in found if key != "originalTitle"})


class Endpoint(GraphQL[Graph, None]):
    """The endpoint, with loaders of its own for each request."""

    driver: neo4j.AsyncDriver

    async def get_context(self, request: Any, response: Any) -> Graph:
        return Graph(self.driver)


def build_app() -> Starlette:
    """The application; its driver lives as long as it does."""
    endpoint = Endpoint(strawberry.Schema(Query), graphql_ide=None)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        auth = (os.environ["NEO4J_USER"], os.environ["NEO4J_PASSWORD"])
        async with neo4j.AsyncGraphDatabase.driver(os.environ["NEO4J_URI"], auth=auth) as endpoint.driver:
            yield

    app = Starlette(lifespan=lifespan)
    app.mount("/graphql", endpoint)
    return app


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", int(os.environ["PORT"])))
        print(f"GraphQL: http://127.0.0.1:{listener.getsockname()[1]}/graphql/", flush=True)
        uvicorn.Server(uvicorn.Config(build_app(), log_level="warning", access_log=False)).run([listener])


if __name__ == "__main__":
    main()
