"""`cinegraph tune`: hyper-parameters that do best on validation, as a file that `cinegraph train --config` takes."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table

from cinegraph import plugins
from cinegraph.cli.console import out, say, stages, starting
from cinegraph.cli.models import DEVICE, PROTOCOL, SEED, USERS, Device, options_of, telling
from cinegraph.cli.outputs import check_writable
from cinegraph.cli.reading import read_data
from cinegraph.cli.signals import apart, run
from cinegraph.home import open_for_reading
from cinegraph.settings import Settings, load_settings
from recommenders import registry
from recommenders.configuration import Configuration, Together, together, written
from recommenders.runs.recorder import RunRecorder
from recommenders.training import TrainingOptions

if TYPE_CHECKING:
    from recommenders.tuning import Tuned

SHOWN = 10
"""Trials that are shown, the best ones."""


def tune(
    name: str = typer.Argument(metavar="MODEL", help="A model."),
    trials: int = typer.Option(30, min=1, help="Trials that the study has in the end, earlier ones with them."),
    new: bool = typer.Option(False, "--new", help="Begin another study, and go on with none."),
    seed: int | None = SEED,
    device: Device = DEVICE,
    protocol: str | None = PROTOCOL,
    max_users: int | None = USERS,
    output: Path | None = typer.Option(None, help="The file of the best; by default MODEL.yaml in the home's configs."),
) -> None:
    """Search hyper-parameters by NDCG@10 on validation; a study that was ended goes on, also in several processes."""
    registry.entry(name)
    plugins.load("recommenders.tuning").search_space(name)
    asked, settings = together([name], [], protocol, seed), load_settings()
    file = output or settings.home / "configs" / f"{name}.yaml"
    if output is None:
        file.parent.mkdir(parents=True, exist_ok=True)
    check_writable("--output", file)
    run(_tune(settings, asked, options_of(asked, device, max_users), trials, new, file))


async def _tune(
    settings: Settings, asked: Together, options: TrainingOptions, trials: int, new: bool, file: Path
) -> None:
    (name,) = asked.names
    tuning = plugins.load("recommenders.tuning")
    with RunRecorder(settings.home, f"tune {name}") as recorder:
        async with open_for_reading(settings, starting) as client:
            with stages() as report:
                interactions, facts = await read_data(client, settings, [name], report)
                told = replace(options, facts=facts, recorder=recorder, progress=telling(report))
                try:
                    tuned = await apart(lambda: tuning.tune(name, interactions, settings.home, trials, told, new=new))
                except asyncio.CancelledError:
                    say("ended; the same command, without --new, goes on where the study is")
                    raise
    protocol = str(Path(asked.protocol).resolve()) if Path(asked.protocol).suffix else asked.protocol
    best = Configuration(name, tuned.config, protocol, asked.seed)
    file.write_text(written(best, _head(tuned)), encoding="utf-8")
    _show(tuned)
    say(f"best: {file}; cinegraph train --config {file} trains with it")


def _head(tuned: "Tuned") -> list[str]:
    """Where the file comes from."""
    defaults = f"; the defaults reach {tuned.defaults.ndcg_at_10:.4f}" if tuned.defaults else ""
    return [
        f"trial {tuned.best.number} of {len(tuned.tried)} of study {tuned.study}",
        f"NDCG@10 on validation {tuned.best.ndcg_at_10:.4f}{defaults}",
        f"data {tuned.fingerprint[:12]}",
    ]


def _show(tuned: "Tuned") -> None:
    """The best trials, and what all came to."""
    ended = Counter(one.state for one in tuned.tried)
    out.print(f"study {tuned.study}, data {tuned.fingerprint[:12]}: " + ", ".join(f"{n} {s}" for s, n in ended.items()))
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("trial", "NDCG@10", "tried"):
        table.add_column(name, overflow="fold")
    for one in sorted(tuned.tried, key=lambda one: -(one.ndcg_at_10 or 0.0))[:SHOWN]:
        if one.ndcg_at_10 is not None:
            name = (
                f"{one.number} (defaults)"
                if tuned.defaults and one.number == tuned.defaults.number
                else str(one.number)
            )
            table.add_row(name, f"{one.ndcg_at_10:.4f}", ", ".join(_pair(*pair) for pair in one.params.items()))
    out.print(table)


def _pair(name: str, value: object) -> str:
    return f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
