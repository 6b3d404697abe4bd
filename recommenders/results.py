"""What a training gives: a row of figures for each model, and the one to be served, fitted on all ratings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cinegraph.errors import ModelError, NotFound
from recommenders.arrays import AnyArray, FloatArray, IdArray
from recommenders.bootstrap import Estimate
from recommenders.calibration import Calibration
from recommenders.evaluation import Comparison, Evaluation, UserMetrics
from recommenders.model import Embeddings, Learning
from recommenders.protocol import Protocol
from recommenders.questions import Questions
from recommenders.scorers import Scorer
from recommenders.segments import Cold, Segment
from recommenders.significance import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class ModelResult:
    """How one model did; `against` compares its test with the baselines, `seconds` is all the time it took.

    `beside` names the models that it must be surely better than, `chosen_on` and `measured` are its figures by user on
    validation and test. `curve` holds, where users were hidden, its NDCG@10 by the number of liked movies known;
    `learning` the NDCG@10 on validation by epoch, of a model that trains in epochs; `cold` is of the test part, and
    `calibration` says what chance is behind its scores, by the ratings of validation. `vectors` (movies, d) are the
    embeddings of the model that was measured: kept of the best one alone, where it has any.
    """

    name: str
    config: Mapping[str, Any]
    validation: Evaluation
    test: Evaluation
    against: tuple[Comparison, ...]
    seconds: float
    chosen_on: UserMetrics
    measured: UserMetrics
    beside: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    curve: Mapping[int, Estimate] = field(default_factory=dict)
    learning: Learning = ()
    cold: Cold | None = None
    calibration: Calibration = field(default_factory=Calibration)
    vectors: FloatArray | None = None

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only, and nothing of a single user."""
        return {
            "model": self.name,
            "config": dict(self.config),
            "validation": self.validation.as_json(),
            "test": self.test.as_json(),
            "against": [one.as_json() for one in self.against],
            "segments": [asdict(one) for one in self.segments],
            "learning": [list(one) for one in self.learning],
            "curve": {str(known): asdict(figure) for known, figure in self.curve.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model fitted on all ratings, over these movies and users, and `questions` to ask a stranger; `score_ms` is the
    CPU time of scoring all movies for a user, the median of several, in milliseconds (0 where it was not taken);
    `start` is what the next training may go on from (`start.py`)."""

    name: str
    config: Mapping[str, Any]
    scorer: Scorer
    embeddings: Embeddings | None
    movies: IdArray
    users: IdArray
    score_ms: float = 0.0
    questions: Questions | None = None
    start: Mapping[str, AnyArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a version that is served was made by."""

    version: str
    model: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """The model that is served, refitted by its recipe on what all others were fitted on, and asked the same; where
    that could not be done `measured` is None, and `unmeasured` says why."""

    recipe: Recipe
    measured: UserMetrics | None
    cold: Cold | None = None
    unmeasured: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRun:
    """What a training gave: a row for each model, baselines included, and the best of those that were asked for.

    `chosen` is what is to be served: the best, or a simpler one where `passed_over` says why the best is not. `ease` is
    the name of the row that stands for EASE; `because` is the reason given for a model that is not surely better.
    `asked_protocol` is the name of the one that was asked for, where it left too few users and another took its place.
    `started_from` is the version that the chosen model went on from, "" for a training in full.
    """

    protocol: Protocol
    test_users: int
    fingerprint: str
    seed: int
    results: tuple[ModelResult, ...]
    best: str
    final: Fitted | None
    verdicts: tuple[Verdict, ...] = ()
    chosen: str = ""
    passed_over: str = ""
    ease: str = "ease"
    because: str = ""
    live: Live | None = None
    started_from: str = ""
    asked_protocol: str = ""

    @property
    def asked_users(self) -> int:
        """How many of the test users were asked about, as `max_users` bounds them."""
        return min((len(one.measured.users) for one in self.results), default=0)

    def result(self, name: str) -> ModelResult:
        """The row of that model."""
        for one in self.results:
            if one.name == name:
                return one
        raise NotFound(f"{name!r} was not trained; there are: {', '.join(one.name for one in self.results)}")

    def against_ease(self, name: str) -> Verdict | None:
        """The test of that model against EASE, of all pairs of this run; None for EASE itself."""
        return next((one for one in self.verdicts if {one.first, one.second} == {name, self.ease}), None)

    def fitted(self) -> Fitted:
        """The chosen model, fitted on all ratings."""
        if self.final is None:
            raise ModelError(
                f"{self.chosen} was measured, and not fitted on all ratings; train it with cinegraph train"
            )
        return self.final

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only, and nothing of a single user."""
        return {
            "protocol": self.protocol.name,
            "protocolFingerprint": self.protocol.fingerprint,
            "askedProtocol": self.asked_protocol or self.protocol.name,
            "testUsers": self.test_users,
            "askedUsers": self.asked_users,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "best": self.best,
            "chosen": self.chosen,
            "startedFrom": self.started_from,
            "calibration": self.result(self.chosen).calibration.as_json(),
            "models": [one.as_json() for one in self.results],
            "verdicts": [{**asdict(one), "significant": one.significant} for one in self.verdicts],
        }
