"""Plans: what the compiler made of an operation, kept for the next request with the same structure."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from math import prod
from typing import Any, TypeAlias

from graphql import GraphQLField, GraphQLResolveInfo
from graphql.pyutils import Path
from graphql.utilities import type_from_ast

from api.compiler.binding import Binder, structure
from api.compiler.compiler import Compilation
from api.compiler.recall import Recall
from api.compiler.roots import Build, GroupsShape
from api.compiler.selection import Scope, Selected
from api.compiler.shape import Parameters, Planned, Shape
from api.ids import Cursors
from api.lacking import AWAY
from api.limits import LimitExceeded
from cinegraph import telemetry
from cinegraph.errors import GraphError
from graph.catalog import ReadStatement, parameters_of
from graph.client import Reader

Place: TypeAlias = tuple[str, ...]
"""The way from the root field down to a field: the type and the response key of each step, without list positions."""

KEPT = 1_000
"""Plans in memory at most, the least recently used one goes first; each with its operation's AST, whose identity is
part of the key, as is the structure of all variables, in few bytes however many values they have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement, where its parameters come from, and how its rows become the answer."""

    statement: ReadStatement
    binder: Binder
    shape: Shape | GroupsShape
    pages: tuple[tuple[str, ...], ...]

    def nodes(self, parameters: Mapping[str, Any]) -> int:
        """How many nodes the page sizes and the lists of keys allow at most."""
        return 1 + sum(prod(_size(parameters[name]) for name in names) for names in self.pages)


def _taken(shape: Shape | GroupsShape, value: Any, parameters: Parameters) -> Any:
    return shape.build(value, parameters) if isinstance(shape, GroupsShape) else Planned(shape, value, parameters)


def _size(page: Any) -> int:
    """Of a list of keys its length; of a page one less than its limit, which looks for a next page."""
    return len(page) if isinstance(page, list) else int(page) - 1


class Planner:
    """Compiles root fields, and runs what it compiled."""

    def __init__(self, cursors: Cursors, max_nodes: int) -> None:
        self._cursors, self._max_nodes = cursors, max_nodes
        self._kept: OrderedDict[Any, tuple[Any, object]] = OrderedDict()

    def run(
        self,
        reader: Reader,
        info: GraphQLResolveInfo[Any],
        build: Build,
        name: str = "",
        *,
        counted: bool = False,
        **given: Any,
    ) -> Awaitable[Any]:
        """The value of the field that `info` stands at, by one statement; refused before there is anything to await.

        What it reaches may be `counted` already, with the field that it is below.
        """
        return self.prepared(reader, info, build, name, counted=counted, **given)()

    def prepared(
        self,
        reader: Reader,
        info: GraphQLResolveInfo[Any],
        build: Build,
        name: str = "",
        *,
        counted: bool = False,
        **given: Any,
    ) -> Callable[[], Awaitable[Any]]:
        """The same, not begun: for whoever may be ended before they come to it."""
        variables = coerced(info)
        plan = self.plan(info, build, name, variables)
        parameters = plan.binder.fill(variables)
        if not counted:
            self._count(info, plan.nodes({**given, **parameters}))
        named = {name: value for name, value in {**given, **parameters}.items() if name in plan.statement.parameters}
        recall = partial(self._recalled, info, build, given, variables)
        return partial(self._read, reader, plan, named, parameters, info, recall)

    def _count(self, info: GraphQLResolveInfo[Any], nodes: int) -> None:
        """Refuse a field whose nodes, with those of the root fields before it, are more than a request may reach; a
        field whose answer is made anew counts once."""
        reached: dict[str, int] = info.context.reached
        field = ".".join(map(str, info.path.as_list()))
        before = sum(reached.values()) - reached.get(field, 0)
        if before + nodes > self._max_nodes:
            beside = f" beside {before:,} of the fields before it" if before else ""
            raise LimitExceeded(
                f"{field}: its page sizes allow {nodes:,} nodes{beside}, more than {self._max_nodes:,}; ask for "
                f"smaller pages (first) or fewer levels"
            )
        reached[field] = nodes

    @staticmethod
    async def _read(
        reader: Reader,
        plan: Plan,
        named: Mapping[str, Any],
        parameters: Mapping[str, Any],
        info: GraphQLResolveInfo[Any],
        recall: Callable[[GraphError], Any],
    ) -> Any:
        try:
            with telemetry.at(partial(names_of, info)), info.context.memory():
                rows = await reader.read(plan.statement, **named)
            value = rows[0]["value"] if rows else None
        except AWAY as error:
            value = recall(error)
        return None if value is None else _taken(plan.shape, value, parameters)

    def _recalled(
        self,
        info: GraphQLResolveInfo[Any],
        build: Build,
        given: Mapping[str, Any],
        variables: Mapping[str, Any],
        error: GraphError,
    ) -> Any:
        """The value from the catalogue in memory, since the graph does not answer; the answer is marked."""
        context = info.context
        scope = Scope(info.schema, info.fragments, variables)
        memory = Recall(scope, context.remembered(error), self._cursors, context.lack.absent)
        return build.recall(memory, selected_at(info), given)

    @property
    def plans(self) -> list[Plan]:
        """The plans in memory, the one used last at the end."""
        return [one for one, _ in self._kept.values() if isinstance(one, Plan)]

    def plan(self, info: GraphQLResolveInfo[Any], build: Build, name: str, variables: Mapping[str, Any]) -> Plan:
        """The kept plan for this operation, field and structure of variables, or a new one."""
        found: Plan = self.kept(info, f"plan {name}", lambda: self.compile(info, build, variables))
        return found

    def kept(self, info: GraphQLResolveInfo[Any], name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes of the field that `info` stands at, made once for an operation and its structure."""
        key = (id(info.operation), place_of(info), name, structured(info))
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = (make(), info.operation)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found[0]

    def compile(self, info: GraphQLResolveInfo[Any], build: Build, variables: Mapping[str, Any]) -> Plan:
        """The statement for the field that `info` stands at."""
        with telemetry.span("compile", {telemetry.FIELD: field_of(info)}):
            making = Compilation(Scope(info.schema, info.fragments, variables), self._cursors)
            text, shape = build(making, selected_at(info))
        statement = ReadStatement(f"field {field_of(info)}", text, parameters_of(text))
        return Plan(statement, making.binder, shape, tuple(making.pages))


def coerced(info: GraphQLResolveInfo[Any]) -> dict[str, Any]:
    """The request's variables after coercion."""
    values: Any = info.variable_values
    found: dict[str, Any] = getattr(values, "coerced", values)
    return found


def selected_at(info: GraphQLResolveInfo[Any]) -> Selected:
    """The field that `info` stands at, with the selections of all its nodes."""
    first = info.field_nodes[0]
    definition: GraphQLField = info.parent_type.fields[info.field_name]
    arguments = {argument.name.value: argument.value for argument in first.arguments or ()}
    sets = [node.selection_set for node in info.field_nodes if node.selection_set]
    return Selected(info.path.key, info.field_name, definition, arguments, sets)  # type: ignore[arg-type]


def structured(info: GraphQLResolveInfo[Any]) -> bytes:
    """The structure of the request's variables as 16 bytes, which are worked out once for all of its fields."""
    values, known = info.variable_values, info.context.structures
    if not known or known[0] is not values:
        known[:] = values, blake2b(repr(_structure(info, coerced(info))).encode(), digest_size=16).digest()
    found: bytes = known[1]
    return found


def _structure(info: GraphQLResolveInfo[Any], variables: Mapping[str, Any]) -> tuple[Any, ...]:
    parts = []
    for definition in info.operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in variables:
            kind: Any = type_from_ast(info.schema, definition.type)
            parts.append((name, structure(variables[name], kind)))
    return tuple(parts)


def place_of(info: GraphQLResolveInfo[Any]) -> Place:
    """Where the field stands in the operation."""
    steps = []
    path: Path | None = info.path
    while path is not None:
        if path.typename is not None:
            steps.append(f"{path.typename}.{path.key}")
        path = path.prev
    return tuple(reversed(steps))


def field_of(info: GraphQLResolveInfo[Any]) -> str:
    """The field of the schema that `info` stands at."""
    return f"{info.parent_type.name}.{info.field_name}"


def names_of(info: GraphQLResolveInfo[Any]) -> tuple[str, str]:
    """That field, and the response keys down to it, without places in lists."""
    return field_of(info), ".".join(key for key in info.path.as_list() if isinstance(key, str))
