"""The catalogue as a network learns from it: which movies are connected to which entities, by relationship."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy import sparse

from cinegraph.errors import ModelError
from cinegraph.types import Label, NodeRef, Relation
from graph.snapshot import CODES, Snapshot
from recommenders.arrays import Csr, DoubleArray, FloatArray, IdArray

LEARNT: Final = (
    Relation.DIRECTED,
    Relation.WROTE,
    Relation.ACTED_IN,
    Relation.HAS_GENRE,
    Relation.HAS_KEYWORD,
    Relation.PRODUCED_BY,
    Relation.PART_OF,
)
"""The relationships that a network learns from."""
BILLED: Final = 10
"""Actors from this place of the billing on are left out: they are many, and say little."""


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Of each relationship the kind of its entities, and 1 where a movie has it (movies, entities of that kind).

    `texts` (movies, d) are vectors of what movies are about, of length 1 or 0, None where texts were not encoded;
    raises `ModelError` where they hold NaN or infinity. `ids` are those of the entities of each kind, by position:
    without them no network can go on from what another one learnt.
    """

    links: Mapping[Relation, tuple[Label, Csr]]
    texts: FloatArray | None = None
    ids: Mapping[Label, IdArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.texts is not None and (wrong := int(np.count_nonzero(~np.isfinite(self.texts)))):
            raise ModelError(
                f"{wrong} of {self.texts.size} numbers in the vectors of what movies are about are NaN or infinite; "
                "remove the folder texts of CINEGRAPH_HOME, and they are encoded anew"
            )

    @property
    def entities(self) -> dict[Label, int]:
        """How many entities of each kind there are."""
        return {label: int(matrix.shape[1]) for label, matrix in self.links.values()}


def knowledge_of(snapshot: Snapshot, movies: IdArray, texts: FloatArray | None = None) -> Knowledge:
    """What the catalogue says of these movies, in their order; nothing of one that is not in it."""
    end, labels = int(snapshot.indptr[snapshot.movies]), np.array([label.value for label in snapshot.labels])
    movie = np.repeat(np.arange(snapshot.movies), np.diff(snapshot.indptr[: snapshot.movies + 1]))
    place = np.zeros(len(labels), dtype=np.int64)
    every: dict[str, IdArray] = {}
    for label in dict.fromkeys(labels.tolist()):
        own = np.flatnonzero(labels == label)
        place[own], every[label] = np.arange(len(own)), np.array([snapshot.ids[one] for one in own.tolist()])
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in movies.tolist()], dtype=np.int64)
    links = {}
    for relation in LEARNT:
        chosen = (snapshot.relation[:end] == CODES[relation]) & (snapshot.order[:end] < BILLED)
        entity = snapshot.neighbour[:end][chosen]
        if not len(entity):
            continue
        label = Label(labels[entity[0]])
        shape = (snapshot.movies + 1, len(every[label.value]))  # the last row is of no movie
        ones = np.ones(len(entity), dtype=np.float32)
        matrix = Csr(sparse.csr_array((ones, (movie[chosen], place[entity])), shape=shape))
        matrix.data[:] = 1.0  # an actor with two roles is one actor
        links[relation] = (label, Csr(matrix[columns]))
    ids = {label: every[label.value] for label, _ in links.values()}
    return connecting(Knowledge(links, texts, ids))


def connecting(knowledge: Knowledge) -> Knowledge:
    """Without the entities of one movie alone: they connect it with nothing."""
    movies: dict[Label, DoubleArray] = {}
    for label, matrix in knowledge.links.values():
        movies[label] = movies.get(label, np.zeros(matrix.shape[1])) + np.asarray(matrix.sum(axis=0), np.float64)
    kept = {label: np.flatnonzero(counts >= 2) for label, counts in movies.items()}
    links = {relation: (label, Csr(matrix[:, kept[label]])) for relation, (label, matrix) in knowledge.links.items()}
    ids = {label: of[kept[label]] for label, of in knowledge.ids.items()}
    return replace(knowledge, links={relation: link for relation, link in links.items() if link[1].nnz}, ids=ids)
