"""Search of hyper-parameters by Optuna: TPE (Bergstra et al. 2011), judged by NDCG@10 on validation.

A study is kept in `tuning.db`, one after another for a model, and each belongs to its data, protocol, seed and search
space. Its first trial is the defaults. Each trial draws with a seed of its own, made from the study's and how many
trials there are: a study that was killed and gone on with tries the same as one that was not. Processes may share a
study; what they try then depends on which is faster. The trial of a process that is gone is tried again. A model that
trains in epochs is given up where it is below the median of the others at the same epoch (Golovin et al. 2017).
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from cinegraph.errors import InvalidInput, ModelError
from cinegraph.locks import Presence, alone, is_present
from recommenders import registry
from recommenders.evaluation import Origin, summarise
from recommenders.interactions import Interactions
from recommenders.model import Progress, silent
from recommenders.protocol import divide
from recommenders.recording import Record
from recommenders.search_space import Range, SearchSpace
from recommenders.splits import Split
from recommenders.training import TrainingOptions, judged, subject

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
FIRST = 5
"""Trials after which others may be given up."""
LEARNT = 10
"""Epochs of a trial before it may be given up: small steps, and the paper's loss, begin slowly."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that ended: what it tried, its NDCG@10 on validation (None where it has none), and how it ended."""

    number: int
    params: Mapping[str, Any]
    ndcg_at_10: float | None
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The trials of a study, in their order, that with the defaults where it came to its end, and the hyper-parameters
    of the best, all of them."""

    study: str
    model: str
    fingerprint: str
    tried: tuple[Tried, ...]
    best: Tried
    defaults: Tried | None
    config: Mapping[str, Any] = field(default_factory=dict)


def search_space(name: str) -> SearchSpace:
    """What is tried of a model; raises `InvalidInput` for one that has nothing to tune."""
    config = registry.model_class(name).config_class
    if not config.search_space:
        raise InvalidInput(
            f"{name} has no search space: its hyper-parameters are {', '.join(config.model_fields) or 'none'}; "
            f"cinegraph train {name} trains it as it is"
        )
    return config.search_space


def tune(
    name: str, interactions: Interactions, home: Path, trials: int, options: TrainingOptions, *, new: bool = False
) -> Tuned:
    """Go on until the study has so many trials, those of other processes with them; `new` begins another study.

    Raises `InvalidInput` for a model without a search space, and for a study of other data, protocol, seed or search
    space; `ModelError` where no trial came to its end.
    """
    space = search_space(name)
    split, protocol = divide(interactions, options.protocol)
    told = replace(options, protocol=protocol, progress=silent)
    about = _about(name, interactions.fingerprint(), space, told)
    presence = Presence(home / "running")
    try:
        study = _Study.open(home, name, space, about, presence, new=new)
        search = _Search(name, split, interactions.fingerprint(), told, study)
        while trial := study.next(trials, options.seed):
            search.run(trial)
            done, best = study.standing()
            options.progress(Progress(f"trials of {study.name}", min(done, trials), trials, best))
    finally:
        presence.leave()
    return study.tuned(name, interactions.fingerprint())


def _about(name: str, fingerprint: str, space: SearchSpace, options: TrainingOptions) -> dict[str, str]:
    """What a study belongs to: with another value of any of these its trials do not compare."""
    return {
        "data": fingerprint,
        "protocol": f"{options.protocol.name} {options.protocol.fingerprint}",
        "seed": str(options.seed),
        "max_users": str(options.max_users),
        "facts": str(options.facts is not None),
        "search space": hashlib.sha256(repr(sorted(space.items())).encode()).hexdigest(),
        "hyper-parameters beside it": hashlib.sha256(_beside(name, space).encode()).hexdigest(),
    }


def _beside(name: str, space: SearchSpace) -> str:
    """The model's defaults of what is not searched, in words."""
    defaults = registry.model_class(name).config_class().model_dump()
    return repr(sorted((key, value) for key, value in defaults.items() if key not in space))


class _Study:
    """A study in the file of a home, and the trials of it that are ours; `lock` is held while one is taken."""

    def __init__(self, study: optuna.Study, lock: Path, space: SearchSpace, presence: Presence) -> None:
        self._study, self._lock, self._space, self._presence = study, lock, space, presence
        self.name = study.study_name

    @classmethod
    def open(
        cls, home: Path, model: str, space: SearchSpace, about: Mapping[str, str], presence: Presence, *, new: bool
    ) -> "_Study":
        """The last study of the model, or another one; raises `InvalidInput` where it is about something else."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        lock = home / "tuning.lock"
        with alone(lock):
            storage = _storage(home / "tuning.db")
            numbers = [int(name.rpartition("-")[2]) for name in _names(storage) if name.rpartition("-")[0] == model]
            last = max(numbers, default=0)
            if new or not last:
                study = _begun(storage, f"{model}-{last + 1}", model, space, about)
            else:
                study = optuna.load_study(study_name=f"{model}-{last}", storage=storage)
                _check(study, about)
        return cls(study, lock, space, presence)

    def next(self, trials: int, seed: int) -> Trial | None:
        """The next trial, with all that it tries; None where there are as many as are wanted, and nobody was killed."""
        with alone(self._lock):
            self._again_what_was_killed()
            number = len([one for one in self._trials() if one.state != TrialState.WAITING])
            if number >= trials:
                return None
            self._study.sampler = optuna.samplers.TPESampler(
                seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            )
            self._study.pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=LEARNT)
            trial = self._study.ask()
            trial.set_user_attr("process", self._presence.name)
            for name, values in self._space.items():
                _suggest(trial, name, values)
            return trial

    def pruned(self, trial: Trial) -> None:
        """It was given up."""
        self._study.tell(trial, state=TrialState.PRUNED)

    def failed(self, trial: Trial, why: str) -> None:
        """It came to no end of its own fault; it is not tried again."""
        trial.set_user_attr("failed", why)
        self._study.tell(trial, state=TrialState.FAIL)

    def ended(self, trial: Trial, ndcg_at_10: float) -> None:
        """It came to its end."""
        self._study.tell(trial, ndcg_at_10)

    def standing(self) -> tuple[int, str]:
        """How many trials have ended, and the best of them in words."""
        ended = [one for one in self._trials() if one.state.is_finished()]
        values = [one.value for one in ended if one.state == TrialState.COMPLETE and one.value is not None]
        return len(ended), f"best {max(values):.4f}" if values else ""

    def tuned(self, model: str, fingerprint: str) -> Tuned:
        """What was tried; raises `ModelError` where nothing came to its end."""
        tried = tuple(_tried(one) for one in self._trials() if one.state.is_finished())
        complete = [one for one in tried if one.ndcg_at_10 is not None]
        if not complete:
            why = next((one.why for one in reversed(tried) if one.why), "no trial has ended")
            raise ModelError(f"none of the {len(tried)} trials of {self.name} came to its end; the last: {why}")
        best = max(complete, key=lambda one: (one.ndcg_at_10 or 0.0, -one.number))
        defaults = next((one for one in complete if one.params == _defaults(model, self._space)), None)
        config = registry.create(model, best.params).config.model_dump()
        return Tuned(self.name, model, fingerprint, tried, best, defaults, config)

    def _trials(self) -> list[FrozenTrial]:
        """All but those that were killed."""
        trials = self._study.get_trials(deepcopy=False)
        return [one for one in trials if one.state != TrialState.FAIL or "failed" in one.user_attrs]

    def _again_what_was_killed(self) -> None:
        """The trials of processes that are gone have failed, and are to be tried again. Nobody else takes one now."""
        folder = self._lock.parent / "running"
        for one in self._study.get_trials(states=(TrialState.RUNNING,)):
            if not is_present(folder, one.user_attrs.get("process", "nobody")):
                self._study.tell(one.number, state=TrialState.FAIL)
                self._study.enqueue_trial({**one.system_attrs.get("fixed_params", {}), **one.params})


class _Search:
    """Trials of one model on one split, each recorded."""

    def __init__(self, model: str, split: Split, fingerprint: str, options: TrainingOptions, study: _Study) -> None:
        self._model, self._split, self._fingerprint = model, split, fingerprint
        self._options, self._study = options, study

    def run(self, trial: Trial) -> None:
        """Fit and judge what a trial tries; one that cannot be fitted has failed, and the others go on."""
        given = replace(self._options, configs={self._model: trial.params})
        try:
            with self._options.recorder.training(subject(self._model, self._fingerprint, given)) as record:
                record.noted({"study": self._study.name, "trial": trial.number})
                value = self._judged(trial, record)
        except (ModelError, InvalidInput) as error:
            self._study.failed(trial, str(error))
            return
        if value is None:
            self._study.pruned(trial)
        else:
            self._study.ended(trial, value)

    def _judged(self, trial: Trial, record: Record) -> float | None:
        """The NDCG@10 on validation; None where it was given up."""

        def looked(epoch: int, ndcg_at_10: float) -> None:
            record.looked(epoch, ndcg_at_10)
            trial.report(ndcg_at_10, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"at epoch {epoch}")

        try:
            model, measured = judged(self._model, trial.params, self._split, self._options, looked)
        except optuna.TrialPruned as pruned:
            record.noted({"pruned": pruned})
            return None
        context = Origin(self._model, self._options.protocol.name, "validation", self._options.seed, self._fingerprint)
        record.measured(model.config.model_dump(), summarise(measured, context).figures(), model.learning)
        return float(measured.ndcg_at_10.mean())


def _storage(path: Path) -> optuna.storages.RDBStorage:
    """The file of all studies; its journal is a write-ahead log, so that who reads does not wait for who writes."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    return optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": PATIENCE}})


def _names(storage: optuna.storages.RDBStorage) -> list[str]:
    return [one.study_name for one in storage.get_all_studies()]


def _begun(
    storage: optuna.storages.RDBStorage, name: str, model: str, space: SearchSpace, about: Mapping[str, str]
) -> optuna.Study:
    """A new study, whose first trial is the defaults."""
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    for key, value in about.items():
        study.set_user_attr(key, value)
    study.enqueue_trial(_defaults(model, space))
    return study


def _defaults(model: str, space: SearchSpace) -> dict[str, Any]:
    config = registry.model_class(model).config_class()
    return {name: getattr(config, name) for name in space}


def _check(study: optuna.Study, about: Mapping[str, str]) -> None:
    for what, value in about.items():
        was = study.user_attrs.get(what)
        if was != value:
            raise InvalidInput(
                f"the study {study.study_name} has another {what}: {_short(was)}, and now it is {_short(value)}; its "
                "trials would not compare: --new begins another study"
            )


def _short(value: str | None) -> str:
    return " ".join(word[:12] for word in str(value).split())


def _suggest(trial: Trial, name: str, values: Any) -> None:
    if not isinstance(values, Range):
        trial.suggest_categorical(name, values.values)
    elif isinstance(values.low, int) and isinstance(values.high, int):
        trial.suggest_int(name, values.low, values.high, log=values.log)
    else:
        trial.suggest_float(name, values.low, values.high, log=values.log)


def _tried(one: FrozenTrial) -> Tried:
    value = one.value if one.state == TrialState.COMPLETE else None
    return Tried(one.number, one.params, value, one.state.name.lower(), one.user_attrs.get("failed", ""))
