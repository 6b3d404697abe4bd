"""`cinegraph train`, `evaluate`, `models …`: from the graph's ratings to the served model, and back."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from cinegraph import plugins
from cinegraph.cli.console import Stages, out, say, stages, starting
from cinegraph.cli.figures import show_figures, show_gate
from cinegraph.cli.outputs import check_writable
from cinegraph.cli.reading import read_data
from cinegraph.cli.shadow import shadow
from cinegraph.cli.signals import apart, run
from cinegraph.errors import InvalidInput, MissingExtra, ModelRefused
from cinegraph.home import artifacts_of, checkpoints_of, open_for_reading, open_graph
from cinegraph.settings import Settings, load_settings
from graph.client import GraphClient
from graph.models import Version, find_version, list_versions
from recommenders import registry
from recommenders.configuration import (
    Configuration,
    Together,
    load_configuration,
    schema,
    schema_of_all,
    together,
    written,
)
from recommenders.gate import outcome_of
from recommenders.interactions import Interactions
from recommenders.model import Progress
from recommenders.nightly import nightly
from recommenders.protocol import DEFAULT, load_protocol
from recommenders.protocol import names as protocol_names
from recommenders.publishing import live_recipe, promote, publish_run, rollback, stage_run
from recommenders.results import Recipe, TrainingRun
from recommenders.runs.recorder import RunRecorder
from recommenders.training import TrainingOptions
from recommenders.training import train as run_training

app = typer.Typer(help="The versions of the model: look, promote, roll back.", no_args_is_help=True)
app.command("shadow")(shadow)

NAMES = typer.Argument(None, help=f"Models: {', '.join(registry.names())}; by default {', '.join(registry.usual())}.")
CONFIG = typer.Option(None, help="A model with its hyper-parameters, as a .yaml file; several give several models.")
SEED = typer.Option(None, min=0, help="The same seed gives the same bytes on the CPU; 0 unless a file says another.")
DEVICE = typer.Option("auto", help="Where to train; auto: on a GPU where there is one.")
OUTPUT = typer.Option(None, "--json", help="Write the figures to this file too.")
PROTOCOL = typer.Option(
    None,
    help=f"How ratings are divided: {', '.join(protocol_names())}, or a .yaml file; {DEFAULT} unless a file says so.",
)
CARD = typer.Option(None, "--html", help="Write a model card, a page with plots, to this file.")
SERVE = typer.Option(True, help="Serve it, where the gate lets it; or keep it for cinegraph models shadow and promote.")
BECAUSE = typer.Option("", help="Why the best model is to be served also where it is not surely better than EASE.")
INCREMENTAL = typer.Option(
    False,
    "--incremental",
    help="Go on from the served version, by its hyper-parameters, for a few epochs; in full where that cannot be.",
)
USERS = typer.Option(None, "--max-users", min=10, help="Ask about this many users at most, drawn by the seed.")


class Device(StrEnum):
    """Where models that train in epochs do so."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write the figures to, or None."""

    json: Path | None = None
    card: Path | None = None

    def check(self) -> None:
        """Raise `InvalidInput` for one that could not be written, before the long work begins."""
        check_writable("--json", self.json)
        check_writable("--html", self.card)


NOWHERE = Outputs()
MOST_WORDS = 500
"""Characters of a reason."""


def train(
    names: list[str] = NAMES,
    config: list[str] = CONFIG,
    seed: int | None = SEED,
    device: Device = DEVICE,
    protocol: str | None = PROTOCOL,
    output: Path | None = OUTPUT,
    card: Path | None = CARD,
    max_users: int | None = USERS,
    because: str = BECAUSE,
    serve: bool = SERVE,
    incremental: bool = INCREMENTAL,
) -> None:
    """Train on the graph's ratings, evaluate beside Popular, ItemKNN and EASE, publish the best of those named."""
    asked = together(names or [], map(load_configuration, config or []), protocol, seed)
    outputs = Outputs(output, card)
    outputs.check()
    options = replace(options_of(asked, device, max_users), because=_reason(because))
    run(_train(load_settings(), asked, options, outputs, serve, incremental))


def _reason(because: str) -> str:
    if len(because) > MOST_WORDS:
        raise InvalidInput(f"--because has {len(because)} characters; {MOST_WORDS} is the most")
    return because.strip()


def evaluate(
    names: list[str] = NAMES,
    config: list[str] = CONFIG,
    seed: int | None = SEED,
    device: Device = DEVICE,
    protocol: str | None = PROTOCOL,
    output: Path | None = OUTPUT,
    card: Path | None = CARD,
    max_users: int | None = USERS,
) -> None:
    """The table of figures, without publishing anything."""
    asked = together(names or [], map(load_configuration, config or []), protocol, seed)
    outputs = Outputs(output, card)
    outputs.check()
    run(_evaluate(load_settings(), asked, replace(options_of(asked, device, max_users), final=False), outputs))


def options_of(asked: Together, device: Device, max_users: int | None) -> TrainingOptions:
    """How to train what is asked for."""
    return TrainingOptions(
        seed=asked.seed,
        protocol=load_protocol(asked.protocol),
        configs=asked.configs,
        device=device.value,
        max_users=max_users,
    )


async def _train(
    settings: Settings, asked: Together, options: TrainingOptions, outputs: Outputs, serve: bool, incremental: bool
) -> None:
    with RunRecorder(settings.home, "train") as recorder:
        async with open_graph(settings, starting) as client:
            told = replace(options, recorder=recorder, checkpoints=checkpoints_of(settings))
            trained = await train_and_show(client, settings, asked.names, told, outputs, incremental=incremental)
            if not serve:
                version = await stage_run(client.writer, artifacts_of(settings), trained, settings.gate)
                say(f"{version} is kept, not served: cinegraph models shadow {version} lets it score beside")
                if not outcome_of(trained, settings.gate).passed:
                    say("the gate refuses it: cinegraph models promote wants a reason, --because")
                return
            version = await publish_and_record(settings, client, trained, recorder)
            say(f"{version} is served now")


async def publish_and_record(
    settings: Settings, client: GraphClient, trained: TrainingRun, recorder: RunRecorder
) -> str:
    """Serve what a training chose, where the gate lets it; its version. What the gate says is noted with the run."""
    try:
        with stages() as report:
            live = trained.live.recipe.version if trained.live else ""
            version = await publish_run(
                client.writer, artifacts_of(settings), trained, settings.gate, report, live=live
            )
    except ModelRefused as error:
        recorder.judged(trained.chosen, f"refused: {error}")
        say("nothing of it is kept; with --no-serve it would be, and could be tried in the shadow of the live model")
        raise
    recorder.judged(trained.chosen, f"passed, because: {trained.because}" if trained.because else "passed")
    recorder.published(trained.chosen, version)
    return version


async def _evaluate(settings: Settings, asked: Together, options: TrainingOptions, outputs: Outputs) -> None:
    with RunRecorder(settings.home, "evaluate") as recorder:
        async with open_for_reading(settings, starting) as client:
            told = replace(options, recorder=recorder, checkpoints=checkpoints_of(settings))
            await train_and_show(client, settings, asked.names, told, outputs)


async def train_and_show(
    client: GraphClient,
    settings: Settings,
    names: Sequence[str],
    options: TrainingOptions,
    outputs: Outputs = NOWHERE,
    *,
    incremental: bool = False,
) -> TrainingRun:
    """Train what is named on the graph's ratings, and show how it did, and whether it may be served; `incremental`
    goes on from the served version where that can be, which is trained where nothing is named."""
    draw = plugins.load("recommenders.card").card if outputs.card else None
    with stages() as report:
        live = await live_recipe(client.reader)
        if incremental and live and not names:
            names = [live.model]
        beside = [live.model] if live and live.model in registry.names() else []
        interactions, facts = await read_data(client, settings, [*(names or registry.usual()), *beside], report)
        told = replace(options, facts=facts, progress=telling(report), live=live)
        if incremental:
            told = await apart(lambda: _going_on(settings, live, names, interactions, told))
        trained = await apart(lambda: run_training(interactions, names, told))
    show_figures(trained)
    outcome = outcome_of(trained, settings.gate)
    show_gate(outcome)
    if outputs.json:
        found = trained.as_json() | {"gate": outcome.as_json()}
        outputs.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if outputs.card and draw:
        outputs.card.write_text(draw(trained, interactions, facts, outcome), encoding="utf-8")
        say(f"model card: {outputs.card}")
    return trained


def _going_on(
    settings: Settings, live: Recipe | None, names: Sequence[str], interactions: Interactions, options: TrainingOptions
) -> TrainingOptions:
    """Options to go on from the live version, or to train in full; it is said which, and why."""
    if live is None:
        say("a training in full: nothing is served yet that could be gone on from")
        return options
    found, why = nightly(artifacts_of(settings), live, names, interactions, options)
    say(f"a training in full: {why}" if why else f"going on from {live.version}")
    return found


def telling(report: Stages) -> Callable[[Progress], None]:
    """Progress as stages."""
    return lambda progress: report(progress.task, progress.done, progress.total)


@app.command("list")
def list_() -> None:
    """All versions, the newest first."""
    run(_list(load_settings()))


async def _list(settings: Settings) -> None:
    async with open_for_reading(settings, starting) as client:
        versions = await list_versions(client.reader)
        reasons = any(map(_because, versions))
        table = Table()
        table.add_column("version", min_width=max((len(one.id) for one in versions), default=0))
        for name in ("model", "made", "NDCG@10 (test)", "protocol", "status", *(["because"] if reasons else [])):
            table.add_column(name)
        for one in versions:
            made = datetime.fromtimestamp(one.created_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            state = "active" if one.active else "previous" if one.previous else one.status
            cells = (one.id, one.model, made, _figure(one.metrics, one.model), one.metrics.get("protocol", ""), state)
            table.add_row(*cells, *([escape(_because(one))] if reasons else []))
        out.print(table)


def _because(version: Version) -> str:
    """The reason for which it is served without an advantage over EASE."""
    return str(version.metrics.get("gate", {}).get("because", ""))


def _figure(metrics: Any, model: str) -> str:
    for one in metrics.get("models", ()):
        if one["model"] == model:
            figure = one["test"]["ndcg_at_10"]
            return f"{figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"
    return ""


@app.command()
def show(version: str = typer.Argument(help="A version, as cinegraph models list shows it.")) -> None:
    """Configuration, data and figures of a version, as JSON."""
    run(_show_version(load_settings(), version))


async def _show_version(settings: Settings, version_id: str) -> None:
    async with open_for_reading(settings, starting) as client:
        one = await find_version(client.reader, version_id)
        described = {
            "id": one.id,
            "model": one.model,
            "config": one.config,
            "fingerprint": one.fingerprint,
            "active": one.active,
            "status": one.status,
            "metrics": one.metrics,
        }
        out.print_json(data=described)


@app.command("schema")
def schema_(name: str | None = typer.Argument(None, metavar="[MODEL]", help="A model; by default all.")) -> None:
    """The JSON Schema of the files that --config takes."""
    if name is not None:
        out.print_json(data=schema(name))
        return
    out.print_json(data=schema_of_all(_installed()))


def _installed() -> list[str]:
    """The models whose parts are there; of the others it is said what is missing."""
    found = []
    for name in registry.names():
        try:
            registry.model_class(name)
            found.append(name)
        except MissingExtra as error:
            say(f"without {name}: {error}")
    return found


@app.command("config")
def config_(name: str = typer.Argument(metavar="MODEL", help="A model.")) -> None:
    """A file for --config with every hyper-parameter at its default, to begin from."""
    out.out(written(Configuration(name)), end="")


@app.command("promote")
def promote_(
    version: str = typer.Argument(help="A version, as cinegraph models list shows it."),
    because: str = typer.Option("", help="Why a version that the gate refused is to be served all the same."),
) -> None:
    """Serve a version; running servers pick it up within seconds."""
    why = _reason(because)
    _change(lambda settings, client, report: promote(client.writer, artifacts_of(settings), version, report, why))
    say(f"{version} is served now")


@app.command("rollback")
def rollback_() -> None:
    """Serve the version before the active one again."""
    version = _change(lambda settings, client, report: rollback(client.writer, artifacts_of(settings), report))
    say(f"{version} is served now; another rollback undoes this one")


def _change(work: Callable[[Settings, GraphClient, Stages], Awaitable[Any]]) -> Any:
    async def change() -> Any:
        settings = load_settings()
        async with open_graph(settings, starting) as client:
            with stages() as report:
                return await work(settings, client, report)

    return run(change())
