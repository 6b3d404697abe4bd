"""`cinegraph experiment …`: what is compared on users, how it stands, and its end."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import typer
from rich import box
from rich.table import Table

from cinegraph.cli.console import out, say, starting
from cinegraph.cli.outputs import check_writable
from cinegraph.cli.signals import run
from cinegraph.home import artifacts_of, open_for_reading, open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import DAY, Millis
from graph.client import Reader, Writer
from graph.experiments import RecordedArm, find_experiment, list_experiments
from recommenders import conduct
from recommenders.experiment_file import load_experiment, schema
from recommenders.sequential import Difference
from recommenders.standing import ArmStanding, Standing, standings

T = TypeVar("T")

app = typer.Typer(help="Experiments on users: begin, look, stop.", no_args_is_help=True)

WHICH = typer.Argument(None, metavar="[ID]", help="An experiment; by default the running one, or the newest.")


@app.command()
def start(file: Path = typer.Argument(help="What to compare, as a .yaml file; cinegraph experiment schema.")) -> None:
    """Begin an experiment; running servers assign users within seconds."""
    experiment = load_experiment(file)
    _writing(lambda settings, writer: conduct.start(writer, artifacts_of(settings), experiment))
    say(f"{experiment.id} is running: {', '.join(f'{arm.name} {arm.share:g}' for arm in experiment.arms)}")
    following = [arm.name for arm in experiment.arms if not arm.model]
    if 0 < len(following) < len(experiment.arms):
        say(f"{', '.join(following)}: the active model, also when another one is promoted meanwhile")


@app.command()
def status(
    experiment: str | None = WHICH,
    output: Path | None = typer.Option(None, "--json", help="Write the figures to this file too."),
    apply: bool = typer.Option(
        False, "--apply", help="Count the windows that have ended, and stop what a guardrail or a mismatch ends."
    ),
) -> None:
    """Users of each arm, differences from control with intervals that hold at any time, and what may be said."""
    check_writable("--json", output)
    standing, done = _applied(experiment) if apply else (_reading(lambda reader: _find(reader, experiment)), ())
    if output:
        output.write_text(json.dumps(standing.as_json(), indent=2), encoding="utf-8")
    _show(standing)
    for words in done:
        say(words)


@app.command("stop")
def stop_(
    experiment: str = typer.Argument(metavar="ID", help="The running experiment."),
    because: str = typer.Option(conduct.BY_HAND, help="Why, for those who look later."),
) -> None:
    """End an experiment: everybody gets the active model again within seconds."""
    _writing(lambda _, writer: conduct.end(writer, experiment, because))
    say(f"{experiment} is stopped; the active model serves everybody")


@app.command("list")
def list_() -> None:
    """All experiments, the newest first."""
    table = _table("experiment", "status", "began", "ended", "outcome", "arms", "because")
    for one in _reading(lambda reader: list_experiments(reader)):
        table.add_row(
            one.id,
            "running" if one.running else "stopped",
            _moment(one.started_at),
            _moment(one.stopped_at),
            one.outcome,
            ", ".join(f"{arm.name} {arm.share:g}" for arm in one.arms),
            one.because,
        )
    out.print(table)


@app.command("schema")
def schema_() -> None:
    """The JSON Schema of the files that start takes."""
    out.print_json(data=schema())


# -- work ------------------------------------------------------------------------------------------------------------


def _reading(work: Callable[[Reader], Awaitable[T]]) -> T:
    async def read() -> T:
        async with open_for_reading(load_settings(), starting) as client:
            return await work(client.reader)

    return run(read())


def _writing(work: Callable[[Settings, Writer], Awaitable[T]]) -> T:
    async def write() -> T:
        settings = load_settings()
        async with open_graph(settings, starting) as client:
            return await work(settings, client.writer)

    return run(write())


async def _find(reader: Reader, experiment_id: str | None) -> Standing:
    found = await find_experiment(reader, experiment_id)
    (standing,) = await standings(reader, [found.id])
    return standing


def _applied(experiment_id: str | None) -> tuple[Standing, tuple[str, ...]]:
    async def apply(_: Settings, writer: Writer) -> tuple[Standing, tuple[str, ...]]:
        found = await find_experiment(writer, experiment_id)
        return await conduct.settle(writer, found.id)

    return _writing(apply)


# -- what is shown ---------------------------------------------------------------------------------------------------


def _show(standing: Standing) -> None:
    one = standing.experiment
    ended = f", stopped {_moment(one.stopped_at)}: {one.because}" if not one.running else ""
    out.print(f"{one.id}: began {_moment(one.started_at)}{ended}")
    out.print(f"outcome: {one.outcome}, counted over {one.window / DAY:g} days from a user's first exposure")
    table = _table("arm", "share", "model and dials", "exposed", "counted", one.outcome, "difference", "verdict")
    for arm in standing.arms:
        table.add_row(*_row(arm))
    out.print(table)
    for arm in standing.arms:
        _tell(arm)
    words = "do not fit the shares" if standing.mismatch else "fit the shares"
    out.print(f"users {words} (p = {standing.mismatch_p:.2g})")


def _row(standing: ArmStanding) -> tuple[str, ...]:
    arm, verdict = standing.arm, standing.verdict
    return (
        arm.name,
        f"{arm.share:g}",
        _treatment(arm),
        f"{standing.exposed:,}",
        f"{standing.users:,}",
        "–" if standing.mean is None else f"{standing.mean:.4f}",
        _interval(verdict.difference) if verdict else "",
        verdict.decision.value if verdict else "control",
    )


def _treatment(arm: RecordedArm) -> str:
    return " ".join((arm.model or "active", *(f"{name} {value:g}" for name, value in arm.dials.items())))


def _interval(found: Difference) -> str:
    """A difference, and its interval where there are users enough for one."""
    if not found.users:
        return "–"
    low, high = float(found.low), float(found.high)
    return str(found) if low > float("-inf") and high < float("inf") else f"{float(found.estimate):.4f}"


def _tell(standing: ArmStanding) -> None:
    """What there is to say of an arm beside its row."""
    arm = standing.arm
    if standing.verdict:
        out.print(f"{arm.name}: {standing.verdict.reason}", soft_wrap=True)
    for one in standing.guardrails:
        limits = ((one.at_least, "at least"), (one.at_most, "at most"))
        said = ", ".join(f"{words} {limit:g}" for limit, words in limits if limit is not None)
        out.print(f"{arm.name}: guardrail {one.outcome} {said}: {_interval(one.difference)}", soft_wrap=True)
    if arm.fault:
        words = f"{arm.name}: not served by a server, {_moment(arm.fault_at)}, its users are not counted: {arm.fault}"
        out.print(words, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _moment(at: Millis | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
