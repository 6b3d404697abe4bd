"""`cinegraph runs …`: what was trained, how, on what, and how it did."""

from collections.abc import Iterable
from datetime import UTC, datetime

import typer
from rich import box
from rich.table import Table

from cinegraph.cli.console import out, say
from cinegraph.settings import load_settings
from recommenders.runs.store import CURVE, SHORT, Run, RunStore

app = typer.Typer(
    help="What was trained, how, and how it did: a record that MLflow opens too.",
    no_args_is_help=True,
)

COST = "cost/"
SHOWN = ("ndcg_at_10", "recall_at_10", "recall_at_20", "mrr", "map_at_10", "coverage_at_10", "novelty_at_10")
"""The figures of a part that are shown first."""


@app.command("list")
def list_(
    experiment: str = typer.Option("", help="Of one command alone: train, evaluate, demo, or 'tune MODEL'."),
    limit: int = typer.Option(20, min=1, help="How many at most."),
) -> None:
    """Runs, the newest first."""
    store = _store()
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("run", "began", "command", "model", "status", "protocol", "validation", "test", "s", "published"):
        table.add_column(name, no_wrap=True)
    for one in store.runs(experiment, limit=limit):
        table.add_row(*_row(one))
    out.print(table)
    say(
        "validation, test: NDCG@10, by the protocol of its run; shown in full, where mlflow is installed, by: "
        f"mlflow ui --backend-store-uri sqlite:///{store.path}"
    )


@app.command()
def show(run: str = typer.Argument(help="A run, by the beginning of its id, as cinegraph runs list shows it.")) -> None:
    """Hyper-parameters, figures, costs, learning curve, and all that a run depends on."""
    store = _store()
    one = store.find(run)
    out.print(f"{one.id}  {one.experiment}: {one.name}, {one.status.lower()}, began {_moment(one)}")
    costs = ((key, f"{value:,.2f}") for key, value in one.metrics.items() if key.startswith(COST))
    curve = ((str(epoch), f"{value:.4f}") for epoch, value in store.curve(one.id, CURVE))
    tables = (
        _pairs("hyper-parameter", "value", one.params.items()),
        _figures(one),
        _pairs("cost", "value", ((key.removeprefix(COST), value) for key, value in costs)),
        _pairs("epoch", "NDCG@10 on validation", curve),
        _pairs("about", "value", ((key.removeprefix("cinegraph."), value) for key, value in one.tags.items())),
    )
    for table in tables:
        if table.row_count:
            out.print(table)
            out.print()


def _store() -> RunStore:
    store = RunStore(load_settings().home)
    store.end_those_left()
    return store


def _row(one: Run) -> tuple[str, ...]:
    figures = (one.metrics.get(f"{part}/ndcg_at_10") for part in ("validation", "test"))
    return (
        one.id[:SHORT],
        _moment(one),
        one.experiment,
        one.name,
        one.status.lower(),
        one.tags.get("cinegraph.protocol", ""),
        *("" if figure is None else f"{figure:.4f}" for figure in figures),
        "" if one.seconds is None else f"{one.seconds:.1f}",
        one.tags.get("cinegraph.published", ""),
    )


def _figures(one: Run) -> Table:
    """All figures by part, with their intervals."""
    parts = ("validation", "test")
    table = _table("figure", *parts)
    ends = ("_low", "_high")
    names = dict.fromkeys(
        key.partition("/")[2] for key in one.metrics if key.startswith(parts) and not key.endswith(ends)
    )
    for name in sorted(names, key=lambda name: SHOWN.index(name) if name in SHOWN else len(SHOWN)):
        table.add_row(name, *(_figure(one, f"{part}/{name}") for part in parts))
    return table


def _figure(one: Run, key: str) -> str:
    value, low, high = (one.metrics.get(f"{key}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return ""
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} [{low:.4f}, {high:.4f}]"


def _pairs(name: str, value: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = _table(name, value)
    for row in rows:
        table.add_row(*row)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _moment(one: Run) -> str:
    return datetime.fromtimestamp(one.started_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
