"""Regularised least squares of many histories against the same vectors: half a sweep of iALS.

For a history with weights w and the vectors Y of its movies the solution is (gram + penalty I + Y'WY)^-1 Y'w, where the
penalty is l2 * (sum of w + offset)^exponent (Hu, Koren and Volinsky 2008, equation 4, with the regularisation of Rendle
et al. 2022).
"""

from collections.abc import Iterator

import numpy as np

from recommenders.arrays import Csr, DoubleArray, IntArray

NUMBERS_AT_ONCE = 4_000_000
"""Numbers that a batch of rows is solved with, 32 MB of them."""


def penalties(weights: DoubleArray, regularisation: DoubleArray) -> DoubleArray:
    """What stands on the diagonal for histories whose weights sum to these (n,)."""
    l2, exponent, offset = regularisation.tolist()
    found: DoubleArray = l2 * (weights + offset) ** exponent
    return found


def inverse(matrix: DoubleArray) -> DoubleArray:
    """The inverse of a positive definite matrix, by sweeps of Gauss and Jordan: no BLAS, whose result may depend on the
    number of threads; the matrix given is used up."""
    for place in range(len(matrix)):
        pivot, column = matrix[place, place], matrix[:, place].copy()
        row = column / pivot
        matrix -= np.multiply.outer(column, row)
        matrix[place] = matrix[:, place] = row
        matrix[place, place] = -1 / pivot
    return -matrix


def solved(histories: Csr, items: DoubleArray, gram: DoubleArray, regularisation: DoubleArray) -> DoubleArray:
    """The vector of each history (rows, d), from weights (rows, items) and the vectors of items (items, d).

    Histories of about the same length are solved together, filled up with a vector of zeros. Equal to what a history is
    served with but for rounding.
    """
    energies, basis = np.linalg.eigh(gram)
    padded = np.vstack([items @ basis, np.zeros((1, items.shape[1]))])
    penalty = penalties(np.asarray(histories.sum(axis=1), dtype=np.float64), regularisation)
    found = np.zeros((histories.shape[0], items.shape[1]))
    for rows in _batches(np.diff(histories.indptr), items.shape[1]):
        places, weights = _filled(histories, rows, len(items))
        solve = _by_history if places.shape[1] < items.shape[1] else _by_width
        found[rows] = solve(padded[places], weights, np.maximum(energies, 0) + penalty[rows, None])
    rotated: DoubleArray = found @ basis.T
    return rotated


def _by_width(vectors: DoubleArray, weights: DoubleArray, diagonal: DoubleArray) -> DoubleArray:
    """(D + Y'WY)^-1 Y'w for each row, with Y (rows, h, d), w (rows, h), D (rows, d)."""
    weighted = vectors * weights[:, :, None]
    matrices = np.matmul(weighted.transpose(0, 2, 1), vectors)
    places = np.arange(vectors.shape[2])
    matrices[:, places, places] += diagonal
    found: DoubleArray = np.linalg.solve(matrices, weighted.sum(axis=1)[:, :, None])[:, :, 0]
    return found


def _by_history(vectors: DoubleArray, weights: DoubleArray, diagonal: DoubleArray) -> DoubleArray:
    """The same by the smaller matrix over the history (Woodbury): D^-1 Y' (I + W Y D^-1 Y')^-1 w."""
    scaled = vectors / diagonal[:, None, :]
    kernels = weights[:, :, None] * np.matmul(vectors, scaled.transpose(0, 2, 1))
    places = np.arange(vectors.shape[1])
    kernels[:, places, places] += 1
    found: DoubleArray = np.matmul(np.linalg.solve(kernels, weights[:, :, None]).transpose(0, 2, 1), scaled)[:, 0]
    return found


def _batches(lengths: IntArray, width: int) -> Iterator[IntArray]:
    """The rows with anything in them, the shortest first, in parts that fit."""
    order = np.argsort(lengths, kind="stable").astype(np.int32)
    end = len(order)
    while end > 0 and lengths[order[end - 1]]:
        longest = int(lengths[order[end - 1]])
        count = max(1, NUMBERS_AT_ONCE // (2 * longest * width + min(longest, width) ** 2))
        rows = order[max(0, end - count) : end]
        yield rows[lengths[rows] > 0]
        end -= count


def _filled(histories: Csr, rows: IntArray, nothing: int) -> tuple[IntArray, DoubleArray]:
    """The items of each row and their weights (rows, longest), filled up with the item `nothing` of weight 0."""
    lengths = np.diff(histories.indptr)[rows]
    there = np.arange(lengths.max()) < lengths[:, None]
    at = (histories.indptr[rows][:, None] + np.arange(lengths.max()))[there]
    places, weights = np.full(there.shape, nothing, dtype=np.int32), np.zeros(there.shape)
    places[there], weights[there] = histories.indices[at], histories.data[at]
    return places, weights
