"""What stands between a trained model and its users: the rules that one must hold to be served, and what each found.

All are over the same users and protocol, in pairs. A model must be surely better than Popular and than EASE (a simpler
model stands unless the other is surely better), and than the best of those it is made of; it must surely not be worse
than the live model by more than a margin, nor do surely worse where little is known, nor show less of the catalogue,
nor take too long. A reason that is given stands in for the advantage over EASE, and for a live model that could not be
measured, and for nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cinegraph.errors import ModelRefused
from cinegraph.settings import GateSettings
from recommenders.arrays import DoubleArray
from recommenders.bootstrap import Estimate, difference_of
from recommenders.evaluation import UserMetrics
from recommenders.results import Live, ModelResult, TrainingRun
from recommenders.soundness import check_arrays

POPULAR: Final = "popular"
FEWEST_COLD: Final = 30
"""Users below whom nothing is said of cold users or cold movies."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what was found, the limit, whether it is held, and in words what was found and what to do. One that is
    `waived` is not held, and has a reason instead."""

    name: str
    figure: Estimate | float | None
    limit: float
    held: bool
    words: str
    advice: str
    waived: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing stands against serving the model."""
        return self.held or self.waived

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only; no words of what holds."""
        found = self.figure
        figure = {"mean": found.mean, "low": found.low, "high": found.high} if isinstance(found, Estimate) else found
        about = {"name": self.name, "figure": figure, "limit": self.limit, "held": self.held}
        return about | {"waived": self.waived, "words": "" if self.held else self.words}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate says of a model."""

    model: str
    rules: tuple[Rule, ...]
    because: str = ""
    live: str = ""

    @property
    def passed(self) -> bool:
        """Whether it may be served."""
        return all(rule.passed for rule in self.rules)

    @property
    def refusal(self) -> str:
        """Every rule that is not held, with its figure, its limit and what to do."""
        return "; ".join(f"{self.model} {rule.words}; {rule.advice}" for rule in self.rules if not rule.passed)

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only."""
        return {
            "passed": self.passed,
            "because": self.because,
            "live": self.live,
            "rules": [rule.as_json() for rule in self.rules],
        }


def check(run: TrainingRun, limits: GateSettings) -> Outcome:
    """What the gate says of the chosen model; raises `ModelRefused` where it must not be served."""
    check_arrays(run.fitted())
    outcome = outcome_of(run, limits)
    if not outcome.passed:
        raise ModelRefused(outcome.refusal)
    return outcome


def outcome_of(run: TrainingRun, limits: GateSettings) -> Outcome:
    """The same, of a model that is only measured too; it is told, not raised."""
    row = run.result(run.chosen)
    rules = [*_made_of_others(row, run), *_over_baselines(row, run)]
    if run.live is not None:
        rules += _beside_live(row, run.live, run, limits)
    if run.final is not None and run.final.score_ms:
        rules.append(_speed(run.final.score_ms, limits))
    live = run.live.recipe.version if run.live else ""
    because = run.because if any(rule.waived for rule in rules) else ""
    return Outcome(row.name, tuple(rules), because, live)


# -- a simpler model stands unless another is surely better ----------------------------------------------------------


def choose(best: ModelResult, asked: Sequence[ModelResult], bars: Sequence[ModelResult], seed: int) -> tuple[str, str]:
    """The model to serve, by name: the best, or of EASE and Popular (`bars`, in this order), as far as they were asked
    for, the first that stands; and why it is not the best, "" where it is."""
    ease, popular = bars
    names, why = {row.name for row in asked}, ""
    for row in (best, *(bar for bar in bars if bar.name in names and bar.name != best.name)):
        failed = next((rule for rule in _over(row, ease, popular, seed) if not rule.held), None)
        if failed is None:
            return row.name, f"{why}: {row.name}, which is simpler, stands" if why else ""
        why = why or f"{best.name} {failed.words}"
    return best.name, ""


def _over_baselines(row: ModelResult, run: TrainingRun) -> Iterator[Rule]:
    for rule in _over(row, run.result(run.ease), run.result(POPULAR), run.seed):
        waived = bool(run.because) and not rule.held and rule.name != "over popular"
        yield Rule(rule.name, rule.figure, rule.limit, rule.held, rule.words, rule.advice, waived)


def _over(row: ModelResult, ease: ModelResult, popular: ModelResult, seed: int) -> Iterator[Rule]:
    advice = "train with more ratings or another model"
    because = 'or say why it is to be served: --because "…"'
    if row.name == POPULAR:
        over = _difference(ease, popular, seed)
        words = f"is not to be served where {ease.name} is surely better than it: {_figures(ease, popular, over)}"
        yield Rule("under ease", over, 0.0, not over.above_zero, words, f"train {ease.name}, {because}")
        return
    over = _difference(row, popular, seed)
    words = f"is not surely better than popular: {_figures(row, popular, over)}, which must lie above 0"
    yield Rule("over popular", over, 0.0, over.above_zero, words, f"{advice}, or popular itself")
    if row.name != ease.name:
        over = _difference(row, ease, seed)
        words = f"is not surely better than {ease.name}: {_figures(row, ease, over)}, which must lie above 0"
        yield Rule("over ease", over, 0.0, over.above_zero, words, f"{advice}, {because}")


def _made_of_others(row: ModelResult, run: TrainingRun) -> Iterator[Rule]:
    rows = {one.name: one for one in run.results}
    over = over_members(row, rows, run.seed)
    if over is not None:
        members = ", ".join(row.beside)
        words = f"is not surely better than the best of its members ({members}): a difference of {over}"
        yield Rule("over members", over, 0.0, over.above_zero, words, "train those, which are simpler")


def over_members(row: ModelResult, rows: dict[str, ModelResult], seed: int) -> Estimate | None:
    """How much better it is than the best of its members on validation, over what either part says of a user; None for
    a model without members."""
    members = [rows[name] for name in row.beside if name in rows]
    if not members:
        return None
    best = max(members, key=lambda one: one.validation.ndcg_at_10.mean)
    return difference_of(_of_users(row), _of_users(best), seed)


def _of_users(row: ModelResult) -> DoubleArray:
    """The NDCG@10 of each user (users,), the mean of those on validation and on test."""
    parts = (row.chosen_on, row.measured)
    _, place = np.unique(np.concatenate([part.users for part in parts]), return_inverse=True)
    figures: DoubleArray = np.bincount(place, np.concatenate([part.ndcg_at_10 for part in parts])) / np.bincount(place)
    return figures


def _difference(row: ModelResult, other: ModelResult, seed: int) -> Estimate:
    """As the training drew it, where it did."""
    for one in row.against:
        if one.baseline == other.name:
            _check_paired(row.name, row.measured, other.name, other.measured)
            return one.difference
    return _paired(row.name, row.measured, other.name, other.measured, seed)


def _paired(name: str, measured: UserMetrics, other: str, others: UserMetrics, seed: int) -> Estimate:
    _check_paired(name, measured, other, others)
    return difference_of(measured.ndcg_at_10, others.ndcg_at_10, seed)


def _check_paired(name: str, measured: UserMetrics, other: str, others: UserMetrics) -> None:
    if len(measured.users) == 0 or not np.array_equal(measured.users, others.users):
        raise ModelRefused(
            f"{name} was measured on {len(measured.users)} users and {other} on {len(others.users)}: only figures for "
            "the same users can be compared; evaluate both anew"
        )
    if not np.isfinite(measured.ndcg_at_10).all():
        raise ModelRefused(f"{name} has an NDCG@10 that is no number; evaluate it anew")


def _figures(row: ModelResult, other: ModelResult, over: Estimate) -> str:
    means = f"NDCG@10 {row.measured.ndcg_at_10.mean():.4f} against {other.measured.ndcg_at_10.mean():.4f}"
    return f"{means} over {len(row.measured.users)} users, a difference of {over}"


# -- beside the live model -------------------------------------------------------------------------------------------


def _beside_live(row: ModelResult, live: Live, run: TrainingRun, limits: GateSettings) -> Iterator[Rule]:
    if live.measured is None:
        words = f"cannot be compared with the live model {live.recipe.version}, {live.unmeasured}"
        advice = 'mend that, or say why it is to be served all the same: --because "…"'
        yield Rule("beside live", None, 0.0, False, words, advice, bool(run.because))
        return
    measured = live.measured
    over = _paired(row.name, row.measured, live.recipe.version, measured, run.seed)
    limit = 0.0 - limits.margin * float(measured.ndcg_at_10.mean())
    words = (
        f"may be worse than the live model {live.recipe.version}: NDCG@10 {row.measured.ndcg_at_10.mean():.4f} against "
        f"{measured.ndcg_at_10.mean():.4f} over {len(measured.users)} users, a difference of {over}, which must not "
        f"reach below {limit:.4f}"
    )
    advice = "train with more ratings or another model, or allow more by CINEGRAPH_GATE__MARGIN"
    yield Rule("beside live", over, limit, over.low >= limit, words, advice)
    yield from _where_little_is_known(row, live, run.seed, limits)
    yield from _shown(row, measured, limits)


def _where_little_is_known(row: ModelResult, live: Live, seed: int, limits: GateSettings) -> Iterator[Rule]:
    """Surely worse, and by more than the margin: these are few, so that a margin alone would refuse by chance."""
    if row.cold is None or live.cold is None or live.measured is None:
        return
    wanting = np.isfinite(row.cold.found) & np.isfinite(live.cold.found)
    ndcg = row.measured.ndcg_at_10, live.measured.ndcg_at_10
    parts = (
        ("cold users", "NDCG@10 of users with few likes", row.cold.users, *ndcg),
        ("cold movies", "recall@20 of movies with few likes", wanting, row.cold.found, live.cold.found),
    )
    for name, what, chosen, values, others in parts:
        if chosen.sum() < FEWEST_COLD:
            continue
        over = difference_of(values[chosen], others[chosen], seed)
        limit = 0.0 - limits.cold_margin * float(others[chosen].mean())
        words = (
            f"is surely worse than the live model {live.recipe.version} in the {what}, by {-over.mean:.4f} (a "
            f"difference of {over}) over {int(chosen.sum())} users, where {-limit:.4f} is allowed"
        )
        advice = "train another model, or allow more by CINEGRAPH_GATE__COLD_MARGIN"
        yield Rule(name, over, limit, over.high >= 0 or over.mean >= limit, words, advice)


def _shown(row: ModelResult, live: UserMetrics, limits: GateSettings) -> Iterator[Rule]:
    parts = [("coverage", "coverage@10", row.measured.coverage_at_10, live.coverage_at_10)]
    own, others = row.measured.genre_distance_at_10, live.genre_distance_at_10
    if own is not None and others is not None:
        parts.append(("diversity", "distance of genres in a list", float(own.mean()), float(others.mean())))
    for name, what, value, before in parts:
        limit = (1 - limits.diversity_fall) * before
        words = f"has a {what} of {value:.4f}, where the live model has {before:.4f}: {limit:.4f} is the least"
        advice = "train another model, or allow more by CINEGRAPH_GATE__DIVERSITY_FALL"
        yield Rule(name, value, limit, value >= limit, words, advice)


def _speed(score_ms: float, limits: GateSettings) -> Rule:
    words = f"takes {score_ms:.1f} ms of CPU time to score a user, and {limits.score_ms:g} is the most"
    advice = "train a smaller model, or allow more by CINEGRAPH_GATE__SCORE_MS"
    return Rule("score ms", score_ms, limits.score_ms, score_ms <= limits.score_ms, words, advice)
