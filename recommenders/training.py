"""From interactions to a model that can be published: fit, choose, measure, and fit again on all there is.

Each model is fitted on train; hyper-parameters, and the epochs of a model that trains in epochs, are those that do best
on validation. With them it is fitted anew on train and validation, and measured on test, where nothing is chosen any
more. The best model on validation, or a simpler one where it is not surely better (`gate.py`), is fitted once more on
all ratings: that one is published, and the figures beside it are those of the same recipe with the last ratings held
back. A model that is made of others is the best only where it is surely better than the best of them, on validation and
test together.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from cinegraph.errors import CinegraphError, ModelTooLarge, NotEnoughData
from recommenders import registry
from recommenders.bootstrap import Estimate, mean_of
from recommenders.calibration import calibrate, foreseen
from recommenders.checkpoints import Checkpoints
from recommenders.evaluation import Origin, UserMetrics, ask, compare, summarise
from recommenders.facts import MovieFacts
from recommenders.gate import choose, over_members
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, Progress, silent
from recommenders.newcomers import with_newcomers
from recommenders.protocol import DEFAULT, Protocol, divide, load_protocol
from recommenders.questions import learn_questions
from recommenders.recording import UNRECORDED, Record, Recorder, Subject
from recommenders.results import Fitted, Live, ModelResult, Recipe, TrainingRun
from recommenders.scorers import Scorer
from recommenders.segments import cold_of, segments
from recommenders.significance import all_pairs
from recommenders.splits import TEST, VALIDATION, Split
from recommenders.start import Start, packed

TIMED: Final = 21
"""Users whose scoring is timed."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    `protocol` says how ratings are divided; `configs` gives hyper-parameters by model, which are then not searched;
    `max_users` bounds the users that an evaluation asks about (drawn by the seed), for data sets with very many;
    `facts`, by the positions of the ratings' movies, adds figures of diversity and calibration; without `final` the
    chosen model is not fitted on all ratings, as publishing needs it; `recorder` keeps each model's training, and
    `checkpoints` how far those in epochs are, so that one that is ended goes on the next time. `live` is the recipe of
    the model that is served, to be measured beside; `start` is what the model of its name goes on from, by a protocol
    that asks about later ratings alone (`start.py`); `because` the reason to serve the best model also where it is not
    surely better than EASE.
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
    checkpoints: Checkpoints | None = None
    live: Recipe | None = None
    start: Start | None = None
    because: str = ""


def train(interactions: Interactions, names: Sequence[str] = (), options: TrainingOptions | None = None) -> TrainingRun:
    """Train the models of these names (the usual ones, where none is given), with the baselines beside them.

    A model that is not named, and has too little data or none of the catalogue that it needs, is left out. Raises
    `NotFound` for an unknown name, `MissingExtra` for a model whose parts are not installed, `NotEnoughData` where
    nobody can be asked, or a model that is named cannot be fitted.
    """
    options = options or TrainingOptions()
    asked = tuple(dict.fromkeys(names)) or registry.usual()
    beside = _check_names(asked, options)
    (split, protocol), wanted_protocol = divide(interactions, options.protocol), options.protocol.name
    options = replace(options, protocol=protocol)
    context = Origin("", protocol.name, "", options.seed, interactions.fingerprint())
    wanted = {*registry.BASELINES, *asked, *beside}
    trained = _trained([name for name in registry.names() if name in wanted], names, split, context, options)
    baselines = [trained[name] for name in registry.BASELINES]
    rows = {row.name: _compared(row, baselines, options.seed) for row in dict.fromkeys(trained.values())}
    trained = {name: rows[row.name] for name, row in trained.items()}
    wished = [trained[name] for name in asked if name in trained]
    best, bars = _best(wished, trained, options.seed), (trained["ease"], trained["popular"])
    results = tuple(row if row.name == best else replace(row, vectors=None) for row in rows.values())
    chosen, why = (best, "") if options.because else choose(rows[best], wished, bars, options.seed)
    return TrainingRun(
        protocol=protocol,
        test_users=split.test_users,
        fingerprint=context.fingerprint,
        seed=options.seed,
        results=results,
        best=best,
        final=_final(chosen, rows[chosen].config, interactions, options) if options.final else None,
        verdicts=all_pairs({name: row.measured.ndcg_at_10 for name, row in rows.items()}, options.seed),
        chosen=chosen,
        passed_over=why,
        ease=bars[0].name,
        asked_protocol=wanted_protocol if wanted_protocol != protocol.name else "",
        because=options.because,
        live=_live(options.live, results, split, options) if options.live else None,
        started_from=options.start.version if options.start and options.start.model == chosen else "",
    )


def _check_names(asked: Sequence[str], options: TrainingOptions) -> list[str]:
    """Before anything is trained, which takes long: all names, hyper-parameters, and the device; the models that those
    asked for are made of."""
    beside = list[str]()
    for name in (*asked, *options.configs):
        model = registry.create(name, options.configs.get(name))
        model.check_device(options.device)
        beside += model.beside() if name in asked else ()
    return beside


def _best(asked: Sequence[ModelResult], rows: dict[str, ModelResult], seed: int) -> str:
    """The name of the model that does best on validation, of those that are surely better than what they are made of,
    where there is one."""
    over = {row.name: over_members(row, rows, seed) for row in asked}
    earned = [row for row in asked if (found := over[row.name]) is None or found.above_zero]
    return max(earned or asked, key=lambda row: row.validation.ndcg_at_10.mean).name


def _live(recipe: Recipe, rows: Sequence[ModelResult], split: Split, options: TrainingOptions) -> Live:
    """The live model as all others are measured: its recipe fitted on the same ratings, and asked the same. Where
    it is gone on from it is asked as it is: it has seen nothing of what is asked."""
    try:
        if options.start is not None:
            return _asked_live(recipe, options.start.served(split.train.movies), split, options)
        wanted = registry.create(recipe.model, recipe.config)
        for row in rows:
            if row.name == recipe.model and registry.create(row.name, row.config).config == wanted.config:
                return Live(recipe, row.measured, row.cold)
        options.progress(Progress(f"live model: refitting {recipe.version}", 0, 1))
        scorer = wanted.fit(split.before_test(), _fit_options(recipe.model, options)).scorer()
        found = _asked_live(recipe, scorer, split, options)
    except CinegraphError as error:
        return Live(recipe, None, unmeasured=f"which could not be fitted again: {error}")
    options.progress(Progress(f"live model: refitting {recipe.version}", 1, 1))
    return found


def _asked_live(recipe: Recipe, scorer: Scorer, split: Split, options: TrainingOptions) -> Live:
    question = split.question(TEST)
    measured = ask(_served(scorer, options), question, options.max_users, options.seed, options.facts)
    return Live(recipe, measured, cold_of(measured, question))


def _trained(
    wanted: Sequence[str], named: Sequence[str], split: Split, context: Origin, options: TrainingOptions
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


def _row(name: str, split: Split, context: Origin, options: TrainingOptions) -> ModelResult:
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


def _measured(name: str, split: Split, context: Origin, options: TrainingOptions, record: Record) -> ModelResult:
    started = time.perf_counter()
    fit = _fit_options(name, options)
    model, on_validation = _chosen(name, split, options, record)
    config = model.config.model_dump()
    tested = registry.create(name, config).fit(split.before_test(), fit)
    scorer, embeddings = _served(tested.scorer(), options), tested.embeddings()
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
        cold=cold_of(on_test, question),
        calibration=calibrate(
            foreseen(_served(model.scorer(), options), split.question(VALIDATION), options.max_users, options.seed)
        ),
        vectors=embeddings.movies if embeddings else None,
    )


def _served(scorer: Scorer, options: TrainingOptions) -> Scorer:
    """As it is served: movies that hardly anybody likes by those they are like, where that is known."""
    return scorer if options.facts is None else with_newcomers(scorer, options.facts.content)


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
    return model, ask(_served(model.scorer(), options), question, options.max_users, options.seed)


def _final(name: str, config: Mapping[str, Any], interactions: Interactions, options: TrainingOptions) -> Fitted:
    model = registry.create(name, config).fit(interactions, _fit_options(name, options))
    taken = _score_ms(model.scorer(), interactions)
    return Fitted(
        name,
        config,
        model.scorer(),
        model.embeddings(),
        interactions.movies,
        interactions.users,
        taken,
        learn_questions(interactions),
        packed(model.learnt(), interactions),
    )


def _score_ms(scorer: Scorer, interactions: Interactions) -> float:
    """Milliseconds of this thread's CPU time in which a user is scored, the median over users of all lengths."""
    by_length = np.argsort(np.diff(interactions.liked.indptr), kind="stable")
    users = by_length[np.linspace(0, len(by_length) - 1, TIMED).astype(np.int64)]
    taken = []
    for user in (users[-1], *users):  # the first one makes what is kept from then on
        history, began = interactions.history(int(user)), time.thread_time()
        scorer.score(history)
        taken.append(time.thread_time() - began)
    return float(np.median(taken[1:])) * 1000


def _compared(row: ModelResult, baselines: Sequence[ModelResult], seed: int) -> ModelResult:
    others = [one for one in baselines if one.name != row.name]
    return replace(row, against=tuple(compare(row.measured, one.measured, one.name, seed) for one in others))


def _fit_options(name: str, options: TrainingOptions) -> FitOptions:
    def tell(progress: Progress) -> None:
        options.progress(replace(progress, task=f"{name}: {progress.task}"))

    knowledge = options.facts.knowledge if options.facts else None
    start = options.start if options.start and options.start.model == name else None
    return FitOptions(
        seed=options.seed,
        device=options.device,
        knowledge=knowledge,
        checkpoints=options.checkpoints,
        start=start,
        progress=tell,
    )


def _described(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in config.items()) or "defaults"
