"""Experiments as they are run: begun, counted, judged, and stopped where a guardrail breaks.

Every server judges the running experiment again and again. What one of several stops is stopped for all: the graph lets
one of them write the reason.
"""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from cinegraph.errors import InvalidInput, ModelError
from cinegraph.types import now
from graph.client import Reader, Writer
from graph.experiments import RecordedExperiment, count, find_experiment, list_experiments, note_faults, stop, stop_arm
from graph.experiments import start as begin
from graph.models import find_version, list_versions
from recommenders.arms import Arms
from recommenders.artifacts import load_artifact
from recommenders.experiments import Decision
from recommenders.standing import Standing, standings
from recommenders.watching import again_and_again

log = logging.getLogger(__name__)

BY_HAND = "stopped by hand"


async def start(writer: Writer, artifacts: Path, experiment: RecordedExperiment) -> RecordedExperiment:
    """Begin an experiment whose models can be served from here; running servers pick it up within seconds.

    Raises `NotFound` for an unknown version, `ArtifactCorrupt` for a damaged one, `InvalidInput` where its id is taken,
    another experiment is running or had the same salt, or all arms are the same.
    """
    await _check(writer, artifacts, experiment)
    begun = replace(experiment, started_at=now())
    await begin(writer, begun)
    return begun


async def _check(reader: Reader, artifacts: Path, experiment: RecordedExperiment) -> None:
    active = next((one.id for one in await list_versions(reader) if one.active), "")
    if not active:
        raise ModelError("no model is active yet: train and publish one with cinegraph train")
    made = [(arm.model or active, tuple(arm.dials.items())) for arm in experiment.arms]
    if len(set(made)) == 1:
        raise InvalidInput(
            f"all arms of {experiment.id} have the model {made[0][0]} and the same dials: there is nothing to compare; "
            "give one of them a model or tuning of its own"
        )
    for other in await list_experiments(reader):
        if other.salt == experiment.salt and other.id != experiment.id:
            raise InvalidInput(
                f"the salt {experiment.salt!r} is that of the experiment {other.id!r}: each user would be in the same "
                "arm again, with what it did to them; give another salt"
            )
    for version in sorted({arm.model for arm in experiment.arms if arm.model}):
        await find_version(reader, version)
        await asyncio.to_thread(load_artifact, artifacts, version)


async def settle(writer: Writer, experiment_id: str) -> tuple[Standing, tuple[str, ...]]:
    """Count the windows that have ended, judge, and stop what must not go on; how it stands, and what was stopped
    here."""
    await count(writer, experiment_id, now())
    (standing,) = await standings(writer, [experiment_id])
    if not standing.experiment.running:
        return standing, ()
    done = await _stopped(writer, standing)
    if done:
        await count(writer, experiment_id, now())
        (standing,) = await standings(writer, [experiment_id])
    return standing, done


async def end(writer: Writer, experiment_id: str, because: str) -> None:
    """End a running experiment, for everybody; raises `NotFound`, or `InvalidInput` where it has ended already."""
    found = await find_experiment(writer, experiment_id)
    if found.running:
        if await stop(writer, experiment_id, because, now()):
            await count(writer, experiment_id, now())
            return
        found = await find_experiment(writer, experiment_id)
    raise InvalidInput(f"the experiment {experiment_id!r} was stopped already: {found.because}")


async def _stopped(writer: Writer, standing: Standing) -> tuple[str, ...]:
    experiment_id = standing.experiment.id
    wrong = [
        one.verdict
        for one in standing.arms
        if one.verdict and one.verdict.decision is Decision.STOPPED and not one.arm.because
    ]
    if standing.mismatch:
        return await _stop(writer, experiment_id, wrong[0].reason)
    done: list[str] = []
    for verdict in wrong:
        if await stop_arm(writer, experiment_id, verdict.arm, verdict.reason, now()):
            done.append(f"arm {verdict.arm} of {experiment_id} was stopped: {verdict.reason}")
    left = len(standing.arms) - 1 - sum(bool(one.arm.because) for one in standing.arms) - len(wrong)
    if not left:
        done += await _stop(writer, experiment_id, "no arm is left beside control")
    return tuple(done)


async def _stop(writer: Writer, experiment_id: str, because: str) -> tuple[str, ...]:
    stopped = await stop(writer, experiment_id, because, now())
    return (f"experiment {experiment_id} was stopped: {because}",) if stopped else ()


async def watch(writer: Writer, arms: Arms, seconds: float) -> None:
    """Judge the running experiment for ever; a graph that is away is told of once, and a fault does not end it."""
    failed, fault = "judge the running experiment", "a fault while judging the running experiment; it goes on"
    await again_and_again(lambda: look(writer, arms), seconds, log, failed, fault)


async def look(writer: Writer, arms: Arms) -> None:
    """Tell the graph which arms are not served here, and settle the running experiment."""
    loaded = arms.loaded
    if loaded.experiment is None:
        return
    if loaded.faults:
        await note_faults(writer, loaded.experiment.id, loaded.faults, now())
    _, done = await settle(writer, loaded.experiment.id)
    for words in done:
        log.warning("%s", words)
