"""T63: nothing that was rated, viewed, dismissed, said to be liked or filtered out is ever recommended."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cinegraph.types import IntRange, Label, MovieFilter, NodeRef
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.models import Published, Version, publish
from graph.sample.simulator import SimulatorConfig
from recommenders.artifacts import save_artifact
from recommenders.histories import Preference, Rated, UserHistory
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer
from recommenders.serving import Serving

LISTS = 1_000_000
SHOWN = 20
GENRES = ("drama", "horror", "comedy", "science-fiction", "animation", "western")
FILTERS = (
    MovieFilter(),
    MovieFilter(year=IntRange(1970, 1999)),
    MovieFilter(runtime=IntRange(None, 100)),
    *(MovieFilter(genres=(genre,)) for genre in GENRES),
    *(MovieFilter(none_=(MovieFilter(genres=(genre,)),)) for genre in GENRES),
    MovieFilter(any_=(MovieFilter(genres=("western",)), MovieFilter(year=IntRange(2010, None)))),
    MovieFilter(all_=(MovieFilter(genres=("drama",)), MovieFilter(languages=("fr", "it", "ja")))),
    MovieFilter(genres=("no-such-genre",)),
)


def scorers(movies: int, rng: np.random.Generator) -> Iterator[Scorer]:
    """One of each kind, with made weights, some of them equal."""
    popularity = rng.integers(0, 50, movies).astype(np.float32)
    weights = rng.integers(0, 9, (movies, movies)).astype(np.float32) / 8
    np.fill_diagonal(weights, 0)
    factors = rng.normal(size=(2, movies, 16)).astype(np.float32)
    yield ItemItemScorer(weights, np.arange(movies, dtype=np.int32), popularity)
    yield FactorScorer(factors[0], factors[1], popularity)
    yield PopularityScorer(popularity)


def histories(movie_ids: tuple[str, ...], rng: np.random.Generator, count: int) -> Iterator[UserHistory]:
    """Users with few and many ratings, views, dismissals, stated preferences, and movies that nobody has."""
    ids = np.array([*movie_ids, "gone-from-the-catalogue"])
    sizes = rng.geometric(0.05, (count, 4)) - 1
    for ratings, viewed, dismissed, liked in np.minimum(sizes, [len(ids) - 1, 40, 40, 10]).tolist():
        drawn = ids[rng.permutation(len(ids))]
        parts = np.split(drawn[: ratings + viewed + dismissed + liked], np.cumsum([ratings, viewed, dismissed]))
        rated = tuple(Rated(id_, float(rng.integers(1, 11)) / 2, 1, "e") for id_ in parts[0].tolist())
        genre = NodeRef(Label.GENRE, GENRES[ratings % len(GENRES)])
        preferences = (Preference(genre, 1.0 - 2 * (viewed % 2), "p"),) if ratings % 3 == 0 else ()
        known = frozenset(parts[1].tolist()), frozenset(parts[2].tolist())
        yield UserHistory("u", 1, rated, *known, preferences).with_liked(parts[3].tolist(), 5.0)


async def served(graph: GraphClient, root: Path, scorer: Scorer, movie_ids: tuple[str, ...], name: str) -> Serving:
    """What serves that scorer over the catalogue."""
    version = save_artifact(
        root, name, scorer, np.array(movie_ids), config={}, metrics={}, fingerprint="f" * 64, created_at=1
    )
    await publish(graph.writer, Version(version, name, {}, "f" * 64, {}, version), Published(similar=[]))
    serving = Serving(graph.reader, root)
    await serving.refresh()
    return serving


@pytest.mark.slow
async def test_t63_a_million_lists_hold_nothing_known_or_filtered(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_sample(graph.writer, SimulatorConfig(users=50))
    catalogue = Serving(graph.reader, tmp_path)
    await catalogue.refresh()
    snapshot = catalogue.state.snapshot
    movie_ids = snapshot.ids[: snapshot.movies]
    passing = [frozenset(np.array(movie_ids)[snapshot.mask(wanted)].tolist()) for wanted in FILTERS]
    rng = np.random.default_rng(63)
    lists = shown = 0
    for name, scorer in zip(("ease", "lightgcn", "popular"), scorers(len(movie_ids), rng), strict=True):
        serving = await served(graph, tmp_path, scorer, movie_ids, name)
        for history in histories(movie_ids, rng, LISTS // 3 // len(FILTERS) + 1):
            known = history.known
            for wanted, allowed in zip(FILTERS, passing, strict=True):
                listed = serving.rank(history, wanted, SHOWN).movie_ids
                assert allowed.issuperset(listed)
                assert known.isdisjoint(listed)
                assert len(listed) == len(set(listed)) == min(SHOWN, len(allowed) - len(allowed & known))
                lists, shown = lists + 1, shown + len(listed)
    assert lists >= LISTS
    assert shown > 10 * LISTS
