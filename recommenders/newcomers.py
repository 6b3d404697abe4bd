"""Movies that nobody has rated: scored by the known movies that the catalogue says they are like.

A newcomer's score is a part of the mean of the scores of the known movies most like it, weighted by the cube of their
likeness (the cosine of what the catalogue says of both, `content.py`): one that continues a series stands near it.
Every model is a sum over the user's movies, so a newcomer is one too, and contributions add up as well.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from propcache.api import cached_property
from scipy import sparse

from recommenders.arrays import AnyArray, BoolArray, Csr, FloatArray, IntArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.members import each
from recommenders.scorers import History, ItemItemScorer, Neighbours, Scorer

NEAREST: Final = 10
"""Known movies that a newcomer is scored by: those most like it."""
SHARPNESS: Final = 3
"""Power of the likeness: the higher, the more the nearest alone decides."""
LIKES: Final = 1
"""Fewest likes of a movie that is no newcomer, and that newcomers are scored by."""
DISCOUNT: Final = 0.5
"""Part of that mean which a newcomer gets: most movies that nobody knows are liked by few. Chosen on the validation
parts of ml-latest-small, where newcomers cost next to nothing with it, and much of NDCG@10 with 1."""
AT_ONCE: Final = 256


@dataclass(frozen=True, eq=False)
class WithNewcomers:
    """A scorer over its own movies (M,) and those after them (N,).

    `mixture` (M + N, M) has a row that sums to `DISCOUNT` for each newcomer, among the model's own movies or after
    them; one that is like nothing known has an empty row, as have all that are no newcomers.
    """

    kind: ClassVar[str] = "with_newcomers"
    base: Scorer
    mixture: Csr

    @cached_property
    def _known(self) -> int:
        return len(self.base.popularity)

    @cached_property
    def _mixed(self) -> IntArray:
        """The newcomers that are like something."""
        return np.flatnonzero(np.diff(self.mixture.indptr)).astype(np.int32)

    @cached_property
    def _mixing(self) -> Csr:
        """Their rows of the mixture (newcomers, M)."""
        return Csr(self.mixture[self._mixed])

    @cached_property
    def popularity(self) -> FloatArray:
        """The base's, and 0 for movies after its own (M + N,)."""
        return np.append(self.base.popularity, np.zeros(self.mixture.shape[0] - self._known, np.float32))

    def is_personal(self, history: History) -> bool:
        """Whether the history says anything to the base."""
        return self.base.is_personal(self.own(history))

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The base's scores, and means of them for newcomers; popularity where the base knows nothing of the user."""
        own, whole = self.own(history), self.popularity.copy()
        if self.base.is_personal(own):
            scores = self.base.score(own)
            whole[: self._known] = scores
            whole[self._mixed] = (self._mixing @ scores.astype(np.float64)).astype(np.float32)
        return whole if candidates is None else whole[candidates]

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories (users, M + N)."""
        own = Csr(histories[:, : self._known])
        scores = self.base.score_many(own)
        personal = np.array([self.base.is_personal(history) for history in each(own)], np.bool_)
        whole = np.tile(self.popularity, (len(scores), 1))
        whole[:, : self._known] = scores
        mixed = (scores.astype(np.float64) @ self._mixing.T).astype(np.float32)
        whole[np.ix_(personal, self._mixed)] = mixed[personal]
        return whole

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What each movie of the history adds (h,); one that the model does not know adds nothing."""
        own, found = self.own(history), np.zeros(len(history), np.float32)
        if not self.base.is_personal(own):
            return found
        near, weights = self.like(movie_index)
        known = history.items < self._known
        if len(near):
            parts = [self.base.contributions(own, item) * weight for item, weight in zip(near, weights, strict=True)]
            found[known] = np.sum(parts, axis=0, dtype=np.float64)
        elif movie_index < self._known:
            found[known] = self.base.contributions(own, movie_index)
        return found

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """The base's neighbours; for a newcomer the known movies that it is scored by."""
        items, scores = self.like(movie_index)
        if not len(items) and movie_index < self._known:
            return self.base.similar(movie_index, k)
        order = np.lexsort((items, -scores))[:k]
        return Neighbours(items[order].astype(np.int32), scores[order].astype(np.float32))

    def arrays(self) -> dict[str, AnyArray]:
        """Those of the base: newcomers are never part of an artefact."""
        return self.base.arrays()

    def check(self) -> None:
        """As the base."""
        self.base.check()

    def own(self, history: History) -> History:
        """The part of a history that the base knows."""
        known = history.items < self._known
        return history if known.all() else History(history.items[known], history.weights[known])

    def like(self, movie_index: int) -> tuple[IntArray, FloatArray]:
        """The known movies that a newcomer is scored by (n,), and their weights (n,); none of any other movie."""
        start, end = self.mixture.indptr[movie_index : movie_index + 2]
        return self.mixture.indices[start:end], self.mixture.data[start:end]


def with_newcomers(base: Scorer, content: Csr) -> Scorer:
    """The scorer over its movies and those after them; the same scorer where there is no newcomer.

    `content` (M + N, entities) has what the catalogue says of each movie, of length 1 (`content_rows`), the model's own
    M first. A movie without likes that the model has embedded by its neighbours is no newcomer.
    """
    likes = np.append(base.popularity, np.zeros(content.shape[0] - len(base.popularity), np.float32))
    embedded = _embedded(base, len(likes))
    known = np.flatnonzero(likes >= LIKES).astype(np.int32)
    newcomers = np.flatnonzero((likes < LIKES) & ~embedded)
    if not len(newcomers) or not len(known):
        return base
    of_known = Csr(content[known].T.tocsr())
    blocks = [
        _nearest(Csr(content[newcomers[start : start + AT_ONCE]] @ of_known), known, len(base.popularity))
        for start in range(0, len(newcomers), AT_ONCE)
    ]
    rows = Csr(sparse.vstack(blocks, format="csr"))
    if not rows.nnz and len(likes) == len(base.popularity):
        return base
    spread = sparse.csr_array(
        (np.ones(len(newcomers)), (newcomers, np.arange(len(newcomers)))), shape=(len(likes), len(newcomers))
    )
    return WithNewcomers(base, Csr(spread @ rows))


def _embedded(base: Scorer, movies: int) -> BoolArray:
    """Which movies (M + N,) a model that learns from the catalogue has a vector of, or weights that lead to.

    An ensemble has none: what its members say of a movie without likes found less, on the validation part of
    ml-latest-small's cold movies, than what those near it get.
    """
    found = np.zeros(movies, dtype=np.bool_)
    if isinstance(base, CosineScorer):
        found[: len(base.popularity)] = base.item_factors.any(axis=1)
    elif isinstance(base, ItemItemScorer) and not isinstance(base.weights, np.ndarray):
        found[base.items[base.weights.indices]] = True
    return found


def _nearest(cosines: Csr, known: IntArray, movies: int) -> Csr:
    """Of cosines with the known movies (n, known) the largest, as shares (n, movies)."""
    data, indices, indptr = [], [], [0]
    for row in range(cosines.shape[0]):
        part = slice(cosines.indptr[row], cosines.indptr[row + 1])
        items, values = known[cosines.indices[part]], cosines.data[part]
        chosen = np.sort(np.lexsort((items, -values))[:NEAREST])
        weights = values[chosen] ** SHARPNESS
        order = np.argsort(items[chosen])
        data.append((DISCOUNT * weights / max(float(weights.sum()), 1e-12))[order])
        indices.append(items[chosen][order])
        indptr.append(indptr[-1] + len(chosen))
    return Csr((np.concatenate(data), np.concatenate(indices), np.array(indptr)), shape=(cosines.shape[0], movies))
