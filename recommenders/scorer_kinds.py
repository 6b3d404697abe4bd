"""The kinds of scorers by name, and a scorer again from its arrays."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from cinegraph.errors import InvalidInput
from recommenders.arrays import AnyArray, Csr
from recommenders.filter_scorer import FilterScorer
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer

Kind: TypeAlias = type[PopularityScorer] | type[ItemItemScorer] | type[FactorScorer] | type[FilterScorer]
SCORERS: Mapping[str, Kind] = {
    scorer.kind: scorer for scorer in (PopularityScorer, ItemItemScorer, FactorScorer, FilterScorer)
}


def scorer_from(kind: str, arrays: Mapping[str, AnyArray]) -> Scorer:
    """The scorer of that kind again, from what its `arrays` gave; raises `InvalidInput` for arrays that do not fit."""
    if kind not in SCORERS:
        raise InvalidInput(f"there is no kind of scorer {kind!r}; there are {sorted(SCORERS)}")
    given: dict[str, Any] = dict(arrays)
    try:
        if "weights_data" in given:
            m = len(given["items"])
            parts = (given.pop("weights_data"), given.pop("weights_indices"), given.pop("weights_indptr"))
            given["weights"] = Csr(parts, shape=(m, m))
        scorer: Scorer = SCORERS[kind](**given)
        scorer.check()
        return scorer
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"a scorer of kind {kind!r} cannot be made from {sorted(arrays)}: {error}") from error
