"""Words of all names in memory: search by name where the full-text index cannot be asked."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.titles import words_in

NONE: Final = np.zeros(0, np.int32)
AFTER: Final = "\U0010ffff"
"""Beyond every letter of a word."""


@dataclass(frozen=True, slots=True)
class Names:
    """Which nodes have a word in their name: `words` (W,) in order, and `nodes` of each from its place in `starts`
    (W + 1,) on."""

    words: tuple[str, ...]
    starts: NDArray[np.int64]
    nodes: NDArray[np.int32]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Of these names, by their number."""
        found: dict[str, list[int]] = {}
        for node, name in enumerate(names):
            for word in dict.fromkeys(words_in(name)):
                found.setdefault(word, []).append(node)
        words = tuple(sorted(found))
        starts = np.concatenate([[0], np.cumsum([len(found[word]) for word in words])]).astype(np.int64)
        return cls(words, starts, np.fromiter(chain.from_iterable(found[word] for word in words), np.int32))

    def having(self, word: str) -> NDArray[np.int32]:
        """The nodes whose names have this very word."""
        place = bisect_left(self.words, word)
        return self._of(place, place + 1) if self.words[place : place + 1] == (word,) else NONE

    def beginning(self, letters: str) -> NDArray[np.int32]:
        """The nodes whose names have a word that begins so."""
        return np.unique(self._of(bisect_left(self.words, letters), bisect_left(self.words, letters + AFTER)))

    def _of(self, first: int, last: int) -> NDArray[np.int32]:
        return self.nodes[self.starts[first] : self.starts[last]]
