"""Paths and reasons: made in memory, verified in the graph, shown with every node and relationship on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import strawberry

from api.context import Info
from api.hydration import Hydrated, segment_name
from api.scalars import DateTime
from api.types.build import Node, enumeration
from cinegraph.types import EdgeRef, NodeRef, Relation
from graph.verify import Facts

_NAMES = [(one.name, one.value) for one in Relation if one is not Relation.HAS_TAG]
_KINDS: Any = Enum("RelationKind", _NAMES)  # type: ignore[misc]
RelationKind: Any = enumeration(
    _KINDS,
    "The type of a relationship.",
    {
        "ACTED_IN": "A person had a role in a movie.",
        "DIRECTED": "A person directed a movie.",
        "WROTE": "A person wrote for a movie.",
        "CREW": "A person did other work on a movie.",
        "HAS_GENRE": "A movie has a genre.",
        "HAS_KEYWORD": "A movie has a keyword.",
        "PRODUCED_BY": "A movie was produced by a company.",
        "PART_OF": "A movie belongs to a series.",
        "FROM_COUNTRY": "A movie was produced in a country.",
        "IN_LANGUAGE": "A movie's original language.",
        "SIMILAR": "A model holds a movie to be like another.",
        "RATED": "A user rated a movie.",
        "VIEWED": "A user watched some of a movie.",
        "TAGGED": "A user gave a movie a tag.",
        "DISMISSED": "A user wants a movie never to be recommended.",
        "PREFERS": "A user said to like or avoid something.",
    },
)


@dataclass(frozen=True, slots=True)
class Walked:
    """A verified path with all that is needed to show it."""

    nodes: tuple[NodeRef, ...]
    edges: tuple[EdgeRef, ...]
    facts: Facts
    hydrated: Hydrated


@strawberry.interface(description="One step of a path: a relationship in its own direction.")
class PathSegment:
    edge: strawberry.Private[EdgeRef]
    walked: strawberry.Private[Walked]

    @strawberry.field(description="Neo4j's element id of the relationship at this moment.")
    def relationship_id(self) -> strawberry.ID:
        return strawberry.ID(self.edge.element_id)

    @strawberry.field(description="The type of the relationship.", graphql_type=RelationKind)
    def relation(self) -> Any:
        return RelationKind[self.edge.relation.name]

    @strawberry.field(description="Where the relationship begins.", graphql_type=Node)
    def start(self, info: Info) -> Any:
        return self.walked.hydrated.at(info._raw_info, self.edge.start)

    @strawberry.field(description="Where the relationship ends.", graphql_type=Node)
    def end(self, info: Info) -> Any:
        return self.walked.hydrated.at(info._raw_info, self.edge.end)

    def fact(self, name: str) -> Any:
        """A property that the relationship had when it was verified."""
        return self.walked.facts[self.edge].get(name)


def _segment(relation: Relation, description: str, **properties: Any) -> Any:
    """The type of the segments of a relation, with the relationship's properties."""
    body: dict[str, Any] = {}
    for key, kind in properties.items():
        body[key] = strawberry.field(
            resolver=_fact(key), graphql_type=kind, description=f"`{key}` on the relationship."
        )
    return strawberry.type(type(segment_name(relation), (PathSegment,), body), description=description)


def _fact(key: str) -> Any:
    def resolve(self: Any) -> Any:
        return self.fact(key)

    return resolve


SEGMENTS: Mapping[Relation, Any] = {
    Relation.RATED: _segment(Relation.RATED, "The user rated the movie.", rating=float, at=DateTime),
    Relation.PREFERS: _segment(Relation.PREFERS, "The user said to like or avoid it.", weight=float, at=DateTime),
    Relation.VIEWED: _segment(Relation.VIEWED, "The user watched the movie.", at=DateTime, seconds=int),
    Relation.ACTED_IN: _segment(Relation.ACTED_IN, "A role.", character=str | None, order=int | None),
    Relation.DIRECTED: _segment(Relation.DIRECTED, "Direction."),
    Relation.WROTE: _segment(Relation.WROTE, "Writing."),
    Relation.CREW: _segment(Relation.CREW, "Other work.", job=str | None, department=str | None),
    Relation.HAS_GENRE: _segment(Relation.HAS_GENRE, "A genre of the movie."),
    Relation.HAS_KEYWORD: _segment(Relation.HAS_KEYWORD, "A keyword of the movie."),
    Relation.PRODUCED_BY: _segment(Relation.PRODUCED_BY, "A company that produced the movie."),
    Relation.PART_OF: _segment(Relation.PART_OF, "The series of the movie."),
    Relation.FROM_COUNTRY: _segment(Relation.FROM_COUNTRY, "A country of the movie."),
    Relation.IN_LANGUAGE: _segment(Relation.IN_LANGUAGE, "The original language of the movie."),
    Relation.SIMILAR: _segment(Relation.SIMILAR, "A model holds both to be similar.", score=float, model=str),
}


@strawberry.type(description="A path in the graph; every relationship of it was read again for this answer.")
class Path:
    walked: strawberry.Private[Walked]

    @strawberry.field(description="The nodes in order, one more than segments.", graphql_type=list[Node])
    def nodes(self, info: Info) -> Any:
        return [self.walked.hydrated.at(info._raw_info, node) for node in self.walked.nodes]

    @strawberry.field(description="The relationships in order.", graphql_type=list[PathSegment])
    def segments(self) -> Any:
        return [SEGMENTS[edge.relation](edge=edge, walked=self.walked) for edge in self.walked.edges]

    @strawberry.field(description="How many relationships.")
    def length(self) -> int:
        return len(self.walked.edges)


@strawberry.type(description="Why a movie is recommended: a verified path and its share of the score.")
class Reason:
    seal: strawberry.Private[Callable[[], str]]
    sentence: str = strawberry.field(description="The path in words: only what stands on it.")
    contribution: float = strawberry.field(description="What the path's first movie (or preference) adds to the score.")
    share: float = strawberry.field(description="Its part of all that adds to the score, 0 to 1.")
    path: Path = strawberry.field(description="From the user (or the liked movie) to the recommended movie.")

    @strawberry.field(description="Give it to verifyExplanation at any later time.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.seal())


@strawberry.type(description="One relationship of an explanation that was given before.")
class CheckedSegment:
    relation: RelationKind = strawberry.field(description="The type of the relationship.")
    start: strawberry.ID = strawberry.field(description="Id of the node where it begins.")
    end: strawberry.ID = strawberry.field(description="Id of the node where it ends.")
    holds: bool = strawberry.field(description="Whether it is in the graph now, and says what it said.")


@strawberry.type(description="Whether an explanation still holds.")
class ExplanationCheck:
    id: strawberry.ID = strawberry.field(description="The explanation's id.")
    holds: bool = strawberry.field(
        description="True where every relationship is still in the graph, and the user's own says what it said: as "
        "many stars, or the same weight of a preference."
    )
    model_version: str = strawberry.field(description="The model that was active when the explanation was given.")
    segments: list[CheckedSegment] = strawberry.field(description="Each relationship of its path.")
