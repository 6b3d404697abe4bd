"""What the catalogue says of movies, as vectors: near where they share people, keywords, a series, genres.

Each relationship to an entity counts by how much it tells (bits of information times the weight of the relationship,
as reasons do). Entities get random directions, so that products of vectors come near to those of the whole rows
(Johnson and Lindenstrauss 1984), in `DIMENSIONS` numbers a movie.
"""

from typing import Final

import numpy as np
from scipy import sparse

from cinegraph.types import Label, Relation
from graph.snapshot import CODES, Snapshot
from recommenders.arrays import Csr, DoubleArray, IntArray
from recommenders.beyond_accuracy import normalised, unit
from recommenders.slate import SlateFacts
from recommenders.told import Told

DIMENSIONS: Final = 64
SEED: Final = 64
TELLING: Final = 3.0
"""Least information, in bits, of an entity that makes two movies alike: no genre that every eighth movie has."""
BITS: Final = 8.0
"""Most bits that an entity counts: two movies are enough alike where one rare person made both."""


def entity_rows(snapshot: Snapshot, told: Told) -> Csr:
    """How much each movie's entities tell of it (movies, entities)."""
    values = np.minimum(snapshot.information[told.entity], BITS) * told.weight
    shape = (snapshot.movies, len(snapshot.ids) - snapshot.movies)
    return Csr(sparse.csr_array((values, told.entity - snapshot.movies, told.indptr), shape=shape))


def content_rows(snapshot: Snapshot, told: Told, columns: IntArray) -> Csr:
    """What telling entities say of movies by number, of length 1 (columns, entities); nothing of one that is -1."""
    worth = telling(snapshot.information[told.entity])
    shape = (snapshot.movies, len(snapshot.ids) - snapshot.movies)
    values = (worth * told.weight, told.entity - snapshot.movies, told.indptr)
    rows = Csr(sparse.csr_array(values, shape=shape, copy=True))  # what tells nothing is taken out in place
    rows.eliminate_zeros()
    return Csr(sparse.vstack([of_length_one(rows), sparse.csr_array((1, rows.shape[1]))], format="csr")[columns])


def telling(information: DoubleArray) -> DoubleArray:
    """How much entities count for likeness, by their bits of information: at most `BITS`, below `TELLING` nothing."""
    return np.where(information >= TELLING, np.minimum(information, BITS), 0.0)


def of_length_one(rows: Csr) -> Csr:
    """The rows, each of length 1, or empty where it was: their products are cosines."""
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return Csr(sparse.diags_array(1 / np.maximum(length, 1e-12)) @ rows)


def content_vectors(snapshot: Snapshot, told: Told) -> DoubleArray:
    """A direction for each movie (movies, d), of length 1, or 0 for one of which nothing is known."""
    rows = entity_rows(snapshot, told)
    directions = np.random.default_rng(SEED).standard_normal((rows.shape[1], DIMENSIONS))
    return unit(np.asarray(rows @ directions))


def slate_facts(snapshot: Snapshot, told: Told, columns: IntArray) -> SlateFacts:
    """Of a model's movies, `columns` (M,) being their numbers in the snapshot, -1 for one that is not there."""
    genres = [node for node, label in enumerate(snapshot.labels) if label is Label.GENRE]
    shares = np.zeros((snapshot.movies + 1, len(genres)))
    for place, genre in enumerate(genres):
        near = snapshot.neighbour[snapshot.indptr[genre] : snapshot.indptr[genre + 1]]
        shares[near[near < snapshot.movies], place] = 1.0
    popularity = np.append(snapshot.popularity, 0.0)
    information = -np.log2(np.maximum(popularity, 1.0) / max(float(popularity.max(initial=0.0)), 1.0))
    vectors = np.vstack([content_vectors(snapshot, told), np.zeros((1, DIMENSIONS))])
    return SlateFacts(
        vectors=vectors[columns],
        genres=normalised(shares)[columns],
        information=(information / max(float(information.max()), 1e-12))[columns],
        collections=_first(snapshot, Relation.PART_OF)[columns],
        directors=_first(snapshot, Relation.DIRECTED)[columns],
    )


def _first(snapshot: Snapshot, relation: Relation) -> IntArray:
    """The first entity of each movie by a relation (movies + 1,), -1 for none; the last place is for no movie."""
    found = np.full(snapshot.movies + 1, -1, dtype=np.int32)
    rows = np.repeat(np.arange(snapshot.movies), np.diff(snapshot.indptr[: snapshot.movies + 1]))
    ends = int(snapshot.indptr[snapshot.movies])
    chosen = np.flatnonzero(snapshot.relation[:ends] == CODES[relation])[::-1]
    found[rows[chosen]] = snapshot.neighbour[chosen]
    return found
