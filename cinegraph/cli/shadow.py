"""`cinegraph models shadow`: a version that scores live requests beside the answers, and how it compares."""

import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cinegraph.cli.console import out, say, starting
from cinegraph.cli.outputs import check_writable
from cinegraph.cli.signals import run
from cinegraph.errors import InvalidInput
from cinegraph.home import artifacts_of, open_for_reading, open_graph
from cinegraph.settings import Settings, load_settings
from graph.client import Reader
from graph.models import find_version
from graph.shadows import read_figures, read_shadowed, write_shadowed
from recommenders.artifacts import load_artifact
from recommenders.shadow_figures import Summary, summed

VERSION = typer.Argument(metavar="VERSION|off|status", help="A version, as cinegraph models list shows it.")
SHARE = typer.Option(1.0, help="Part of the requests that it scores too, above 0, up to 1.")
OUTPUT = typer.Option(None, "--json", help="Write the figures of status to this file too.")


def shadow(version: str = VERSION, share: float = SHARE, output: Path | None = OUTPUT) -> None:
    """Let a version score live requests beside the answers; status shows how it compares."""
    settings = load_settings()
    if version == "status":
        check_writable("--json", output)
        run(_status(settings, output))
    elif version == "off":
        run(_off(settings))
    else:
        if not 0 < share <= 1:
            raise InvalidInput(f"--share {share:g}: it must be above 0 and at most 1")
        run(_begin(settings, version, share))


async def _begin(settings: Settings, version_id: str, share: float) -> None:
    async with open_graph(settings, starting) as client:
        version = await find_version(client.reader, version_id)
        if version.active:
            raise InvalidInput(f"{version_id} is the live model; the shadow is for another one to be compared with it")
        load_artifact(artifacts_of(settings), version_id)
        await write_shadowed(client.writer, version_id, share)
    say(f"{version_id} scores {share:.0%} of the requests beside the answers, in every server, within seconds")


async def _off(settings: Settings) -> None:
    async with open_graph(settings, starting) as client:
        before = await read_shadowed(client.reader)
        await write_shadowed(client.writer, None)
    say(f"{before.version} is out of the shadow" if before else "no version was in the shadow")


async def _status(settings: Settings, output: Path | None) -> None:
    async with open_for_reading(settings, starting) as client:
        now, found = await read_shadowed(client.reader), await summaries(client.reader)
    if output:
        described = {version: asdict(one) for version, one in found.items()}
        output.write_text(
            json.dumps({"shadow": asdict(now) if now else None, "figures": described}, indent=2), encoding="utf-8"
        )
    say(f"in the shadow: {now.version}, {now.share:.0%} of the requests" if now else "no version is in the shadow")
    if not found:
        return
    table = Table("", *found)
    for name, words in ROWS.items():
        table.add_row(words, *(_cell(name, getattr(one, name)) for one in found.values()))
    out.print(table)
    for version, one in found.items():
        if one.error:
            out.print(f"{version}: {one.error}", markup=False)


async def summaries(reader: Reader) -> dict[str, Summary]:
    """The figures of each version over all servers."""
    noted = await read_figures(reader)
    by_version = groupby(noted, key=lambda one: one.version)
    return {version: summed([one.figures for one in those]) for version, those in by_version}


ROWS = {
    "servers": "servers",
    "requests": "requests ranked by both",
    "dropped": "dropped, as the queue was full",
    "failed": "failed",
    "same_first": "the same first movie",
    "jaccard": "overlap of 10 (Jaccard)",
    "overlap": "overlap of 10 (rank-biased)",
    "candidate_p50_ms": "CPU ms of a ranking, p50",
    "candidate_p99_ms": "p99",
    "live_p50_ms": "of the live model, p50",
    "live_p99_ms": "of the live model, p99",
}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}" if name.endswith("_ms") else f"{value:.3f}"
