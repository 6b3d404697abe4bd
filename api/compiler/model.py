"""What a field means in the graph: written beside the field in `api/types/`, read by the compiler.

In the expressions `{n}` stands for the node's variable, `{r}` for the relationship's, `{o}` for the owner's. They are
the only places where the compiler puts anything into a text, and it puts its own variable names there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from cinegraph.types import Label, Relation

KEY: Final = "cypher"
"""Where a Strawberry field's metadata holds its meaning."""


@dataclass(frozen=True, slots=True)
class Property:
    """A leaf: one expression."""

    expression: str


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order; `expression` is never null, and `name` is its property in an index of all the keys."""

    expression: str
    name: str = ""


LABEL: Final = SortKey("labels({n})[0]")
"""The last key where nodes of several labels may have one id."""


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a connection: the last key is unique. All keys go in one direction, so that an index can too."""

    keys: tuple[SortKey, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Related:
    """A connection: the relationship, its direction from the owner, the label at the other end, and its orders.

    `owner_key` is the relationship's copy of the owner's id: given, the relationship has a composite index on
    (owner_key, sort key, other end's id) for every order, and a page is a seek in it.
    """

    relation: Relation
    outgoing: bool
    target: Label | None
    orders: Mapping[str, Order]
    owner_key: str = ""
    where: str = ""

    @property
    def pattern(self) -> str:
        """With {o}, {r} and {n} to be filled in."""
        label = f":{self.target}" if self.target else ""
        left, right = ("", ">") if self.outgoing else ("<", "")
        return f"({{o}}){left}-[{{r}}:{self.relation}]-{right}({{n}}{label})"

    @property
    def pattern_of_degree(self) -> str:
        """With {o} to be filled in: without the label at the other end, which the relationship's type implies, so that
        the graph counts by the degree of the node."""
        left, right = ("", ">") if self.outgoing else ("<", "")
        return f"({{o}}){left}-[:{self.relation}]-{right}()"


@dataclass(frozen=True, slots=True)
class ToOne:
    """At most one node at the other end."""

    relation: Relation
    outgoing: bool
    target: Label


@dataclass(frozen=True, slots=True)
class Resolved:
    """A connection that a resolver makes from the node's key, for all nodes of a place at once; what it may reach is
    counted where the node is compiled. One costs as much of the budget of nodes as a page of `least`."""

    least: int


@dataclass(frozen=True, slots=True)
class Root:
    """A list of all nodes of one label, at the root of a query."""

    label: Label
    orders: Mapping[str, Order]


def by(*names: str, descending: bool = False) -> Order:
    """An order by copies of the sort keys on the relationship, as its index has them."""
    return Order(tuple(SortKey(f"{{r}}.{name}", name) for name in names), descending)


Meaning: TypeAlias = Property | Related | ToOne | Resolved | None
"""What a field may mean; None where it is no part of a statement."""


def meaning(definition: Any) -> Meaning:
    """The meaning of a graphql-core field, through the Strawberry field that made it."""
    strawberry_field = definition.extensions.get("strawberry-definition")
    found: Meaning = getattr(strawberry_field, "metadata", {}).get(KEY)
    return found


@dataclass(slots=True)
class Names:
    """Fresh variable names for one statement."""

    count: int = field(default=0)

    def fresh(self) -> int:
        """The next number; `n3`, `r3` and `c3` belong together."""
        self.count += 1
        return self.count
