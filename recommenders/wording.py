"""A verified path in a sentence: only names that stand on the path, only facts that the graph holds."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.verify import Facts
from recommenders.reasons import Reason

Name: TypeAlias = Callable[[NodeRef], str]

DONE: Final[Mapping[Relation, str]] = {
    Relation.ACTED_IN: "acts in",
    Relation.DIRECTED: "directed",
    Relation.WROTE: "wrote",
    Relation.CREW: "worked on",
}
SHARED: Final[Mapping[Relation, str]] = {
    Relation.HAS_GENRE: "both are {}",
    Relation.HAS_KEYWORD: "the keyword “{}” fits both",
    Relation.PART_OF: "both belong to {}",
    Relation.PRODUCED_BY: "{} produced both",
    Relation.FROM_COUNTRY: "both come from {}",
    Relation.IN_LANGUAGE: "both are in {}",
}


def sentence(reason: Reason, facts: Facts, name: Name) -> str:
    """The reason in English; every name comes from `name`, every figure from the verified edges."""
    first = reason.nodes[0]
    if first.label is not Label.MOVIE:
        return f"Because you like {name(first)}{_person(reason.edges[0], first)}."
    return f"Because you {_opening(reason, facts, name)}, and {_link(reason, name)}."


def _opening(reason: Reason, facts: Facts, name: Name) -> str:
    title = name(reason.nodes[0])
    if reason.source is None:
        return f"like {title}"
    rating = facts[reason.source].get("rating", reason.rating)
    return f"rated {title} {stars(float(rating))}"


def stars(rating: float) -> str:
    """5 stars, 4.5 stars, 1 star."""
    return f"{rating:g} star{'' if rating == 1 else 's'}"


def _link(reason: Reason, name: Name) -> str:
    if len(reason.edges) == 1:
        return f"people who like it tend to like {name(reason.nodes[-1])}"
    one, other = reason.edges
    entity = reason.nodes[1]
    if one.relation in SHARED:
        return SHARED[one.relation].format(name(entity))
    if one.relation is other.relation:
        return f"{name(entity)} {DONE[one.relation]} both"
    return f"{name(entity)}, who {DONE[one.relation]} it, {DONE[other.relation]} {name(reason.nodes[-1])}"


def _person(edge: EdgeRef, node: NodeRef) -> str:
    return f", who {DONE[edge.relation]} it" if node.label is Label.PERSON else ""
