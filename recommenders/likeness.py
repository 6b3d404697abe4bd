"""What the catalogue says two movies share, as a likeness: a sum over the entities of both, so that it has reasons.

- By content: the cosine of what tells of both (`content.py`), people, keywords, a series, genres that are rare enough.
- By graph: of the ways that lead out of a movie over a person, a keyword or a series, the part that leads to the other,
  each way counted by `PRICES` of the node that it leads over (Adamic and Adar 2003).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from propcache.api import cached_property
from scipy import sparse

from cinegraph.types import Relation
from graph.snapshot import CODES, Floats, Ints, Longs, Snapshot
from recommenders.arrays import Csr
from recommenders.content import content_rows
from recommenders.told import Told

WAYS: Final = (
    Relation.PART_OF,
    Relation.DIRECTED,
    Relation.WROTE,
    Relation.ACTED_IN,
    Relation.CREW,
    Relation.HAS_KEYWORD,
)
"""The relationships that ways between movies lead over."""


@dataclass(frozen=True, eq=False)
class Shared:
    """The likeness of one movie to another: the sum over entities of `own` of the one times `other` of the other, both
    (movies, entities). From 0 to 1."""

    own: Csr
    other: Csr

    @cached_property
    def _columns(self) -> Csr:
        return Csr(self.other.T.tocsr())

    def warmed(self) -> "Shared":
        """The same, with what the first question would wait for."""
        _ = self._columns
        return self

    def scores(self, movie: int) -> Floats:
        """How like a movie each one is (movies,); nothing is like itself."""
        found: Floats = np.minimum((self.own[[movie]] @ self._columns).toarray()[0], 1.0)
        found[movie] = 0.0
        return found

    def together(self, movies: Ints, entities: int, widest: int) -> Floats:
        """The likeness to several movies added up (movies,), over at most so many of their entities: those that count
        most, of those that no more than `widest` movies have. The work is bounded by the product of both."""
        total = np.asarray(self.own[movies].sum(axis=0), np.float64).ravel()
        total[np.diff(self._columns.indptr) > widest] = 0.0
        reached = np.flatnonzero(total)
        chosen = reached[np.lexsort((reached, -total[reached]))][:entities]
        found: Floats = np.asarray(total[chosen] @ self._columns[chosen])
        return found

    def parts(self, movie: int, other: int) -> tuple[Longs, Floats]:
        """The entities that two movies share, by number after the movies, and what each adds to the score."""
        (mine, own), (theirs, others) = _row(self.own, movie), _row(self.other, other)
        entities, here, there = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
        return entities.astype(np.int64), own[here] * others[there]


def _row(rows: Csr, movie: int) -> tuple[Ints, Floats]:
    """The entities of a movie and their values."""
    part = slice(rows.indptr[movie], rows.indptr[movie + 1])
    return rows.indices[part], rows.data[part]


def by_content(snapshot: Snapshot, told: Told) -> Shared:
    """Likeness by content."""
    rows = content_rows(snapshot, told, np.arange(snapshot.movies, dtype=np.int32))
    return Shared(rows, rows)


def by_graph(snapshot: Snapshot) -> Shared:
    """Likeness by the ways between movies."""
    end = int(snapshot.indptr[snapshot.movies])
    movie = np.repeat(np.arange(snapshot.movies), np.diff(snapshot.indptr[: snapshot.movies + 1]))
    chosen = np.isin(snapshot.relation[:end], [CODES[relation] for relation in WAYS])
    entity = snapshot.neighbour[:end][chosen] - snapshot.movies
    shape = (snapshot.movies, len(snapshot.ids) - snapshot.movies)
    ways = Csr(sparse.csr_array((np.ones(len(entity)), (movie[chosen], entity)), shape=shape))
    ways.data[:] = 1.0  # somebody who did two things is one way
    priced = Csr(ways @ sparse.diags_array(1 / np.log2(2.0 + snapshot.around[snapshot.movies :])))
    whole = np.asarray(priced.sum(axis=1)).ravel()
    return Shared(Csr(sparse.diags_array(1 / np.maximum(whole, 1e-12)) @ priced), ways)
