"""The arms of the running experiment as a server serves them: a state for each model version, all over one catalogue.

Who gets which arm follows from the user's id and the experiment's salt. A visitor without an id gets none, and so do
users of an arm that was stopped, or whose model cannot be loaded here: they get what everybody gets without
experiments, and are not counted as exposed.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cinegraph.errors import CinegraphError
from cinegraph.types import now
from graph.experiments import DIALS, Exposure, RecordedExperiment
from recommenders.artifacts import load_artifact, stamp
from recommenders.experiments import arm_of
from recommenders.exposures import Exposures
from recommenders.slate import Tuning
from recommenders.state import State, state_of, state_over

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """What one caller is served by: a state and, where an experiment is running, their arm.

    `by_model` is whether the experiment's arms have different models, `by_dials` in which dials they differ.
    """

    state: State
    experiment: str = ""
    arm: str = ""
    dials: Mapping[str, float] = field(default_factory=dict)
    by_model: bool = False
    by_dials: frozenset[str] = frozenset()

    def tuning(self, default: Tuning) -> Tuning:
        """What a list should be unless the query says otherwise."""
        dials: dict[str, Any] = dict(self.dials)
        return replace(default, **dials) if dials else default

    def differs(self, asked: Collection[str] = DIALS) -> bool:
        """Whether an answer shows what the arms differ in, where the query itself asked for these dials. It does not
        depend on the arm: who is exposed in one would be in each."""
        return bool(self.arm) and (self.by_model or not self.by_dials <= set(asked))


@dataclass(frozen=True, slots=True)
class Loaded:
    """An experiment with what its arms are served by beside the `active` state of then; `failed` holds the files' stamp
    and the reason by version."""

    experiment: RecordedExperiment | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    failed: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    active: State | None = None

    @property
    def faults(self) -> dict[str, str]:
        """Why an arm is not served here, by name."""
        arms = self.experiment.arms if self.experiment else ()
        return {arm.name: self.failed[arm.model][1] for arm in arms if arm.model in self.failed}

    def serves(self, experiment: RecordedExperiment) -> bool:
        """Whether it is this experiment whose arms were loaded."""
        return self.experiment is not None and self.experiment.id == experiment.id

    def state(self, version: str) -> State | None:
        """What an arm of that version is served by; of one that was active then, though another is by now, too."""
        if self.active is not None and self.active.version == version:
            return self.active
        return self.states.get(version)


class Arms:
    """The arms of whatever experiment is `running`; nobody is in one until a `look` has loaded what they need."""

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts
        self._looking = asyncio.Lock()
        self.running: RecordedExperiment | None = None
        self.loaded = Loaded()
        self.exposures = Exposures()

    def served(self, user_id: str | None, active: State) -> Served:
        """What a caller is served by. What was stopped is so at once, also while other states are being loaded."""
        experiment = self.running
        if user_id is None or experiment is None or not self.loaded.serves(experiment):
            return Served(active)
        arm = experiment.arm(arm_of(experiment.salt, user_id, experiment.shares))
        state = active if arm.model in ("", active.version) else self.loaded.state(arm.model)
        if arm.stopped_at is not None or state is None:
            return Served(active)
        going = [one for one in experiment.arms if one.stopped_at is None]
        by_dials = frozenset(name for name in DIALS if len({getattr(one, name) for one in going}) > 1)
        by_model = len({one.model or active.version for one in going}) > 1
        return Served(state, experiment.id, arm.name, arm.dials, by_model, by_dials)

    def expose(self, user_id: str | None, served: Served) -> None:
        """Note that a caller was shown what their arm makes."""
        if user_id is not None and served.arm:
            self.exposures.note(Exposure(served.experiment, served.arm, user_id, now()))

    async def look(self, active: State, before: State | None) -> bool:
        """Load what the running experiment needs beside the active state, from the one `before` it where that helps;
        whether anything was new. One at a time: who comes meanwhile waits.

        A version is loaded once, and again when its files are others. One that cannot be loaded is left out. Until all
        is there, arms are served by what was loaded before.
        """
        async with self._looking:
            found = await self._look(self.running, active, before)
            if found:
                self.loaded = found
            return found is not None

    async def _look(self, experiment: RecordedExperiment | None, active: State, before: State | None) -> Loaded | None:
        """None where nothing is new."""
        old = self.loaded
        retried = {version for version, (seen, _) in old.failed.items() if seen != stamp(self._artifacts, version)}
        if experiment == old.experiment and (active is old.active or experiment is None) and not retried:
            return None
        if experiment is None:
            return Loaded()
        versions = {arm.model for arm in experiment.arms if arm.model and arm.stopped_at is None} - {active.version}
        states, failed = dict[str, State](), dict[str, tuple[object, str]]()
        known = {one.version: one for one in (before, old.active) if one} | dict(old.states)
        for version in sorted(versions):
            seen = stamp(self._artifacts, version)
            try:
                states[version] = await asyncio.to_thread(self._state, version, known.get(version), active)
            except CinegraphError as error:
                failed[version] = seen, str(error)
                if old.failed.get(version, (None,))[0] != seen:
                    log.error(
                        "model %s of an experiment cannot be served, its arm gets the active one: %s", version, error
                    )
        return Loaded(experiment, states, failed, active)

    def _state(self, version: str, known: State | None, active: State) -> State:
        """The version over the active state's catalogue, from what is known of it where it is."""
        snapshot, activity = active.snapshot, active.activity
        if known is None:
            return state_of(load_artifact(self._artifacts, version), snapshot, activity)
        if known.snapshot is snapshot:
            return known
        return state_over(snapshot, known.base, version, known.movie_ids[: known.trained], activity, known.learnt)
