"""The kinds of scorers by name, and a scorer again from its arrays."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from cinegraph.errors import InvalidInput
from recommenders.additive_scorer import AdditiveScorer
from recommenders.arrays import AnyArray, Csr
from recommenders.cosine_scorer import CosineScorer
from recommenders.filter_scorer import FilterScorer
from recommenders.least_squares_scorer import LeastSquaresScorer
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer

Kind: TypeAlias = (
    type[PopularityScorer]
    | type[ItemItemScorer]
    | type[FactorScorer]
    | type[FilterScorer]
    | type[CosineScorer]
    | type[LeastSquaresScorer]
)
PLAIN: tuple[Kind, ...] = (
    PopularityScorer,
    ItemItemScorer,
    FactorScorer,
    FilterScorer,
    CosineScorer,
    LeastSquaresScorer,
)
SCORERS: Mapping[str, Kind] = {scorer.kind: scorer for scorer in PLAIN}


KINDS = (*SCORERS, AdditiveScorer.kind)


def scorer_from(kind: str, arrays: Mapping[str, AnyArray]) -> Scorer:
    """The scorer of that kind again, from what its `arrays` gave; raises `InvalidInput` for arrays that do not fit."""
    if kind not in KINDS:
        raise InvalidInput(f"there is no kind of scorer {kind!r}; there are {sorted(KINDS)}")
    try:
        if kind == AdditiveScorer.kind:
            return _additive(arrays)
        given: dict[str, Any] = dict(arrays)
        if "weights_data" in given:
            m = len(given["items"])
            parts = (given.pop("weights_data"), given.pop("weights_indices"), given.pop("weights_indptr"))
            given["weights"] = Csr(parts, shape=(m, m))
        scorer: Scorer = SCORERS[kind](**given)
        scorer.check()
        return scorer
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"a scorer of kind {kind!r} cannot be made from {sorted(arrays)}: {error}") from error


def _additive(arrays: Mapping[str, AnyArray]) -> AdditiveScorer:
    """With its members, whose arrays are named `place.kind.name`."""
    own = {name: array for name, array in arrays.items() if "." not in name}
    members: dict[tuple[int, str], dict[str, AnyArray]] = {}
    for name in arrays.keys() - own.keys():
        place, kind, part = name.split(".")
        members.setdefault((int(place), kind), {})[part] = arrays[name]
    made = tuple(scorer_from(kind, members[place, kind]) for place, kind in sorted(members))
    scorer = AdditiveScorer(members=made, **own)
    scorer.check()
    return scorer
