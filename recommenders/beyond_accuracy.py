"""What lists are like beside being right: diverse, calibrated, novel, spread over the catalogue.

`lists` (users, depth) holds movie positions, -1 where a list has ended. Each function gives one figure a user in
float64, but `gini_at`, which is over all lists. An empty list has 0.
"""

import numpy as np

from recommenders.arrays import BoolArray, Csr, DoubleArray, FloatArray, IntArray

SMOOTHING = 0.01
"""How much of the history's own shares is mixed into a list's, so that no share is 0 (Steck 2018, equation 5)."""


def gini_at(lists: IntArray, n_movies: int, k: int) -> float:
    """How unequally the movies are shown: 0 where each is shown as often, near 1 where one is all that is shown."""
    shown = lists[:, :k][lists[:, :k] >= 0]
    counts = np.sort(np.bincount(shown, minlength=n_movies)).astype(np.float64)
    if not counts.sum():
        return 0.0
    places = np.arange(1, n_movies + 1)
    return float(((2 * places - n_movies - 1) @ counts) / (n_movies * counts.sum()))


def popularity_lift_at(lists: IntArray, histories: Csr, popularity: FloatArray, k: int) -> DoubleArray:
    """How much more popular the first k are than the history, as a part of it (Abdollahpouri et al. 2020).

    `histories` (users, movies) holds a value above 0 for each movie of the history; 0 for an empty one.
    """
    listed = _mean_over(lists[:, :k], popularity.astype(np.float64))
    weights = histories.copy()
    weights.data = np.ones_like(weights.data)
    sums = np.asarray(weights @ popularity.astype(np.float64)).ravel()
    own = sums / np.maximum(np.diff(histories.indptr), 1)
    lift = np.divide(listed - own, own, out=np.zeros(len(own)), where=(own > 0) & (lists[:, :k] >= 0).any(axis=1))
    return np.asarray(lift, dtype=np.float64)


def intra_list_distance_at(lists: IntArray, vectors: DoubleArray | FloatArray, k: int) -> DoubleArray:
    """Mean of 1 - cosine over the pairs of the first k (Ziegler et al. 2005); 0 for less than two movies.

    `vectors` (movies, d) are genres, or embeddings; one of zeros is at distance 1 from every other.
    """
    return np.array([_distance(row[row >= 0], vectors) for row in lists[:, :k]], dtype=np.float64)


def _distance(movies: IntArray, vectors: DoubleArray | FloatArray) -> float:
    n = len(movies)
    if n < 2:
        return 0.0
    directions = unit(np.asarray(vectors[movies], dtype=np.float64))
    together = directions.sum(axis=0)
    return float(1 - (together @ together - (directions**2).sum()) / (n * (n - 1)))


def unit(vectors: DoubleArray) -> DoubleArray:
    """The same directions with length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: DoubleArray = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return found


def calibration_error_at(lists: IntArray, histories: Csr, genres: Csr, k: int) -> DoubleArray:
    """Kullback-Leibler divergence, in bits, of a list's shares of genres from the history's (Steck 2018).

    `genres` (movies, genres) holds 1 where a movie has a genre; a movie's weight is divided among its genres. 0 where
    either side has no genre.
    """
    shares = genre_shares(genres)
    wanted = normalised(np.asarray((histories @ shares).todense(), dtype=np.float64))
    shown = normalised(np.array([_row_sum(shares, row[row >= 0]) for row in lists[:, :k]]).reshape(wanted.shape))
    return divergence(wanted, shown)


def divergence(wanted: DoubleArray, shown: DoubleArray) -> DoubleArray:
    """KL(wanted || shown smoothed by wanted), in bits, for each row (n, genres); 0 where a row is empty."""
    smoothed = (1 - SMOOTHING) * shown + SMOOTHING * wanted
    ratio = np.divide(wanted, smoothed, out=np.ones_like(wanted), where=(wanted > 0) & (smoothed > 0))
    bits = (wanted * np.log2(ratio)).sum(axis=1)
    return np.asarray(np.where(shown.sum(axis=1) > 0, np.maximum(bits, 0), 0.0), dtype=np.float64)


def genre_shares(genres: Csr) -> Csr:
    """Each movie's weight of 1 divided among its genres (movies, genres)."""
    shares = genres.astype(np.float64)
    shares.data = np.ones_like(shares.data) / np.repeat(np.maximum(np.diff(shares.indptr), 1), np.diff(shares.indptr))
    return Csr(shares)


def normalised(rows: DoubleArray) -> DoubleArray:
    """Rows that sum to 1; zeros stay zeros."""
    total = rows.sum(axis=1, keepdims=True)
    found: DoubleArray = np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)
    return found


def serendipity_at(lists: IntArray, hits: BoolArray, expected: IntArray, k: int) -> DoubleArray:
    """The part of the first k that is liked and not among `expected` (users, depth), the k that popularity would show
    (Ge et al. 2010)."""
    found = np.zeros(len(lists), dtype=np.float64)
    for user, (shown, hit, obvious) in enumerate(zip(lists[:, :k], hits[:, :k], expected[:, :k], strict=True)):
        surprising = hit & (shown >= 0) & ~np.isin(shown, obvious)
        found[user] = np.count_nonzero(surprising) / k
    return found


def _mean_over(lists: IntArray, values: DoubleArray) -> DoubleArray:
    shown = lists >= 0
    total = np.where(shown, values[lists], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(shown.sum(axis=1), 1), dtype=np.float64)


def _row_sum(matrix: Csr, rows: IntArray) -> DoubleArray:
    if not len(rows):
        return np.zeros(matrix.shape[1])
    return np.asarray(matrix[rows].sum(axis=0), dtype=np.float64).ravel()
