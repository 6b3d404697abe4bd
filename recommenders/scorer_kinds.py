"""The kinds of scorers by name, and a scorer again from its arrays."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from cinegraph.errors import InvalidInput
from recommenders.additive_scorer import OPENING, AdditiveScorer
from recommenders.arrays import AnyArray, Csr
from recommenders.blend_scorer import BlendScorer
from recommenders.cosine_scorer import CosineScorer
from recommenders.curves import Curves
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


KINDS = (*SCORERS, AdditiveScorer.kind, BlendScorer.kind)


def scorer_from(kind: str, arrays: Mapping[str, AnyArray]) -> Scorer:
    """The scorer of that kind again, from what its `arrays` gave; raises `InvalidInput` for arrays that do not fit."""
    if kind not in KINDS:
        raise InvalidInput(
            f"there is no kind of scorer {kind!r}; there are {sorted(KINDS)}: train the model again with this Cinegraph"
        )
    try:
        if kind == AdditiveScorer.kind:
            return _additive(arrays)
        if kind == BlendScorer.kind:
            return _blend(arrays)
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
    """With its members, and the curves of openings, `opening.name`."""
    made, others = _members(arrays)
    curves: dict[str, dict[str, AnyArray]] = {"": {}, OPENING: {}}
    for name, array in others.items():
        *owner, part = name.split(".")
        curves["".join(owner)][part] = array
    own = _given(curves[""])
    facts, many = own.pop("facts", None), Curves(**own)
    opening = Curves(**_given(curves[OPENING])) if curves[OPENING] else many  # an earlier Cinegraph had one set
    scorer = AdditiveScorer(made, many, opening, facts)
    scorer.check()
    return scorer


def _blend(arrays: Mapping[str, AnyArray]) -> BlendScorer:
    """With its members, and their weights."""
    members, others = _members(arrays)
    scorer = BlendScorer(members, **_given(others))
    scorer.check()
    return scorer


def _members(arrays: Mapping[str, AnyArray]) -> tuple[tuple[Scorer, ...], dict[str, AnyArray]]:
    """The members, whose arrays are named `place.kind.name`, and the other arrays."""
    members: dict[tuple[int, str], dict[str, AnyArray]] = {}
    others: dict[str, AnyArray] = {}
    for name, array in arrays.items():
        *owner, part = name.split(".")
        if len(owner) == 2:
            members.setdefault((int(owner[0]), owner[1]), {})[part] = array
        else:
            others[name] = array
    return tuple(scorer_from(kind, members[place, kind]) for place, kind in sorted(members)), others


def _given(arrays: Mapping[str, AnyArray]) -> dict[str, Any]:
    return dict(arrays)
