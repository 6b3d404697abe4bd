"""`cinegraph ingest …`: files become a graph, with a report of what was good and what was not."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from cinegraph.cli.console import Stages, out, say, stages, starting
from cinegraph.cli.outputs import check_writable
from cinegraph.cli.signals import run
from cinegraph.errors import InvalidInput
from cinegraph.home import local_server, open_graph
from cinegraph.settings import load_settings
from graph.client import Writer
from graph.ingest.api import TmdbApi, ingest_tmdb_api
from graph.ingest.bulk import BulkSources, ingest_bulk
from graph.ingest.download import download_movielens
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from graph.ingest.quality import QualityReport
from graph.ingest.sample import ingest_sample
from graph.ingest.tmdb import ingest_tmdb
from graph.sample.simulator import SimulatorConfig

app = typer.Typer(help="Bring data into the graph.", no_args_is_help=True)

Force = Annotated[bool, typer.Option("--force", help="Do it again, also when the source is in the graph already.")]
MaxBad = Annotated[float, typer.Option(min=0, max=1, help="Share of bad rows past which nothing is written.")]
Tmdb = Annotated[Path | None, typer.Option("--tmdb", help="TMDB's facts: JSON lines, or Kaggle's CSV files.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the graph that is there.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the quality report to this file, as JSON.")]


@app.command()
def movielens(
    path: Annotated[Path | None, typer.Argument(help="Folder or zip in any GroupLens layout.")] = None,
    download: Annotated[str | None, typer.Option(help="Fetch this data set from GroupLens: ml-latest-small, …")] = None,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="Make the local graph anew, offline: for many millions.")
    ] = False,
    tmdb: Tmdb = None,
    overwrite: Overwrite = False,
    force: Force = False,
    max_bad: MaxBad = 0.01,
    report: Report = None,
) -> None:
    """MovieLens: ml-latest*, ml-20m, ml-25m, ml-32m, ml-100k, ml-1m, ml-10m."""
    options = _options(force, max_bad)
    if (path is None) == (download is None):
        raise InvalidInput("give either a path or --download NAME, as in --download ml-latest-small")
    if not bulk and (tmdb or overwrite):
        raise InvalidInput("--tmdb and --overwrite belong to --bulk; without it, use cinegraph ingest tmdb PATH")

    async def source(progress: Stages) -> Path:
        folder = load_settings().cache_dir / "movielens"
        return path or await download_movielens(download or "", folder, progress=progress)

    async def ingest(writer: Writer, progress: Stages) -> QualityReport:
        return await ingest_movielens(writer, await source(progress), options, progress)

    if bulk:
        _bulk(source, tmdb, options, overwrite, report)
    else:
        _run(ingest, options, report)


@app.command()
def tmdb(
    path: Annotated[
        Path | None, typer.Argument(help="JSON lines (plain or .gz), or a folder or zip of Kaggle's CSV files.")
    ] = None,
    api: Annotated[bool, typer.Option("--api", help="Fetch from TMDB, with CINEGRAPH_INGEST__TMDB_KEY.")] = False,
    force: Force = False,
    max_bad: MaxBad = 0.01,
    cast: Annotated[int, typer.Option(min=0, help="Actors of each movie, the first billed ones.")] = 25,
    report: Report = None,
) -> None:
    """TMDB's facts about movies: cast, crew, keywords, companies, collections."""
    options = _options(force, max_bad, cast)
    if (path is None) != api:
        raise InvalidInput("give either a path or --api")

    async def ingest(writer: Writer, progress: Stages) -> QualityReport:
        if path is not None:
            return await ingest_tmdb(writer, path, options, progress)
        settings = load_settings()
        key = settings.ingest.tmdb_key
        if key is None:
            raise InvalidInput("--api needs a key of TMDB's in CINEGRAPH_INGEST__TMDB_KEY")
        return await ingest_tmdb_api(writer, settings.home, TmdbApi(key.get_secret_value()), options, progress)

    _run(ingest, options, report)


@app.command()
def bulk(
    movielens: Annotated[Path, typer.Argument(help="Folder or zip in any GroupLens layout.")],
    tmdb: Tmdb = None,
    overwrite: Overwrite = False,
    max_bad: MaxBad = 0.01,
    report: Report = None,
) -> None:
    """Many millions of ratings: makes the local graph anew through neo4j-admin, while no server runs."""

    async def source(_: Stages) -> Path:
        return movielens

    _bulk(source, tmdb, _options(False, max_bad), overwrite, report)


def _bulk(
    source: Callable[[Stages], Awaitable[Path]],
    tmdb: Path | None,
    options: IngestOptions,
    overwrite: bool,
    report: Path | None,
) -> None:
    settings = load_settings()
    if settings.graph.uri:
        raise InvalidInput(
            f"CINEGRAPH_GRAPH__URI is {settings.graph.uri}: only the local graph can be made anew in bulk"
        )

    check_writable("--report", report)

    async def ingest() -> QualityReport:
        with stages() as progress:
            server, sources = local_server(settings), BulkSources(await source(progress), tmdb)
            return await ingest_bulk(server, settings.graph, sources, options, overwrite=overwrite, progress=progress)

    _print(run(ingest()), options, report)


@app.command()
def sample(
    users: Annotated[int, typer.Option(min=50, max=20_000, help="Believable users to simulate.")] = 600,
    force: Force = False,
    report: Report = None,
) -> None:
    """The project's own catalogue of films, with simulated users."""
    options = _options(force, 0.0)
    config = SimulatorConfig(users=users)
    _run(lambda writer, progress: ingest_sample(writer, config, options, progress), options, report)


def _options(force: bool, max_bad: float, cast: int = 25) -> IngestOptions:
    home = load_settings().home
    home.mkdir(parents=True, exist_ok=True)
    quarantine = home / "quarantine.jsonl"
    return IngestOptions(force=force, max_bad=max_bad, quarantine=quarantine, work=home / "work", cast_limit=cast)


def _run(
    ingest: Callable[[Writer, Stages], Awaitable[QualityReport]], options: IngestOptions, report: Path | None
) -> None:
    check_writable("--report", report)
    _print(run(_ingest(ingest)), options, report)


def _print(found: QualityReport, options: IngestOptions, report: Path | None) -> None:
    out.out(found.as_text(), end="")
    if report:
        report.write_text(found.as_json(), encoding="utf-8")
    if not found.unchanged and any(bad for _, bad in found.findings.rows.values()):
        say(f"bad rows are in {options.quarantine}")


async def _ingest(ingest: Callable[[Writer, Stages], Awaitable[QualityReport]]) -> QualityReport:
    async with open_graph(load_settings(), starting) as client:
        with stages() as progress:
            return await ingest(client.writer, progress)
