"""The catalogue in compact arrays: what filters, reasons and paths need, with no round trip.

The graph stays the record: what is found here is verified there before it is shown. Nodes have one numbering, movies
first in the order of their ids; the adjacency is CSR over all of them, each relationship seen from both ends.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any, Final, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray
from propcache.api import cached_property

from cinegraph.types import EdgeRef, IntRange, Label, MovieFilter, NodeRef, Relation
from graph.catalog import read_statement
from graph.client import Reader, Row
from graph.details import Details
from graph.names import Names
from graph.titles import JoinedTitles

Ints: TypeAlias = NDArray[np.int32]
Longs: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]

RELATIONS: Final = tuple(Relation)
CODES: Final[Mapping[str, int]] = {relation.value: code for code, relation in enumerate(RELATIONS)}
FROM_PERSON: Final = frozenset({Relation.ACTED_IN, Relation.DIRECTED, Relation.WROTE, Relation.CREW})
UNKNOWN: Final = -1
UNREAD: Final = -1
"""The version of a catalogue that was not read yet, and of a graph that has none."""
BILLED: Final = 1_000
"""Places of a billing that are told apart."""
TEXTS: Final = ("model", "prefix", "ids", "labels", "names")
NUMBERS: Final = (
    *("year", "runtime", "popularity"),
    *("indptr", "neighbour", "relation", "number", "order", "outgoing"),
)
KEPT_WAYS: Final = 20_000
"""Nodes whose neighbours are kept as dictionaries, some 3 kB each for a movie."""


@dataclass(frozen=True, slots=True)
class Link:
    """One relationship as the adjacency has it: its type, its number in Neo4j, its two ends in its own direction."""

    relation: Relation
    number: int
    start: int
    end: int


@dataclass(frozen=True)
class Snapshot:
    """The catalogue at one version.

    `ids`, `labels`, `names` have a value for each of the N nodes, the first `movies` of which are movies; `year` and
    `runtime` are -1 where they are not known. `indptr` (N + 1) and `neighbour`, `relation`, `number`, `order`,
    `outgoing` (one value for each end of each relationship) are the adjacency; `order` is an actor's place in the
    billing, from 0, and -1 elsewhere; `outgoing` is true where the relationship leaves the node whose row it is.
    `details` is what answers without the graph show of movies; empty where a snapshot was not read from one.
    """

    version: int
    model: str
    prefix: str
    ids: tuple[str, ...]
    labels: tuple[Label, ...]
    names: tuple[str, ...]
    movies: int
    year: Ints
    runtime: Ints
    popularity: Floats
    indptr: Longs
    neighbour: Ints
    relation: NDArray[np.uint8]
    number: Longs
    order: NDArray[np.int16]
    outgoing: Mask
    details: Details = field(default_factory=Details)

    @cached_property
    def index(self) -> dict[tuple[Label, str], int]:
        """The number of each node by its key."""
        return {(label, id_): i for i, (label, id_) in enumerate(zip(self.labels, self.ids, strict=True))}

    @cached_property
    def degree(self) -> Longs:
        """How many relationships each node has."""
        return np.diff(self.indptr)

    @cached_property
    def around(self) -> Longs:
        """How many nodes each node is connected to, whatever the number of relationships with one of them."""
        rows = np.repeat(np.arange(len(self.ids)), self.degree)
        pairs = np.unique(rows << 32 | self.neighbour)
        return np.bincount(pairs >> 32, minlength=len(self.ids))

    @cached_property
    def largest(self) -> dict[tuple[Relation, bool], int]:
        """The most relationships of a type that any one node has, by direction: true where they leave it."""
        rows = np.repeat(np.arange(len(self.ids)), self.degree)
        found = dict[tuple[Relation, bool], int]()
        for code in np.unique(self.relation).tolist():
            for outgoing in (True, False):
                ends = rows[(self.relation == code) & (self.outgoing == outgoing)]
                found[RELATIONS[code], outgoing] = int(np.bincount(ends).max(initial=0))
        return found

    @cached_property
    def information(self) -> Floats:
        """Bits that a node tells about a movie connected to it: log2(movies / its own movies), at least 0."""
        return np.maximum(np.log2(max(self.movies, 1) / np.maximum(self.around, 1)), 0.0)

    @cached_property
    def joined_titles(self) -> JoinedTitles:
        """The movies' titles as they are typed without spaces."""
        return JoinedTitles.of(self.names[: self.movies])

    @cached_property
    def words(self) -> Names:
        """The words of all names."""
        return Names.of(self.names)

    def find(self, node: NodeRef) -> int:
        """The number of a node, -1 for one that is not in the catalogue."""
        return self.index.get((node.label, node.id), UNKNOWN)

    def ref(self, node: int) -> NodeRef:
        """The key of a node."""
        return NodeRef(self.labels[node], self.ids[node])

    @cached_property
    def bits(self) -> list[float]:
        """`information` as plain numbers."""
        found: list[float] = self.information.tolist()
        return found

    @cached_property
    def orders(self) -> list[int]:
        """`order` as plain numbers."""
        found: list[int] = self.order.tolist()
        return found

    @cached_property
    def codes(self) -> list[int]:
        """`relation` as plain numbers."""
        found: list[int] = self.relation.tolist()
        return found

    @cached_property
    def _ways(self) -> dict[int, dict[int, tuple[int, ...]]]:
        return {}

    def ways(self, node: int) -> dict[int, tuple[int, ...]]:
        """The nodes next to a node, each with the rows of the relationships that lead there; kept for the next call."""
        known = self._ways.get(node)
        if known is None:
            if len(self._ways) >= KEPT_WAYS:
                self._ways.clear()
            first, last = int(self.indptr[node]), int(self.indptr[node + 1])
            known = {}
            for row, other in enumerate(self.neighbour[first:last].tolist(), first):
                known[other] = (*known.get(other, ()), row)
            self._ways[node] = known
        return known

    def links(self, node: int) -> list[Link]:
        """The relationships of a node."""
        return [self.link(node, row) for row in range(int(self.indptr[node]), int(self.indptr[node + 1]))]

    def link(self, node: int, row: int) -> Link:
        """The relationship in a row of the adjacency that belongs to `node`."""
        other = int(self.neighbour[row])
        start, end = (node, other) if self.outgoing[row] else (other, node)
        return Link(RELATIONS[self.relation[row]], int(self.number[row]), start, end)

    def edge(self, link: Link) -> EdgeRef:
        """The relationship by keys, with its element id."""
        return EdgeRef(link.relation, self.ref(link.start), self.ref(link.end), f"{self.prefix}{link.number}")

    # -- kept ----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that rankings and reasons are made from: not the version, nor the details."""
        texts = {name: np.frombuffer(orjson.dumps(getattr(self, name)), np.uint8) for name in TEXTS}
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return {**texts, **numbers, "movies": np.array(self.movies)}

    @cached_property
    def digest(self) -> str:
        """The checksum of `arrays`."""
        return digest_of(self.arrays())

    @classmethod
    def of_arrays(cls, arrays: Arrays, version: int) -> "Snapshot":
        """What `arrays` gave, as the catalogue of a version."""
        model, prefix, ids, labels, names = (orjson.loads(arrays[name].tobytes()) for name in TEXTS)
        numbers: dict[str, Any] = {name: arrays[name] for name in NUMBERS}
        known = tuple(map(Label, labels))
        return cls(version, model, prefix, tuple(ids), known, tuple(names), int(arrays["movies"]), **numbers)

    # -- filters -------------------------------------------------------------------------------------------------

    def mask(self, wanted: MovieFilter) -> Mask:
        """Which movies a filter lets through; shape (movies,). The same as its predicate in Cypher says."""
        mask = np.ones(self.movies, dtype=bool)
        for label, ids in named_in(wanted):
            if ids is not None:
                mask &= self._connected(label, ids)
        for values, bounds in ((self.year, wanted.year), (self.runtime, wanted.runtime)):
            if bounds is not None:
                mask &= _within(values, bounds)
        for part in wanted.all_ or ():
            mask &= self.mask(part)
        if wanted.any_ is not None:
            mask &= self._any(wanted.any_)
        for part in wanted.none_ or ():
            mask &= ~self.mask(part)
        return mask

    def _any(self, parts: Sequence[MovieFilter]) -> Mask:
        mask = np.zeros(self.movies, dtype=bool)
        for part in parts:
            mask |= self.mask(part)
        return mask

    def _connected(self, label: Label, ids: Sequence[str]) -> Mask:
        mask = np.zeros(self.movies, dtype=bool)
        for id_ in ids:
            node = self.index.get((label, id_), UNKNOWN)
            if node != UNKNOWN:
                mask[self.neighbour[self.indptr[node] : self.indptr[node + 1]]] = True
        return mask


def digest_of(arrays: Arrays) -> str:
    """The checksum of arrays: of their names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def named_in(wanted: MovieFilter) -> tuple[tuple[Label, tuple[str, ...] | None], ...]:
    """The lists of ids in a filter, not those in its parts; None for one that is not given."""
    return (
        (Label.GENRE, wanted.genres),
        (Label.PERSON, wanted.people),
        (Label.KEYWORD, wanted.keywords),
        (Label.COUNTRY, wanted.countries),
        (Label.LANGUAGE, wanted.languages),
    )


def _within(values: Ints, bounds: IntRange) -> Mask:
    if bounds.minimum is None and bounds.maximum is None:
        return np.ones(len(values), dtype=bool)
    mask: Mask = values != UNKNOWN
    if bounds.minimum is not None:
        mask &= values >= bounds.minimum
    if bounds.maximum is not None:
        mask &= values <= bounds.maximum
    return mask


async def load_snapshot(reader: Reader, version: int, model: str) -> Snapshot:
    """Read the catalogue; `model` is the version whose SIMILAR edges belong to it ("" for none).

    The event loop only fetches, in few rows of many values, since each row costs it some tenth of a millisecond; what
    was fetched is put together in a thread.
    """
    movies, entities, edges = [
        [row async for row in reader.stream(statement, **given)]
        for statement, given in (
            (read_statement("snapshot/movies"), {}),
            (read_statement("snapshot/entities"), {}),
            (read_statement("snapshot/edges"), {"model": model}),
        )
    ]
    sample = await reader.read(read_statement("snapshot/prefix"))

    def put_together() -> Snapshot:
        films, others = (
            sorted(_rows(movies), key=itemgetter("id")),
            sorted(_rows(entities), key=itemgetter("label", "id")),
        )
        nodes = np.array([row["node"] for row in [*films, *others]], np.int64)
        return assemble(version, model, sample, films, others, edges_among(nodes, edges))

    return await asyncio.to_thread(put_together)


def _rows(blocks: list[Row]) -> Iterator[Row]:
    """Rows from blocks of columns."""
    for block in blocks:
        columns = {name: values for name, values in block.items() if name != "block"}
        yield from (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


@dataclass(frozen=True, slots=True)
class Edges:
    """Relationships of the catalogue (e,): the movie and the other end by place, the relation's code, Neo4j's number,
    and an actor's place in the billing, -1 elsewhere."""

    movie: Ints
    other: Ints
    code: NDArray[np.uint8]
    number: Longs
    order: NDArray[np.int16]


def edges_among(nodes: Longs, blocks: list[Row]) -> Edges:
    """The relationships between these nodes, `nodes` (N,) being Neo4j's number of each place; one to a node that came
    between the statements is in the next snapshot."""
    movie, other, number, order = (_column(blocks, name) for name in ("movie", "other", "number", "order"))
    code = np.fromiter((CODES[one] for block in blocks for one in block["relation"]), np.uint8)
    known = np.isin(movie, nodes) & np.isin(other, nodes)
    sorting = np.argsort(nodes)
    places = [sorting[np.searchsorted(nodes, ends[known], sorter=sorting)].astype(np.int32) for ends in (movie, other)]
    return Edges(places[0], places[1], code[known], number[known], np.minimum(order[known], BILLED).astype(np.int16))


def _column(blocks: list[Row], name: str) -> Longs:
    return np.fromiter(chain.from_iterable(block[name] for block in blocks), np.int64)


def assemble(
    version: int, model: str, sample: list[Row], movies: list[Row], entities: list[Row], edges: Edges
) -> Snapshot:
    """A snapshot from rows of movies, of other nodes, and of relationships."""
    movie, other, code, number, billing = edges.movie, edges.other, edges.code, edges.number, edges.order
    leaves_movie = ~np.isin(code, [CODES[relation] for relation in FROM_PERSON])
    rows = np.concatenate([movie, other])
    sorting = np.lexsort((np.concatenate([number, number]), rows))
    nodes = len(movies) + len(entities)
    return Snapshot(
        version=version,
        model=model,
        prefix=sample[0]["sample"].rpartition(":")[0] + ":" if sample else "",
        ids=tuple(row["id"] for row in [*movies, *entities]),
        labels=(*(Label.MOVIE for _ in movies), *(Label(row["label"]) for row in entities)),
        names=tuple(str(row["name"]) for row in [*movies, *entities]),
        movies=len(movies),
        year=np.array([row["year"] for row in movies], np.int32),
        runtime=np.array([row["runtime"] for row in movies], np.int32),
        popularity=np.array([row["popularity"] for row in movies], np.float64),
        indptr=np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=nodes))]).astype(np.int64),
        neighbour=np.concatenate([other, movie])[sorting],
        relation=np.concatenate([code, code])[sorting],
        number=np.concatenate([number, number])[sorting],
        order=np.concatenate([billing, billing])[sorting],
        outgoing=np.concatenate([leaves_movie, ~leaves_movie])[sorting],
        details=Details.of([row["details"] for row in movies]) if movies and "details" in movies[0] else Details(),
    )


def empty_snapshot() -> Snapshot:
    """Before the first look at the graph."""
    return assemble(UNREAD, "", [], [], [], edges_among(np.zeros(0, np.int64), []))
