"""Experiments in the graph: what is compared, who was shown it, what they did before and after.

`(:User)-[:EXPOSED]->(:Experiment)-[:HAS_ARM]->(:Arm)-[:USES]->(:ModelVersion)`. One experiment at most is running,
which a constraint holds (`running` is true or absent). A user is exposed once, from the first time that an arm was
shown; what they did in a window as long before is counted then, and what they did in the window after it once that has
ended. Both stay as they were counted, whatever the user changes later, and are added to the arm's sums in the same
transaction, so that a look at an experiment reads its arms alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cinegraph.errors import GraphConflict, InvalidInput, NotFound
from cinegraph.types import LIKED, Millis
from graph.catalog import read_statement, write_statement
from graph.client import Reader, Row, Writer

OUTCOMES: Final = ("liked", "dismissed", "viewed")
"""What can be counted of a user: movies rated 4 or more, dismissed, viewed."""
DIALS: Final = ("diversity", "novelty", "calibration")
COUNTED: Final = 10_000
"""Users whose windows are counted in one transaction at most."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A guardrail: the limits for the difference of an outcome from control, None for none."""

    outcome: str
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class RecordedArm:
    """One arm: its share of all users, its model version ("" for the active one), its dials where they are its own.

    `because` is why it was stopped before its experiment. `fault` is why a server could not serve it, and `fault_at`
    when one said so last.
    """

    name: str
    share: float
    model: str = ""
    diversity: float | None = None
    novelty: float | None = None
    calibration: float | None = None
    stopped_at: Millis | None = None
    because: str = ""
    fault: str = ""
    fault_at: Millis | None = None

    @property
    def dials(self) -> dict[str, float]:
        """The dials that are its own."""
        return {name: value for name in DIALS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class RecordedExperiment:
    """An experiment; the first arm is control. `window` is how long an outcome is counted after the first exposure."""

    id: str
    salt: str
    outcome: str
    window: Millis
    arms: tuple[RecordedArm, ...]
    guardrails: tuple[Limit, ...]
    level: float
    planned_users: int
    started_at: Millis = 0
    stopped_at: Millis | None = None
    because: str = ""

    @property
    def running(self) -> bool:
        """Whether users are assigned to its arms now."""
        return self.stopped_at is None

    @property
    def shares(self) -> dict[str, float]:
        """The share of each arm, in their order."""
        return {arm.name: arm.share for arm in self.arms}

    def arm(self, name: str) -> RecordedArm:
        """The arm of that name."""
        return next(arm for arm in self.arms if arm.name == name)


@dataclass(frozen=True, slots=True)
class Exposure:
    """That a user was shown what an arm makes."""

    experiment: str
    arm: str
    user_id: str
    at: Millis


# -- what there is ---------------------------------------------------------------------------------------------------


def recorded(experiment: Mapping[str, Any] | None, arms: Sequence[Mapping[str, Any]]) -> RecordedExperiment | None:
    """An experiment from the properties of its nodes; None for none."""
    if experiment is None:
        return None
    limits = json.loads(experiment["guardrails"])
    return RecordedExperiment(
        id=experiment["id"],
        salt=experiment["salt"],
        outcome=experiment["outcome"],
        window=experiment["window"],
        arms=tuple(map(_arm, arms)),
        guardrails=tuple(Limit(one["outcome"], one["atLeast"], one["atMost"]) for one in limits),
        level=experiment["level"],
        planned_users=experiment["plannedUsers"],
        started_at=experiment["startedAt"],
        stopped_at=experiment.get("stoppedAt"),
        because=experiment.get("because") or "",
    )


def _arm(row: Mapping[str, Any]) -> RecordedArm:
    return RecordedArm(
        name=row["name"],
        share=row["share"],
        model=row["model"] or "",
        **{name: row.get(name) for name in DIALS},
        stopped_at=row.get("stoppedAt"),
        because=row.get("because") or "",
        fault=row.get("fault") or "",
        fault_at=row.get("faultAt"),
    )


async def list_experiments(reader: Reader, ids: Sequence[str] | None = None) -> list[RecordedExperiment]:
    """All experiments, or those of these ids that there are; the newest first."""
    rows = await reader.read(read_statement("experiment/list"), ids=None if ids is None else list(ids))
    found = (recorded(row["experiment"], row["arms"]) for row in rows)
    return [one for one in found if one is not None]


async def find_experiment(reader: Reader, experiment_id: str | None = None) -> RecordedExperiment:
    """An experiment by id; without one the running one, or the newest. `NotFound` names those that there are."""
    found = await list_experiments(reader)
    if experiment_id is None:
        chosen = next((one for one in found if one.running), next(iter(found), None))
        if chosen is None:
            raise NotFound("there is no experiment yet; cinegraph experiment start FILE.yaml begins one")
        return chosen
    for one in found:
        if one.id == experiment_id:
            return one
    known = ", ".join(one.id for one in found) or "none; cinegraph experiment start FILE.yaml begins one"
    raise NotFound(f"there is no experiment {experiment_id!r}; there are: {known}")


async def sums(reader: Reader, ids: Sequence[str]) -> list[Row]:
    """For each experiment, arm and outcome: `id arm outcome exposed users y yy x xx xy`; none for an arm that nobody
    was shown."""
    return await reader.read(read_statement("experiment/sums"), ids=list(ids), outcomes=list(OUTCOMES))


# -- what is written -------------------------------------------------------------------------------------------------


async def start(writer: Writer, experiment: RecordedExperiment) -> None:
    """Begin an experiment; `InvalidInput` where its id is taken, or another is running."""
    limits = [{"outcome": one.outcome, "atLeast": one.at_least, "atMost": one.at_most} for one in experiment.guardrails]
    given = {
        "id": experiment.id,
        "properties": {
            "salt": experiment.salt,
            "status": "running",
            "outcome": experiment.outcome,
            "window": experiment.window,
            "guardrails": json.dumps(limits),
            "level": experiment.level,
            "plannedUsers": experiment.planned_users,
            "startedAt": experiment.started_at,
        },
        "arms": [_row(experiment.id, place, arm) for place, arm in enumerate(experiment.arms)],
    }
    try:
        (row,) = await writer.write(write_statement("experiment/start"), **given)
    except GraphConflict:  # another was begun at the same moment, and is there now
        (row,) = await writer.write(write_statement("experiment/start"), **given)
    if row["exists"]:
        raise InvalidInput(f"there is an experiment {experiment.id!r} already; give this one another id")
    if row["running"]:
        raise InvalidInput(
            f"the experiment {row['running']!r} is running, and one at a time can be; stop it first: "
            f"cinegraph experiment stop {row['running']}"
        )


def _row(experiment_id: str, place: int, arm: RecordedArm) -> dict[str, Any]:
    properties = {"id": f"{experiment_id}/{arm.name}", "name": arm.name, "share": arm.share, "place": place}
    return {"model": arm.model or None, "properties": {**properties, **arm.dials}}


async def stop(writer: Writer, experiment_id: str, because: str, at: Millis) -> bool:
    """End a running experiment, for everybody: the active model serves all again. False where it was not running."""
    return bool(await writer.write(write_statement("experiment/stop"), id=experiment_id, because=because, at=at))


async def stop_arm(writer: Writer, experiment_id: str, arm: str, because: str, at: Millis) -> bool:
    """End one arm: its users get what everybody gets. False where it was ended before."""
    rows = await writer.write(write_statement("experiment/stop_arm"), id=experiment_id, arm=arm, because=because, at=at)
    return bool(rows)


async def expose(writer: Writer, experiment_id: str, exposures: Sequence[Exposure]) -> int:
    """Note who was shown an arm of one experiment; how many of it are new, or earlier than was known."""
    first = {one.user_id: one for one in sorted(exposures, key=lambda one: (one.user_id, -one.at))}
    rows = [{"user": one.user_id, "arm": one.arm, "at": one.at} for one in first.values()]
    found = await writer.write(write_statement("experiment/expose"), id=experiment_id, rows=rows, liked=LIKED)
    return int(found[0]["noted"])


async def count(writer: Writer, experiment_id: str, now: Millis) -> int:
    """Count what users did whose window has ended, each once; how many users."""
    statement, total, counted = write_statement("experiment/count"), 0, COUNTED
    while counted == COUNTED:
        rows = await writer.write(statement, id=experiment_id, now=now, liked=LIKED, most=COUNTED)
        counted = int(rows[0]["counted"])
        total += counted
    return total


async def note_faults(writer: Writer, experiment_id: str, faults: Mapping[str, str], at: Millis) -> None:
    """Note which arms a server cannot serve, and why."""
    rows = [{"arm": arm, "fault": fault} for arm, fault in faults.items()]
    await writer.write(write_statement("experiment/fault"), id=experiment_id, rows=rows, at=at)
