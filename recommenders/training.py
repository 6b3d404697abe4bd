"""From interactions to a model that can be published: fit, choose, measure, and fit again on all there is.

Each model is fitted on train; hyper-parameters, and the epochs of a model that trains in epochs, are those that do best
on validation. With them it is fitted anew on train and validation, and measured on test, where nothing is chosen any
more. The best model on validation is fitted once more on all ratings: that one is published, and the figures beside it
are those of the same recipe with the last ratings held back. A model that is made of others is the best only where it
is surely better than the best of them, on validation and test together.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from cinegraph.errors import ModelError, ModelRefused, ModelTooLarge, NotEnoughData, NotFound
from recommenders import registry
from recommenders.arrays import DoubleArray, IdArray
from recommenders.bootstrap import Estimate, difference_of, mean_of
from recommenders.calibration import Calibration, calibrate, judge
from recommenders.evaluation import Comparison, Context, Evaluation, UserMetrics, ask, compare, summarise
from recommenders.facts import MovieFacts
from recommenders.gate import Candidate, check
from recommenders.interactions import Interactions
from recommenders.model import Embeddings, FitOptions, Learning, Model, Progress, silent
from recommenders.newcomers import with_newcomers
from recommenders.protocol import DEFAULT, Protocol, divide, load_protocol
from recommenders.questions import Questions, learn_questions
from recommenders.recording import UNRECORDED, Record, Recorder, Subject
from recommenders.scorers import Scorer
from recommenders.segments import Segment, segments
from recommenders.significance import Verdict, all_pairs
from recommenders.splits import TEST, VALIDATION, Split


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    `protocol` says how ratings are divided; `configs` gives hyper-parameters by model, which are then not searched;
    `max_users` bounds the users that an evaluation asks about (drawn by the seed), for data sets with very many;
    `facts`, by the positions of the ratings' movies, adds figures of diversity and calibration; without `final` the
    best model is not fitted on all ratings, as publishing needs it; `recorder` keeps each model's training.
    """

    seed: int = 0
    protocol: Protocol = field(default_factory=lambda: load_protocol(DEFAULT))
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    max_users: int | None = None
    facts: MovieFacts | None = None
    final: bool = True
    device: str = "auto"
    progress: Callable[[Progress], None] = silent
    recorder: Recorder = UNRECORDED


@dataclass(frozen=True, slots=True, eq=False)
class ModelResult:
    """How one model did; `against` compares its test with the baselines, `seconds` is all the time it took.

    `beside` names the models that it must be surely better than, `chosen_on` and `measured` are its figures by user on
    validation and test. `curve` holds, where users were hidden, its NDCG@10 by the number of liked movies known;
    `learning` the NDCG@10 on validation by epoch, of a model that trains in epochs. `calibration` says what chance is
    behind its scores, by the ratings of validation.
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
    calibration: Calibration = field(default_factory=Calibration)

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
    """A model fitted on all ratings, over these movies and users, and what is to be asked of a stranger."""

    name: str
    config: Mapping[str, Any]
    scorer: Scorer
    embeddings: Embeddings | None
    movies: IdArray
    users: IdArray
    questions: Questions | None = None

    def candidate(self) -> Candidate:
        """The same, to be checked."""
        return Candidate(self.name, self.scorer, self.embeddings, len(self.movies), len(self.users))


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRun:
    """What a training gave: a row for each model, baselines included, and the best of those that were asked for."""

    protocol: Protocol
    test_users: int
    fingerprint: str
    seed: int
    results: tuple[ModelResult, ...]
    best: str
    final: Fitted | None
    verdicts: tuple[Verdict, ...] = ()

    def result(self, name: str) -> ModelResult:
        """The row of that model."""
        for one in self.results:
            if one.name == name:
                return one
        raise NotFound(f"{name!r} was not trained; there are: {', '.join(one.name for one in self.results)}")

    def check(self) -> Estimate:
        """The advantage of the best model over Popular; raises `ModelRefused` where it must not be served."""
        measured, popular = self.result(self.best).measured, self.result("popular").measured
        if not _earned(self.result(self.best), {row.name: row for row in self.results}, self.seed):
            members = ", ".join(self.result(self.best).beside)
            raise ModelRefused(
                f"{self.best} is not surely better than the best of its members ({members}), which is simpler: train "
                "those"
            )
        return check(self.fitted().candidate(), measured, popular, self.seed)

    def fitted(self) -> Fitted:
        """The best model, fitted on all ratings."""
        if self.final is None:
            raise ModelError(f"{self.best} was measured, and not fitted on all ratings; train it with cinegraph train")
        return self.final

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only, and nothing of a single user."""
        return {
            "protocol": self.protocol.name,
            "protocolFingerprint": self.protocol.fingerprint,
            "testUsers": self.test_users,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "best": self.best,
            "calibration": self.result(self.best).calibration.as_json(),
            "models": [one.as_json() for one in self.results],
            "verdicts": [{**asdict(one), "significant": one.significant} for one in self.verdicts],
        }


def train(interactions: Interactions, names: Sequence[str] = (), options: TrainingOptions | None = None) -> TrainingRun:
    """Train the models of these names (the usual ones, where none is given), with the baselines beside them.

    A model that is not named, and has too little data or none of the catalogue that it needs, is left out. Raises
    `NotFound` for an unknown name, `MissingExtra` for a model whose parts are not installed, `NotEnoughData` where
    nobody can be asked, or a model that is named cannot be fitted.
    """
    options = options or TrainingOptions()
    asked = tuple(dict.fromkeys(names)) or registry.usual()
    beside = _check_names(asked, options)
    split, protocol = divide(interactions, options.protocol)
    options = replace(options, protocol=protocol)
    context = Context("", protocol.name, "", options.seed, interactions.fingerprint())
    wanted = {*registry.BASELINES, *asked, *beside}
    trained = _trained([name for name in registry.names() if name in wanted], names, split, context, options)
    rows = {row.name: row for row in trained.values()}
    baselines = [trained[name] for name in registry.BASELINES]
    results = tuple(_compared(row, baselines, options.seed) for row in rows.values())
    best = _best([trained[name] for name in asked if name in trained], trained, options.seed)
    final = _final(best, rows[best].config, interactions, options) if options.final else None
    verdicts = all_pairs({name: row.measured.ndcg_at_10 for name, row in rows.items()}, options.seed)
    return TrainingRun(protocol, split.test_users, context.fingerprint, options.seed, results, best, final, verdicts)


def _check_names(asked: Sequence[str], options: TrainingOptions) -> list[str]:
    """Before anything is trained, which takes long: all names, hyper-parameters, and the device; the models that those
    asked for are made of."""
    beside = list[str]()
    for name in (*asked, *options.configs):
        model = registry.create(name, options.configs.get(name))
        model.check_device(options.device)
        beside += model.beside() if name in asked else ()
    return beside


def _best(asked: Sequence[ModelResult], rows: Mapping[str, ModelResult], seed: int) -> str:
    """The name of the model that does best on validation, of those that are surely better than what they are made of,
    where there is one."""
    earned = [row for row in asked if _earned(row, rows, seed)]
    return max(earned or asked, key=lambda row: row.validation.ndcg_at_10.mean).name


def _earned(row: ModelResult, rows: Mapping[str, ModelResult], seed: int) -> bool:
    """Whether it is surely better than the best of its members on validation, over what either part says of a user."""
    members = [rows[name] for name in row.beside if name in rows]
    if not members:
        return True
    best = max(members, key=lambda one: one.validation.ndcg_at_10.mean)
    return difference_of(_of_users(row), _of_users(best), seed).above_zero


def _of_users(row: ModelResult) -> DoubleArray:
    """The NDCG@10 of each user (users,), the mean of those on validation and on test."""
    parts = (row.chosen_on, row.measured)
    _, place = np.unique(np.concatenate([part.users for part in parts]), return_inverse=True)
    figures: DoubleArray = np.bincount(place, np.concatenate([part.ndcg_at_10 for part in parts])) / np.bincount(place)
    return figures


def _trained(
    wanted: Sequence[str], named: Sequence[str], split: Split, context: Context, options: TrainingOptions
) -> dict[str, ModelResult]:
    """The rows of these models. Of those that nobody named, one that is too large has the row of what stands in for it,
    and one that has too little to learn from is left out, unless it is a baseline."""
    rows = {}
    for name in wanted:
        try:
            rows[name] = _row(name, split, context, options)
        except ModelTooLarge as error:
            stand_in = registry.entry(name).stand_in
            if name in named or not stand_in:
                raise
            options.progress(Progress(f"{name}: too large, {stand_in} stands in for it", 1, 1, str(error)))
            rows[name] = _row(stand_in, split, context, options)
        except NotEnoughData as error:
            if name in named or name in registry.BASELINES:
                raise
            options.progress(Progress(f"{name}: left out", 1, 1, str(error)))
    return rows


def _row(name: str, split: Split, context: Context, options: TrainingOptions) -> ModelResult:
    with options.recorder.training(subject(name, context.fingerprint, options)) as record:
        row = _measured(name, split, context, options, record)
        record.measured(row.config, {**row.validation.figures(), **row.test.figures()}, row.learning)
    return row


def subject(name: str, fingerprint: str, options: TrainingOptions) -> Subject:
    """What is recorded of a model before it is trained."""
    return Subject(
        model=name,
        fingerprint=fingerprint,
        protocol=options.protocol.name,
        protocol_fingerprint=options.protocol.fingerprint,
        seed=options.seed,
        device=registry.model_class(name).check_device(options.device),
        max_users=options.max_users,
        given=options.configs.get(name, {}),
    )


def _measured(name: str, split: Split, context: Context, options: TrainingOptions, record: Record) -> ModelResult:
    started = time.perf_counter()
    fit = _fit_options(name, options)
    model, on_validation = _chosen(name, split, options, record)
    config = model.config.model_dump()
    scorer = _served(registry.create(name, config).fit(split.before_test(), fit), options)
    question = split.question(TEST)
    on_test = ask(scorer, question, options.max_users, options.seed, options.facts)
    context = replace(context, model=name)
    return ModelResult(
        name=name,
        config=config,
        validation=summarise(on_validation, replace(context, part="validation")),
        test=summarise(on_test, replace(context, part="test")),
        against=(),
        seconds=time.perf_counter() - started,
        chosen_on=on_validation,
        measured=on_test,
        beside=model.beside(),
        segments=segments(on_test, question, options.facts, options.seed),
        curve=_curve(scorer, split, options),
        learning=model.learning,
        calibration=calibrate(
            judge(_served(model, options), split.question(VALIDATION), options.max_users, options.seed)
        ),
    )


def _served(model: Model[Any], options: TrainingOptions) -> Scorer:
    """As it is served: movies that hardly anybody likes by those they are like, where that is known."""
    return model.scorer() if options.facts is None else with_newcomers(model.scorer(), options.facts.content)


def _curve(scorer: Scorer, split: Split, options: TrainingOptions) -> dict[int, Estimate]:
    """NDCG@10 of hidden users by what is known of them; empty where no user is hidden."""
    asked = {known: split.question(TEST, known) for known in split.openings.get(TEST, ())}
    return {
        known: mean_of(ask(scorer, question, options.max_users, options.seed).ndcg_at_10, options.seed)
        for known, question in asked.items()
    }


def _chosen(name: str, split: Split, options: TrainingOptions, record: Record) -> tuple[Model[Any], UserMetrics]:
    """The model fitted on train that does best on validation, and how it does there; of equals the first."""
    given = options.configs.get(name)
    search = registry.model_class(name).search if given is None else ()
    best: tuple[Model[Any], UserMetrics] | None = None
    for number, config in enumerate(search or (given or {},)):
        model, measured = judged(name, config, split, options, record.looked)
        options.progress(Progress(f"{name}: choosing", number + 1, max(len(search), 1), _described(config)))
        if best is None or measured.ndcg_at_10.mean() > best[1].ndcg_at_10.mean():
            best = model, measured
    assert best is not None
    return best


def judged(
    name: str, config: Mapping[str, Any], split: Split, options: TrainingOptions, looked: Callable[[int, float], None]
) -> tuple[Model[Any], UserMetrics]:
    """The model with these hyper-parameters fitted on train, and how it does on validation."""
    question = split.question(VALIDATION)
    fit = replace(_fit_options(name, options), validation=question, looked=looked)
    model = registry.create(name, config).fit(split.train, fit)
    return model, ask(_served(model, options), question, options.max_users, options.seed)


def _final(name: str, config: Mapping[str, Any], interactions: Interactions, options: TrainingOptions) -> Fitted:
    model = registry.create(name, config).fit(interactions, _fit_options(name, options))
    questions = learn_questions(interactions)
    return Fitted(name, config, model.scorer(), model.embeddings(), interactions.movies, interactions.users, questions)


def _compared(row: ModelResult, baselines: Sequence[ModelResult], seed: int) -> ModelResult:
    others = [one for one in baselines if one.name != row.name]
    return replace(row, against=tuple(compare(row.measured, one.measured, one.name, seed) for one in others))


def _fit_options(name: str, options: TrainingOptions) -> FitOptions:
    def tell(progress: Progress) -> None:
        options.progress(replace(progress, task=f"{name}: {progress.task}"))

    knowledge = options.facts.knowledge if options.facts else None
    return FitOptions(seed=options.seed, device=options.device, knowledge=knowledge, progress=tell)


def _described(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in config.items()) or "defaults"
