"""The project's own sample becomes a graph: its films as facts, its simulated users with ratings and views."""

import asyncio
import hashlib
from collections.abc import Iterator

import polars as pl

from graph.client import Writer
from graph.ingest.checkpoint import open_checkpoint
from graph.ingest.codes import COUNTRIES, LANGUAGES
from graph.ingest.findings import Findings
from graph.ingest.genres import genres_of
from graph.ingest.loader import Loader, cut
from graph.ingest.options import IngestOptions, Progress, silent
from graph.ingest.quality import QualityReport, report
from graph.ingest.rows import FactRows, Rows
from graph.sample.catalog import Film, load_catalog, slug
from graph.sample.simulator import Simulation, SimulatorConfig, simulate

SOURCE = "catalogue"


async def ingest_sample(
    writer: Writer,
    config: SimulatorConfig | None = None,
    options: IngestOptions | None = None,
    progress: Progress = silent,
) -> QualityReport:
    """Bring the sample catalogue and its simulated users into the graph; the second time it is found to be there."""
    config, options = config or SimulatorConfig(), options or IngestOptions()
    films = await asyncio.to_thread(load_catalog)
    checkpoint = await open_checkpoint(writer, "sample", SOURCE, _fingerprint(films, config), options.force)
    unchanged = checkpoint.finished
    if not unchanged:
        simulation = await asyncio.to_thread(simulate, films, config)
        await _load(Loader(checkpoint, options, progress), films, simulation)
        await checkpoint.finish(Findings())
    return await report(writer, checkpoint.id, checkpoint.findings, unchanged)


def _fingerprint(films: tuple[Film, ...], config: SimulatorConfig) -> str:
    return hashlib.sha256(f"{films}{config}".encode()).hexdigest()


async def _load(loader: Loader, films: tuple[Film, ...], simulation: Simulation) -> None:
    """Movies, what users did, the statistics of that, and last the facts, whose sort keys copy the statistics."""
    await loader.movies([_movie(film) for film in films])
    ratings = _by_user(simulation.ratings.select("user_id", "movie_id", "rating", "at"))
    await loader.ratings(lambda: _pieces(ratings), simulation.ratings.height)
    views = _by_user(_views(simulation.views))
    await loader.views(lambda: _pieces(views), sum(len(rows) for _, rows in views))
    await loader.count_ratings()
    await loader.facts(lambda: iter([(len(films), facts_of(films))]), len(films))
    await loader.copy_popularity()


def _by_user(frame: pl.DataFrame) -> Rows:
    """`[user's id, [row, …]]` for each user, in the order of their ids."""
    groups = frame.partition_by("user_id", as_dict=True, maintain_order=True, include_key=False)
    return [[key[0], [list(row) for row in groups[key].rows()]] for key in sorted(groups)]


def _pieces(users: Rows) -> Iterator[tuple[int, Rows]]:
    """A hundred users at once, with the number of their rows."""
    for _, piece in cut(users, 100):
        yield sum(len(rows) for _, rows in piece), piece


def _views(frame: pl.DataFrame) -> pl.DataFrame:
    """One row for a user and a movie: the last time, all seconds, how many views."""
    together = frame.group_by("user_id", "movie_id").agg(
        pl.col("at").max(), pl.col("seconds").sum(), pl.len().cast(pl.Int64).alias("count")
    )
    return together.sort("user_id", "movie_id")


def _movie(film: Film) -> dict[str, object]:
    none = dict.fromkeys(("originalTitle", "imdbId", "tmdbId"))
    return {"id": film.id, "title": film.title, "year": film.year, **none}


def facts_of(films: tuple[Film, ...]) -> FactRows:
    """All that is known of the films."""
    rows = FactRows()
    for film in films:
        _add(rows, film)
    return rows


def _add(rows: FactRows, film: Film) -> None:
    none = dict.fromkeys(("tmdbId", "originalTitle", "imdbId", "releaseDate", "tagline", "posterPath"))
    votes = dict.fromkeys(("voteCount", "voteAverage"))
    known = {"id": film.id, "title": film.title, "year": film.year, "runtime": film.runtime, "overview": film.synopsis}
    rows.facts.append({**known, **none, **votes})
    rows.people.update({person.id: person.name for person in film.people})
    rows.cast[film.id] = [[role.person.id, role.character, role.order] for role in film.cast]
    rows.directors[film.id] = sorted(person.id for person in film.directors)
    rows.writers[film.id] = sorted(person.id for person in film.writers)
    for names, nodes, links in (
        (genres_of(film.genres), rows.genres, rows.has_genre),
        ([(slug(word), word) for word in film.keywords], rows.keywords, rows.has_keyword),
        ([(code, COUNTRIES.get(code, code)) for code in film.countries], rows.countries, rows.from_country),
    ):
        nodes.update(dict(names))
        links[film.id] = [id for id, _ in names]
    rows.languages[film.language] = LANGUAGES.get(film.language, film.language)
    rows.in_language[film.id] = film.language
    if film.collection:
        rows.collections[slug(film.collection)] = film.collection
        rows.part_of[film.id] = slug(film.collection)
