"""One list for several people: what each would like, on one scale, and an agreement over it.

A member's satisfaction with a movie is its score as a part of the best score that the member has among the movies that
the group may be shown, from 0 to 1, so that no one counts more for a model being surer of them. Three agreements
(Masthoff 2015): the mean; the least satisfied member, the mean among equals; or, by default, fairness over the list:
each place goes to the movie that most satisfies those whom the places above it satisfied least (in the manner of Kaya
et al. 2020). By each a movie stands above all that it is better than for somebody and worse than for nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from recommenders.arrays import BoolArray, DoubleArray, IntArray
from recommenders.slate import PLACES, POOL

PATIENCE: Final = 0.1
"""Added to what a member has got so far, as a part of the best they could have got: how soon fairness makes up for
little. The smaller, the sooner."""


class Agreement(StrEnum):
    """How a group comes to one order."""

    FAIR = "fair"
    AVERAGE = "average"
    LEAST_MISERY = "least_misery"


@dataclass(frozen=True, slots=True, eq=False)
class Agreed:
    """Movies (n,) in order, each with how satisfied each member is (n, members)."""

    items: IntArray
    satisfaction: DoubleArray


def agree(scores: Sequence[DoubleArray], allowed: BoolArray, agreement: Agreement, count: int) -> Agreed:
    """The best `count` of the allowed movies for members with these scores of each movie (movies,)."""
    items = np.flatnonzero(allowed).astype(np.int32)
    satisfied = np.column_stack([satisfaction(one[items]) for one in scores])
    mean, least = satisfied.mean(axis=1), satisfied.min(axis=1)
    first = least if agreement is Agreement.LEAST_MISERY else mean
    order = np.lexsort((items, -mean, -first))
    if agreement is Agreement.FAIR:
        pool = order[:POOL]
        chosen = _in_turn(satisfied[pool])
        rest = np.ones(len(order), dtype=np.bool_)
        rest[chosen] = False
        order = np.concatenate([pool[chosen], order[rest]])
    order = order[:count]
    return Agreed(items[order], satisfied[order])


def satisfaction(scores: DoubleArray) -> DoubleArray:
    """Scores (n,) as parts of the best of them, 0 for those below it; all 0 where none is above."""
    best = float(scores.max(initial=0.0))
    found: DoubleArray = np.clip(scores, 0.0, None) / (best or 1.0)
    return found


def _in_turn(satisfied: DoubleArray) -> IntArray:
    """The places of a pool (n, members) that come first, in order: most for those who have got least (k,)."""
    ideal = np.cumsum(-np.sort(-satisfied, axis=0), axis=0)
    got, free = np.zeros(satisfied.shape[1]), np.ones(len(satisfied), dtype=np.bool_)
    chosen: list[int] = []
    for place in range(min(PLACES, len(satisfied))):
        had = got / np.maximum(ideal[max(place - 1, 0)], 1e-12)
        worth = satisfied @ (1 / (PATIENCE + had))
        best = int(np.argmax(np.where(free, worth, -np.inf)))
        chosen.append(best)
        free[best] = False
        got += satisfied[best]
    return np.array(chosen, dtype=np.int32)
