"""A slow, obvious answer to the same queries: graphql-core walks the schema over Python lists, nothing is compiled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, build_schema, graphql_sync

from api.ids import Cursors
from api.scalars import show
from tests import tiny
from tests.api.harness import schema

Keys = list[Any]


@dataclass(frozen=True)
class Row:
    """One edge: its sort keys, the relationship's properties, the node at the other end."""

    keys: Keys
    properties: dict[str, Any]
    node: "Item"


@dataclass(frozen=True)
class Item:
    """A node of the tiny graph."""

    kind: str
    id: str
    values: dict[str, Any]


MOVIES = {row["id"]: Item("Movie", row["id"], row) for row in tiny.MOVIES}
NAMES = {row[0]: row[1] for row in [*tiny.CAST, *((p, n, m) for p, n, m in tiny.DIRECTED)]}
PEOPLE = {id_: Item("Person", id_, {"id": id_, "name": name}) for id_, name in NAMES.items()}
GENRES = {name: Item("Genre", name, {"id": name, "name": name}) for row in tiny.MOVIES for name in row["genres"]}
FRENCH = Item("Language", "fr", {"id": "fr", "name": "French"})


def year(item: Item) -> int:
    return item.values["year"] or 0


def popularity(item: Item) -> float:
    return float(item.values["popularity"])


def descending(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row.keys), reverse=True)


def ascending(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row.keys))


def films(pairs: list[tuple[Item, dict[str, Any]]], sort: str) -> list[Row]:
    value = year if sort == "YEAR" else popularity
    return descending([Row([value(movie), movie.id], properties, movie) for movie, properties in pairs])


def by_name(items: list[Item]) -> list[Row]:
    return ascending([Row([item.values["name"], item.id], {}, item) for item in items])


def ratings(movie: Item) -> list[Row]:
    found = [
        Row([at, user], {"rating": rating, "at": at}, movie) for user, m, rating, at in tiny.RATINGS if m == movie.id
    ]
    return descending(found)


def rated(user: Item) -> list[Row]:
    found = [Row([at, m], {"rating": rating, "at": at}, MOVIES[m]) for u, m, rating, at in tiny.RATINGS if u == user.id]
    return descending(found)


def cast(movie: Item) -> list[Row]:
    return ascending(
        [
            Row([order, person], {"character": character, "order": order}, PEOPLE[person])
            for person, _, m, character, order in tiny.CAST
            if m == movie.id
        ]
    )


def acted_in(person: Item, sort: str) -> list[Row]:
    pairs = [(MOVIES[m], {"character": c, "order": o}) for p, _, m, c, o in tiny.CAST if p == person.id]
    return films(pairs, sort)


def directed(person: Item, sort: str) -> list[Row]:
    return films([(MOVIES[m], {}) for p, _, m in tiny.DIRECTED if p == person.id], sort)


def movies(sort: str) -> list[Row]:
    if sort == "TITLE":
        return ascending([Row([movie.values["title"], movie.id], {}, movie) for movie in MOVIES.values()])
    return films([(movie, {}) for movie in MOVIES.values()], sort)


CONNECTIONS: dict[tuple[str, str], Callable[..., list[Row]]] = {
    ("Movie", "cast"): lambda movie, _: cast(movie),
    ("Movie", "directors"): lambda movie, _: by_name([PEOPLE[p] for p, _, m in tiny.DIRECTED if m == movie.id]),
    ("Movie", "genres"): lambda movie, _: by_name([GENRES[name] for name in movie.values["genres"]]),
    ("Movie", "keywords"): lambda movie, _: [],
    ("Movie", "ratings"): lambda movie, _: ratings(movie),
    ("Person", "actedIn"): acted_in,
    ("Person", "directed"): directed,
    ("Genre", "movies"): lambda genre, sort: films(
        [(movie, {}) for movie in MOVIES.values() if genre.id in movie.values["genres"]], sort
    ),
    ("Language", "movies"): lambda _, sort: films([(MOVIES["4"], {})], sort),
    ("User", "ratings"): lambda user, _: rated(user),
    ("Query", "movies"): lambda _, sort: movies(sort),
    ("Query", "people"): lambda _, __: by_name(list(PEOPLE.values())),
    ("Query", "genres"): lambda _, __: by_name(list(GENRES.values())),
}
UP = {("Movie", "cast"), ("Movie", "directors"), ("Movie", "genres"), ("Query", "people"), ("Query", "genres")}


def page(
    cursors: Cursors, kind: str, place: tuple[str, str], rows: list[Row], arguments: dict[str, Any]
) -> dict[str, Any]:
    """All rows after the cursor, then the first of them: what no server should do."""
    sort = arguments.get("sort", "DEFAULT")
    seal_kind = f"{kind}.{sort}"
    total = len(rows)
    if arguments.get("after"):
        mark = cursors.open(seal_kind, arguments["after"])
        up = place in UP or sort == "TITLE"
        rows = [row for row in rows if (row.keys > mark if up else row.keys < mark)]
    shown = rows[: arguments["first"]]
    return {
        ":rows": shown,
        "totalCount": total,
        "nodes": [row.node for row in shown],
        "edges": [{"cursor": cursors.seal(seal_kind, row.keys), "node": row.node, **row.properties} for row in shown],
        "pageInfo": {
            "hasNextPage": len(rows) > len(shown),
            "hasPreviousPage": bool(arguments.get("after")),
            "startCursor": cursors.seal(seal_kind, shown[0].keys) if shown else None,
            "endCursor": cursors.seal(seal_kind, shown[-1].keys) if shown else None,
        },
    }


class Reference:
    """Answers queries over the tiny graph, for the user "1"."""

    def __init__(self, cursors: Cursors) -> None:
        self.cursors = cursors
        self.schema: GraphQLSchema = build_schema(schema().as_str())
        for kind in self.schema.type_map.values():
            if hasattr(kind, "resolve_type"):
                kind.resolve_type = lambda item, *_: item.kind

    def ask(self, query: str, variables: dict[str, Any]) -> Any:
        result = graphql_sync(
            self.schema, query, root_value=None, variable_values=variables, field_resolver=self._resolve
        )
        assert result.errors is None, result.errors
        return result.data

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        place = (info.parent_type.name, info.field_name)
        if place in CONNECTIONS:
            rows = CONNECTIONS[place](source, arguments.get("sort", "DEFAULT"))
            kind: Any = info.return_type
            while not isinstance(kind, GraphQLObjectType):
                kind = kind.of_type
            return page(self.cursors, kind.name, place, rows, arguments)
        if isinstance(source, Item):
            return self._leaf(source, info.field_name)
        if source is None:
            return self._root(info.field_name, arguments)
        value = source[info.field_name]
        return show(value) if info.field_name == "at" else value

    def _leaf(self, item: Item, name: str) -> Any:
        defaults = {"id": f"{item.kind}:{item.id}", "ratingCount": 0, "collection": None}
        if name == "language":
            return FRENCH if item.id == "4" else None
        return defaults.get(name, item.values.get(name))

    def _root(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "me":
            return Item("User", "1", {})
        key = arguments["id"].rpartition(":")[2]
        return {"movie": MOVIES, "person": PEOPLE, "genre": GENRES}[name].get(key)
