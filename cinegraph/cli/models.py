"""`cinegraph train`, `evaluate`, `models …`: from the graph's ratings to the served model, and back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import typer
from rich.table import Table

from cinegraph import plugins
from cinegraph.app import artifacts_of, open_graph
from cinegraph.cli.console import Stages, err, out, say, stages
from cinegraph.settings import Settings, load_settings
from graph.client import GraphClient
from graph.models import find_version, list_versions
from graph.snapshot import load_snapshot
from recommenders import registry
from recommenders.facts import facts_of
from recommenders.model import Progress
from recommenders.protocol import DEFAULT, load_protocol
from recommenders.protocol import names as protocol_names
from recommenders.publishing import load_interactions, promote, publish_run, rollback
from recommenders.training import TrainingOptions, TrainingRun
from recommenders.training import train as run_training

app = typer.Typer(help="The versions of the model: look, promote, roll back.", no_args_is_help=True)

NAMES = typer.Argument(None, help=f"Models: {', '.join(registry.names())}. None: all, the best is published.")
SEED = typer.Option(0, help="The same seed gives the same bytes on the CPU.")
DEVICE = typer.Option("auto", help="auto, cpu or cuda.")
OUTPUT = typer.Option(None, "--json", help="Write the figures to this file too.")
PROTOCOL = typer.Option(DEFAULT, help=f"How ratings are divided: {', '.join(protocol_names())}, or a .yaml file.")
CARD = typer.Option(None, "--html", help="Write a model card, a page with plots, to this file.")
USERS = typer.Option(None, "--max-users", min=10, help="Ask about this many users at most, drawn by the seed.")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write the figures to, open, or None."""

    json: Any = None
    card: Any = None


NOWHERE = Outputs()


def train(
    names: list[str] = NAMES,
    seed: int = SEED,
    device: str = DEVICE,
    output: typer.FileTextWrite = OUTPUT,
    max_users: int | None = USERS,
) -> None:
    """Train on the graph's ratings, evaluate beside Popular, ItemKNN and EASE, publish the best of those named."""
    options = TrainingOptions(seed=seed, device=device, max_users=max_users)
    asyncio.run(_train(load_settings(), names or [], options, Outputs(output)))


def evaluate(
    names: list[str] = NAMES,
    seed: int = SEED,
    device: str = DEVICE,
    protocol: str = PROTOCOL,
    output: typer.FileTextWrite = OUTPUT,
    card: typer.FileTextWrite = CARD,
    max_users: int | None = USERS,
) -> None:
    """The table of figures, without publishing anything."""
    options = TrainingOptions(
        seed=seed, device=device, max_users=max_users, protocol=load_protocol(protocol), final=False
    )
    asyncio.run(_evaluate(load_settings(), names or [], options, Outputs(output, card)))


async def _train(settings: Settings, names: list[str], options: TrainingOptions, outputs: Outputs) -> None:
    async with open_graph(settings) as client:
        run = await _run(client, names, options, outputs)
        with stages() as report:
            version = await publish_run(client.writer, artifacts_of(settings), run, report)
        say(f"{version} is served now")


async def _evaluate(settings: Settings, names: list[str], options: TrainingOptions, outputs: Outputs) -> None:
    async with open_graph(settings) as client:
        await _run(client, names, options, outputs)


async def _run(
    client: GraphClient, names: list[str], options: TrainingOptions, outputs: Outputs = NOWHERE
) -> TrainingRun:
    """Train what is named on the graph's ratings, and show how it did."""
    for name in names:
        registry.entry(name)
    draw = plugins.load("recommenders.card").card if outputs.card else None
    with stages() as report:
        interactions = await load_interactions(client.reader, report)
        facts = facts_of(await load_snapshot(client.reader, 0, ""), interactions.movies)
        told = replace(options, facts=facts, progress=_telling(report))
        run = await asyncio.to_thread(run_training, interactions, names, told)
    _show(run)
    if outputs.json:
        json.dump(run.as_json(), outputs.json, indent=2)
    if draw:
        outputs.card.write(draw(run, interactions, facts))
        say(f"model card: {outputs.card.name}")
    return run


def _telling(report: Stages) -> Callable[[Progress], None]:
    return lambda progress: report(progress.task, progress.done, progress.total)


def _show(run: TrainingRun) -> None:
    title = f"{run.protocol.name} split, {run.test_users} test users, figures on the test part with 95 % intervals"
    table = Table(title=title, title_justify="left")
    for column in ("model", "NDCG@10", "R@10", "R@20", "MRR", "cov.", "nov.", "NDCG@10 over EASE", "s"):
        table.add_column(column, no_wrap=True)
    for one in run.results:
        test = one.test
        over = next((str(other.difference) for other in one.against if other.baseline == "ease"), "")
        table.add_row(
            f"{one.name} *" if one.name == run.best else one.name,
            str(test.ndcg_at_10),
            *(f"{figure.mean:.4f}" for figure in (test.recall_at_10, test.recall_at_20, test.mrr)),
            f"{test.coverage_at_10:.3f}",
            f"{test.novelty_at_10.mean:.2f}",
            over,
            f"{one.seconds:.1f}",
        )
    out.print(table)
    out.print(
        "* best on the validation part of those asked for; R: Recall, cov.: coverage@10, nov.: novelty@10 in bits"
    )
    out.print(f"data {run.fingerprint[:12]}, seed {run.seed}")


async def ensure_model(settings: Settings, client: GraphClient) -> None:
    """Train and publish all models where none is served yet."""
    if any(version.active for version in await list_versions(client.reader)):
        return
    err.print("training popular, itemknn, ease and lightgcn")
    run = await _run(client, [], TrainingOptions())
    with stages() as report:
        await publish_run(client.writer, artifacts_of(settings), run, report)


@app.command("list")
def list_() -> None:
    """All versions, the newest first."""
    asyncio.run(_list(load_settings()))


async def _list(settings: Settings) -> None:
    async with open_graph(settings) as client:
        table = Table("version", "model", "made", "NDCG@10 (test)", "status")
        for one in await list_versions(client.reader):
            made = datetime.fromtimestamp(one.created_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            state = "active" if one.active else "previous" if one.previous else one.status
            table.add_row(one.id, one.model, made, _figure(one.metrics, one.model), state)
        out.print(table)


def _figure(metrics: Any, model: str) -> str:
    for one in metrics.get("models", ()):
        if one["model"] == model:
            figure = one["test"]["ndcg_at_10"]
            return f"{figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"
    return ""


@app.command()
def show(version: str = typer.Argument(help="A version, as cinegraph models list shows it.")) -> None:
    """Configuration, data and figures of a version, as JSON."""
    asyncio.run(_show_version(load_settings(), version))


async def _show_version(settings: Settings, version_id: str) -> None:
    async with open_graph(settings) as client:
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


@app.command("promote")
def promote_(version: str = typer.Argument(help="A version, as cinegraph models list shows it.")) -> None:
    """Serve a version; running servers pick it up within seconds."""
    _change(lambda settings, client: promote(client.writer, artifacts_of(settings), version))
    say(f"{version} is served now")


@app.command("rollback")
def rollback_() -> None:
    """Serve the version before the active one again."""
    version = _change(lambda settings, client: rollback(client.writer, artifacts_of(settings)))
    say(f"{version} is served now")


def _change(work: Callable[[Settings, GraphClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        settings = load_settings()
        async with open_graph(settings) as client:
            return await work(settings, client)

    return asyncio.run(run())
