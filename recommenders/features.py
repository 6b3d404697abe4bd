"""What a score is made of, by what was known of the user and the movie: addends with names, which add up to it.

An ensemble is a sum of its members' curves and of what the movie has of its own (`additive_scorer.py`), a blend one of
its members' scores (`blend_scorer.py`); any other model is one addend, its score. For a user of whom nothing is known
popularity is. What stated preferences add stands for itself. A movie that nobody has rated has the addends of those it
is like, in the same parts as its score has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recommenders.additive_scorer import OWN_FEATURES, AdditiveScorer
from recommenders.blend_scorer import BlendScorer
from recommenders.newcomers import WithNewcomers
from recommenders.scorers import History, Scorer
from recommenders.state import Scored

OWN: Final = "own"
MODEL: Final = "model"
POPULARITY: Final = "popularity"
PREFERENCES: Final = "preferences"


@dataclass(frozen=True, slots=True)
class Feature:
    """An addend: what it is called, the value that was known, and what that adds to the score."""

    name: str
    value: float
    contribution: float


def features_of(scored: Scored, movie_id: str) -> list[Feature]:
    """What adds up to a movie's score; none of a movie that the model does not know."""
    place = scored.state.index.get(movie_id)
    if place is None:
        return []
    said = float(scored.model_scores[place])
    if not scored.scorer.is_personal(scored.known):
        found = [Feature(POPULARITY, said, said)]
    else:
        found = _of_model(scored.scorer, scored.known, place, scored.state.learnt.members)
    stated = sum(float(added[place]) for added in scored.preferred.values())
    near = sum(1 for added in scored.preferred.values() if added[place])
    return [*found, Feature(PREFERENCES, float(near), stated)] if scored.preferred else found


def _of_model(scorer: Scorer, known: History, place: int, members: Sequence[str]) -> list[Feature]:
    if isinstance(scorer, WithNewcomers):
        near, weights = scorer.like(place)
        if len(near):
            own = scorer.own(known)
            parts = [_of_model(scorer.base, own, item, members) for item in near.tolist()]
            return _mixed(parts, weights.astype(float).tolist())
        return _of_model(scorer.base, scorer.own(known), place, members)
    if isinstance(scorer, AdditiveScorer | BlendScorer):
        addends = scorer.addends(known, place)
        names = _names(scorer, members, len(addends))
        return [Feature(name, value, added) for name, (value, added) in zip(names, addends, strict=True)]
    said = float(scorer.score(known)[place])
    return [Feature(MODEL, said, said)]


def _names(scorer: AdditiveScorer | BlendScorer, members: Sequence[str], count: int) -> list[str]:
    """Of each addend: the members by their names, or by kind and place where those are not known."""
    given = list(members)
    if len(given) != len(scorer.members):
        given = [f"{member.kind}_{place}" for place, member in enumerate(scorer.members, 1)]
    if isinstance(scorer, BlendScorer):
        return given
    return [*given, *(OWN_FEATURES if count > len(given) + 1 else (OWN,))]


def _mixed(parts: Sequence[Sequence[Feature]], weights: Sequence[float]) -> list[Feature]:
    """The same features of several movies: values in the mean, contributions as the weights say."""
    whole = sum(weights)
    return [
        Feature(
            same[0].name,
            sum(one.value * weight for one, weight in zip(same, weights, strict=True)) / whole,
            sum(one.contribution * weight for one, weight in zip(same, weights, strict=True)),
        )
        for same in zip(*parts, strict=True)
    ]
