"""A verified path in a sentence: only names that stand on the path, only facts that the graph holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.verify import Facts
from recommenders.reasons import Reason

Name: TypeAlias = Callable[[NodeRef], str]

DONE: Final[Mapping[Relation, str]] = {
    Relation.ACTED_IN: "is in",
    Relation.DIRECTED: "directed",
    Relation.WROTE: "wrote",
    Relation.CREW: "worked on",
}
SHARED: Final[Mapping[Relation, str]] = {
    Relation.HAS_GENRE: "both are {} films",
    Relation.HAS_KEYWORD: "the keyword “{}” fits both",
    Relation.PART_OF: "both belong to the {} series",
    Relation.PRODUCED_BY: "{} produced both",
    Relation.FROM_COUNTRY: "both were made in {}",
    Relation.IN_LANGUAGE: "both are in {}",
}


def sentence(reason: Reason, facts: Facts, name: Name) -> str:
    """The reason in English; every name comes from `name`, every figure from the verified edges."""
    first = reason.nodes[0]
    if first.label is not Label.MOVIE:
        return _ended(f"Because you like {_liked(first, name)}{_person(reason.edges[0], first)}")
    return _ended(f"Because you {_opening(reason, facts, name)}, and {_link(reason, name)}")


def shared_sentence(nodes: Sequence[NodeRef], edges: Sequence[EdgeRef], name: Name) -> str:
    """What joins two movies, the ends of a path over an entity."""
    text = _shared(nodes, edges, name, name(nodes[0]))
    return _ended(text[0].upper() + text[1:])


def liked_sentence(users: int, *, at_least: bool = False) -> str:
    """How many like both movies, as far as they were counted."""
    text = "one user" if users == 1 else f"{users:,} users"
    text = f"at least {text}" if at_least else text
    return f"{text[0].upper()}{text[1:]} liked both."


def _ended(text: str) -> str:
    """With a full stop, unless a title brought an end of its own."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def _liked(node: NodeRef, name: Name) -> str:
    """What is liked beside movies: a keyword in quotes, a genre and a series as such."""
    match node.label:
        case Label.KEYWORD:
            return f"“{name(node)}”"
        case Label.GENRE:
            return f"{name(node)} films"
        case Label.COLLECTION:
            return f"the {_series(name(node))} series"
    return name(node)


def _series(name: str) -> str:
    return name.removesuffix(" Collection").removesuffix(" Series").removesuffix(" series")


def _country(name: str) -> str:
    return f"the {name}" if name.startswith("United") or name.endswith(("Netherlands", "Republic", "Union")) else name


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
    return _shared(reason.nodes, reason.edges, name, "it")


def _shared(nodes: Sequence[NodeRef], edges: Sequence[EdgeRef], name: Name, first: str) -> str:
    """What joins the movies at the ends of a path over an entity; `first` is what the first of them is called."""
    (one, other), entity = edges, nodes[1]
    if one.relation in SHARED:
        written = WRITTEN.get(one.relation, str)
        return SHARED[one.relation].format(written(name(entity)))
    if one.relation is other.relation:
        return f"{name(entity)} {DONE[one.relation]} both"
    return f"{name(entity)}, who {DONE[one.relation]} {first}, {DONE[other.relation]} {name(nodes[-1])}"


def _person(edge: EdgeRef, node: NodeRef) -> str:
    return f", who {DONE[edge.relation]} it" if node.label is Label.PERSON else ""


WRITTEN: Final[Mapping[Relation, Callable[[str], str]]] = {
    Relation.PART_OF: _series,
    Relation.FROM_COUNTRY: _country,
}
"""How a name is written in the sentence of a relation, where not as it is."""
