"""Curves over scores: the learnt part of an additive ranker, for users of as much history as it was learnt from."""

from dataclasses import dataclass

import numpy as np
from propcache.api import cached_property

from recommenders.arrays import AnyArray, DoubleArray, FloatArray, IntArray
from recommenders.scorers import check_shape


@dataclass(frozen=True, eq=False)
class Curves:
    """A step function for each member, 0 at 0, and `own` (movies,), what a movie has of its own, whoever asks.

    The curve of member m has the steps `starts[m]` to `starts[m + 1]` of `thresholds` and `values`: beyond each
    threshold it rises by the step's value. `parts` (movies, f) is what each feature of a movie adds to its own, where
    that is known.
    """

    thresholds: FloatArray
    values: FloatArray
    starts: IntArray
    own: FloatArray
    parts: FloatArray | None = None

    @classmethod
    def flat(cls, members: int, movies: int) -> "Curves":
        """Without a step."""
        nothing = np.zeros(0, dtype=np.float32)
        return cls(nothing, nothing, np.zeros(members + 1, dtype=np.int32), np.zeros(movies, dtype=np.float32))

    @cached_property
    def _steps(self) -> list[tuple[FloatArray, DoubleArray]]:
        """Of each member the thresholds (t,) and the heights before, between and beyond them (t + 1,)."""
        found = []
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            thresholds = self.thresholds[start:end]
            heights = np.concatenate([[0.0], np.cumsum(self.values[start:end].astype(np.float64))])
            found.append((thresholds, heights - heights[np.searchsorted(thresholds, np.float32(0))]))
        return found

    def height(self, member: int, relative: FloatArray) -> DoubleArray:
        """What a member's curve gives for scores (n,)."""
        thresholds, heights = self._steps[member]
        found: DoubleArray = heights[np.searchsorted(thresholds, relative)]
        return found

    def arrays(self) -> dict[str, AnyArray]:
        """All that the curves consist of, by name."""
        parts = {} if self.parts is None else {"parts": self.parts}
        return {"thresholds": self.thresholds, "values": self.values, "starts": self.starts, "own": self.own, **parts}

    def check(self, members: int, movies: int) -> None:
        """A curve for each member, thresholds that rise within each, a part of its own for each movie."""
        check_shape(self.own, "own", (movies,))
        if self.parts is not None:
            check_shape(self.parts, "parts", (movies, self.parts.shape[-1]))
        check_shape(self.starts, "starts", (members + 1,))
        check_shape(self.thresholds, "thresholds", (int(self.starts[-1]),))
        check_shape(self.values, "values", self.thresholds.shape)
        if self.starts[0] != 0 or (np.diff(self.starts) < 0).any():
            raise ValueError(f"starts are {self.starts.tolist()}, and do not rise from 0")
        if any((np.diff(thresholds) <= 0).any() for thresholds, _ in self._steps):
            raise ValueError("the thresholds of a curve do not rise")
