"""What an operation may cost, known before anything of it runs.

A point is a hundred rows that the graph may have to look at. A page by an index looks at its own rows and one more; a
page without one looks at all that its owner has before it can sort them, so the largest degree in the catalogue counts.
What is ranked, compared or searched in memory counts a row for every ten movies. Whatever is selected below counts for
as many owners as the pages above it may have, which makes the cost a bound, never an average.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from api.compiler.compiler import DEFAULT_FIRST, MAX_FIRST
from api.compiler.model import Related, Resolved, ToOne, meaning
from api.compiler.selection import Scope, Selected, fields_of
from api.explaining import SPARE
from api.queries.groups import MOST_MEMBERS
from api.types.orders import MOVIES
from cinegraph.types import Relation
from graph.likes import RATINGS
from graph.paths import MAX_HOPS
from graph.snapshot import Snapshot

ROWS_A_POINT: Final = 100
IN_MEMORY: Final = 10
"""Movies in memory that cost as much as a row."""
FOUND: Final = 500
"""Nodes that the full-text index gives at most."""
UNKNOWN_DEGREE: Final = 1_000
"""What a node is taken to have of relationships that are not counted in memory."""
WALKED: Final = 20_000
"""Rows that a search for paths costs: what it looks at in memory is bounded, however large the catalogue."""

EDGES: Final = 3
"""Relationships of a reason at most, all of which are read again in the graph, by their ids or by both ends' keys."""
BY_KEYS: Final = 3
"""Rows that a relationship costs which is found by its ends: they, and itself."""

TIMES: Final[Mapping[str, int]] = {
    "Path.nodes": MAX_HOPS + 1,
    "Path.segments": MAX_HOPS,
    "RecommendationEdge.members": MOST_MEMBERS + 1,
    "RecommendationEdge.sources": 7,
    "RecommendationEdge.why": 10,
    "SimilarityEdge.why": 10,
    "Explanation.why": 10,
    "Explanation.contributions": 1_000,
    "Explanation.features": 50,
    "ExplanationCheck.segments": MAX_HOPS,
    "Replay.movies": MAX_FIRST,
    "ReplayedMovie.why": 10,
    "FirstQuestions.questions": MAX_FIRST,
    "Query.experiments": 100,
    "Query._entities": 100,
    "Experiment.arms": 10,
    "Experiment.verdicts": 10,
    "ExperimentVerdict.guardrails": 10,
}
"""Objects of a list without pages, at most; `first` may ask for fewer."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Rows that an operation may look at, and those of them that it looks at whatever it finds."""

    rows: int = 0
    fixed: int = 0

    @property
    def points(self) -> int:
        """What is asked for before it runs."""
        return max(1, ceil(self.rows / ROWS_A_POINT))

    def actual(self, objects: int) -> int:
        """The points of an answer with so many objects; never more than were asked for."""
        return min(self.points, max(1, ceil((self.fixed + objects) / ROWS_A_POINT)))


Own = Callable[[Snapshot, Selected, Mapping[str, Any]], int]


def _ranked(snapshot: Snapshot, selected: Selected, variables: Mapping[str, Any]) -> int:
    return ceil(snapshot.movies / IN_MEMORY)


def _whole(snapshot: Snapshot, selected: Selected, variables: Mapping[str, Any]) -> int:
    """A model and a catalogue may have to be read again."""
    return snapshot.movies


def _listed(snapshot: Snapshot, selected: Selected, variables: Mapping[str, Any]) -> int:
    """All movies, where a filter may let few of them through, or no index has the order."""
    order = MOVIES.orders[getattr(sort := selected.argument("sort").value(variables), "name", sort) or "POPULARITY"]
    in_index = all(key.name for key in order.keys)
    return 0 if in_index and not selected.argument("filter").value(variables) else snapshot.movies


def _rows(count: int) -> Own:
    return lambda snapshot, selected, variables: count


ONE: Final = _rows(1)
ROOTS: Final[Mapping[str, Own]] = {
    **dict.fromkeys(("node", "movie", "person", "genre", "keyword", "collection", "me", "user", "activeModel"), ONE),
    **dict.fromkeys(("people", "genres", "similarMovies", "movieChanged", "_entities", "_service"), ONE),
    "movies": _listed,
    "search": _rows(FOUND),
    "autocomplete": _rows(FOUND),
    "recommendations": _ranked,
    "recommendationsChanged": _ranked,
    "explain": _ranked,
    "firstQuestions": _ranked,
    "paths": _rows(WALKED),
    "verifyExplanation": _rows(BY_KEYS * MAX_HOPS),
    "replayRecommendations": _whole,
    "experiments": _rows(UNKNOWN_DEGREE),
}
"""What a root field costs beside what is selected below it; a mutation that is not named costs `WRITTEN`."""
WRITTEN: Final = 100


class Reckoner:
    """Reckons one operation: what one owner has below it, each selection once for each type that it is on, so that a
    selection on interfaces within interfaces takes time by its size."""

    def __init__(self, scope: Scope, snapshot: Snapshot) -> None:
        self._scope, self._snapshot = scope, snapshot
        self._known: dict[tuple[str, bool, tuple[int, ...]], int] = {}

    def reckon(self, operation: OperationDefinitionNode) -> Cost:
        """What the operation may cost."""
        rows = fixed = 0
        root = self._scope.schema.get_root_type(operation.operation)
        assert root is not None
        for selected in fields_of(self._scope, root, [operation.selection_set]):
            if selected.definition is None or selected.name.startswith("__"):
                continue
            own = ROOTS.get(selected.name, _rows(WRITTEN))(self._snapshot, selected, self._scope.variables)
            fixed += own
            rows += own + self._field(root, selected)
        return Cost(rows, fixed)

    def _field(self, owner: GraphQLObjectType, selected: Selected) -> int:
        """The rows of a field of one owner, with all below it."""
        assert selected.definition is not None
        if not selected.sets:
            return 0
        kind: Any = get_named_type(selected.definition.type)
        found = meaning(selected.definition)
        if isinstance(found, ToOne):
            return self._degree(found.relation, found.outgoing) + self._below(kind, selected.sets)
        if not kind.name.endswith("Connection"):
            times = self._times(owner, selected)
            return _looked(owner, selected, times) + times * self._below(kind, selected.sets)
        looked = page = self._page(selected) + 1  # the row that tells whether there are more has all below it read too
        if isinstance(found, Related) and not found.owner_key:
            looked = max(looked, self._degree(found.relation, found.outgoing))
        elif isinstance(found, Resolved):
            looked = max(looked, ceil(self._snapshot.movies / IN_MEMORY))
        elif selected.name == "similarMovies":
            looked = UNKNOWN_DEGREE
        return looked + page * self._below(kind, selected.sets, page=True)

    def _below(self, kind: Any, sets: Sequence[SelectionSetNode], *, page: bool = False) -> int:
        """What is selected on an object of a type; where it is an interface or a union, on the costliest of its
        types."""
        key = (kind.name, page, tuple(map(id, sets)))
        if key not in self._known:
            kinds = [kind] if isinstance(kind, GraphQLObjectType) else self._scope.schema.get_possible_types(kind)
            self._known[key] = max((self._on(one, sets, page) for one in kinds), default=0)
        return self._known[key]

    def _on(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode], page: bool) -> int:
        rows = 0
        for selected in fields_of(self._scope, kind, sets):
            if selected.definition is None:
                continue
            if page and selected.name in ("edges", "nodes"):
                rows += self._below(get_named_type(selected.definition.type), selected.sets)
            elif not (page and selected.name == "pageInfo"):
                rows += self._field(kind, selected)
        return rows

    def _page(self, selected: Selected) -> int:
        """The page's size; one that is refused later counts as the largest."""
        first = selected.argument("first").value(self._scope.variables)
        size = DEFAULT_FIRST if first is None else int(first)
        return size if 1 <= size <= MAX_FIRST else MAX_FIRST

    def _times(self, owner: GraphQLObjectType, selected: Selected) -> int:
        assert selected.definition is not None
        kind = selected.definition.type
        if not isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList):
            return 1
        most = TIMES[f"{owner.name}.{selected.name}"]
        if selected.name == "_entities":
            return max(1, min(len(selected.argument("representations").value(self._scope.variables)), most))
        if "first" in selected.definition.args:
            first = selected.argument("first").value(self._scope.variables)
            return most if first is None else max(1, min(int(first), most))
        return most

    def _degree(self, relation: Relation, outgoing: bool) -> int:
        return self._snapshot.largest.get((relation, outgoing), UNKNOWN_DEGREE)


def _looked(owner: GraphQLObjectType, selected: Selected, times: int) -> int:
    """The rows of so many objects of a list without pages; of reasons those of all their relationships, and the ratings
    among which likes are counted."""
    if selected.name != "why":
        return times
    counted = RATINGS + 1 if owner.name == "SimilarityEdge" else 0
    return counted + (times + SPARE) * EDGES * (1 + BY_KEYS if owner.name == "ReplayedMovie" else 1)


def reckon(
    schema: GraphQLSchema,
    fragments: Mapping[str, Any],
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    snapshot: Snapshot,
) -> Cost:
    """What an operation may cost with coerced variables, on a catalogue."""
    return Reckoner(Scope(schema, fragments, variables), snapshot).reckon(operation)
