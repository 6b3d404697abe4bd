"""Keeps trainings as runs. Where the file fails in the middle of a training, that goes on, and says so once."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from cinegraph.errors import RunsUnavailable
from cinegraph.locks import Presence
from recommenders.model import Learning
from recommenders.recording import Record, Subject
from recommenders.runs.costs import costed
from recommenders.runs.environment import environment
from recommenders.runs.store import CURVE, PROCESS, RunStore, Status

LOGGER = logging.getLogger(__name__)


class RunRecorder:
    """The runs of one command; runs that killed processes left are ended when it begins."""

    def __init__(self, home: Path, experiment: str, tags: Mapping[str, Any] | None = None) -> None:
        self.store = RunStore(home)
        self._experiment = experiment
        self._presence = Presence(self.store.presences)
        self._tags = {**environment(), **(tags or {}), PROCESS: self._presence.name}
        self._runs: dict[str, str] = {}
        self._failed = False
        self.store.end_those_left()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What still goes on is killed now."""
        self._try(lambda: self.store.end_those_of(self._presence.name))
        self._presence.leave()

    @contextmanager
    def training(self, subject: Subject) -> Iterator[Record]:
        """A run, which fails with whatever error leaves this."""
        run = _Run(self.store, self._try, self._begin(subject))
        try:
            with costed() as costs:
                yield run
        except Exception as error:
            run.ended(Status.FAILED, costs.as_metrics(), {"mlflow.note.content": f"{type(error).__name__}: {error}"})
            raise
        run.ended(Status.FINISHED, costs.as_metrics(), {})

    def published(self, model: str, version: str) -> None:
        """The last run of the model is served as this version."""
        if run := self._runs.get(model):
            self._try(lambda: self.store.describe(run, tags={"cinegraph.published": version}))

    def judged(self, model: str, words: str) -> None:
        """What the gate said of the last run of the model."""
        if run := self._runs.get(model):
            self._try(lambda: self.store.describe(run, tags={"cinegraph.gate": words}))

    def _begin(self, subject: Subject) -> str:
        tags = {
            **self._tags,
            "cinegraph.model": subject.model,
            "cinegraph.data": subject.fingerprint,
            "cinegraph.protocol": subject.protocol,
            "cinegraph.protocol_fingerprint": subject.protocol_fingerprint,
            "cinegraph.seed": subject.seed,
            "cinegraph.device": subject.device,
            "cinegraph.max_users": "all" if subject.max_users is None else subject.max_users,
        }
        run = self._try(lambda: self.store.begin(self._experiment, subject.model, as_params(subject.given), tags)) or ""
        self._runs[subject.model] = run
        return run

    def _try(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except RunsUnavailable as error:
            if not self._failed:
                LOGGER.warning("this run is not recorded in full: %s", error)
            self._failed = True
            return None


class _Run:
    """A run that goes on; an id that is empty is of one that could not begin."""

    def __init__(self, store: RunStore, attempt: Callable[[Callable[[], Any]], Any], run: str) -> None:
        self._store, self._try, self._id = store, attempt, run

    def looked(self, epoch: int, ndcg_at_10: float) -> None:
        """Noted at once, so that a run that is killed has its curve."""
        self._write(lambda: self._store.log(self._id, {CURVE: ndcg_at_10}, epoch))

    def measured(self, config: Mapping[str, Any], figures: Mapping[str, float], learning: Learning = ()) -> None:
        """The curve is that of the hyper-parameters it ends with, where several were tried."""
        self._write(lambda: self._store.describe(self._id, as_params(config)))
        self._write(lambda: self._store.log(self._id, figures))
        if learning:
            self._write(lambda: self._store.replace_curve(self._id, CURVE, learning))

    def noted(self, tags: Mapping[str, Any]) -> None:
        """Tags of Cinegraph's own."""
        self._write(lambda: self._store.describe(self._id, tags={f"cinegraph.{key}": tags[key] for key in tags}))

    def ended(self, status: Status, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """The last thing that is noted."""
        self._write(lambda: self._store.log(self._id, metrics))
        self._write(lambda: self._store.describe(self._id, tags=tags))
        self._write(lambda: self._store.end(self._id, status))

    def _write(self, write: Callable[[], Any]) -> None:
        if self._id:
            self._try(write)


def as_params(config: Mapping[str, Any]) -> dict[str, str]:
    """Hyper-parameters as MLflow has them: texts, what is made of several as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
