"""The array types of this package, by what they hold."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

AnyArray: TypeAlias = npt.NDArray[Any]
IdArray: TypeAlias = npt.NDArray[np.str_]
"""Ids of users or movies, by position."""
IntArray: TypeAlias = npt.NDArray[np.int32]
"""Positions in such an array."""
FloatArray: TypeAlias = npt.NDArray[np.float32]
"""Scores, weights, embeddings: what is published."""
DoubleArray: TypeAlias = npt.NDArray[np.float64]
"""Figures of an evaluation, and sums on the way to a score."""
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Csr: TypeAlias = sparse.csr_array[Any]
