"""Where recommendations come from: several sources of candidates, merged, each with the place that it gives a movie.

- model: the movies with the best scores,
- neighbours: those near the last movies that the user likes, as the model says (`Scorer.similar`),
- content and graph: those that share people, keywords or a series with them (`likeness.py`),
- trending: what is rated and watched lately (`activity.py`),
- fresh: the newest releases, and movies that came after the model or that nobody has rated, by score,
- exploration: movies of few ratings that the model does not hold to be bad (`worth_exploring`).

The model scores the whole catalogue, exactly, so that no other source can add a movie to its first `QUOTAS[MODEL]`
places: an order by score needs the model alone. The others say where else a movie comes from, and fill the places that
a list keeps for them (`slots.py`). What a source does is bounded by counts (movies of the history, entities, movies of
an entity), and one that raises is left out, logged and counted: the answer comes without it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from propcache.api import cached_property

from cinegraph.types import LIKED
from graph.snapshot import Floats, Mask, Snapshot
from recommenders.arrays import IntArray
from recommenders.ranking import Ranked, top_k
from recommenders.scorers import Neighbours
from recommenders.similarity import SimilarityBasis
from recommenders.state import Scored, State

log = logging.getLogger(__name__)

LATEST: Final = 50
"""The last liked movies of a history that neighbours are looked for of."""
NEAR: Final = 100
"""Neighbours of each of them."""
ENTITIES: Final = 500
"""People, keywords and series of those movies that ways lead over: the most telling ones."""
WIDEST: Final = 1_000
"""Movies of such an entity, at most: one of more tells nothing."""
NEWEST: Final = 0.03
"""Part of the catalogue, by year, that counts as newly released."""
FLOOR: Final = 0.01
"""Added to a score, as a part of the best, where a movie is weighed for exploration: none is ruled out."""


class Source(StrEnum):
    """Where a candidate comes from."""

    MODEL = "MODEL"
    NEIGHBOURS = "NEIGHBOURS"
    CONTENT = "CONTENT"
    GRAPH = "GRAPH"
    TRENDING = "TRENDING"
    FRESH = "FRESH"
    EXPLORATION = "EXPLORATION"


QUOTAS: Final[Mapping[Source, int]] = {
    Source.MODEL: 1_000,
    Source.NEIGHBOURS: 1_000,
    Source.CONTENT: 1_000,
    Source.GRAPH: 1_000,
    Source.TRENDING: 500,
    Source.FRESH: 300,
    Source.EXPLORATION: 200,
}
"""Candidates of each source, at most: 5,000 together."""


class Place(NamedTuple):
    """The place, from 1, that a source gives a movie."""

    source: Source
    rank: int


@dataclass(frozen=True, eq=False)
class Sought:
    """What candidates are for: the scores of a history, and which movies may be recommended (M,)."""

    scored: Scored
    free: Mask

    @property
    def state(self) -> State:
        """The state that all of it is of."""
        return self.scored.state

    @cached_property
    def latest(self) -> IntArray:
        """The last `LATEST` liked movies by the model's number, the newest first (n,)."""
        state, liked = self.state, (one for one in reversed(self.scored.history.ratings) if one.rating >= LIKED)
        numbers = [state.index[one.movie_id] for one in liked if one.movie_id in state.index]
        return np.array(numbers[:LATEST], np.int32)

    def best(self, values: Floats, count: int, among: Mask | None = None) -> Ranked:
        """The best of the free movies by values (M,): of those above 0, or of all `among` (M,)."""
        return top_k(values, self.free & (values > 0 if among is None else among), count)

    def of_catalogue(self, values: Floats) -> Floats:
        """Values of the catalogue's movies (movies,) by the model's numbers (M,), 0 for one that is gone."""
        found: Floats = np.append(values, 0.0)[self.state.columns]
        return found


@dataclass(frozen=True, eq=False)
class Candidates:
    """What each source found, the best first, and the sources that failed."""

    found: Mapping[Source, Ranked]
    failed: tuple[Source, ...] = ()

    @cached_property
    def items(self) -> IntArray:
        """All of them by the model's numbers, rising, each once (n,)."""
        parts = [ranked.items for ranked in self.found.values()]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)

    @cached_property
    def _places(self) -> dict[int, list[Place]]:
        places: dict[int, list[Place]] = {}
        for source, ranked in self.found.items():
            for rank, item in enumerate(ranked.items.tolist(), 1):
                places.setdefault(item, []).append(Place(source, rank))
        return places

    def sources(self, item: int) -> Sequence[Place]:
        """Which sources gave a movie, in the order of `Source`, with its place in each."""
        return self._places.get(item, ())


Find = Callable[[Sought, int], Ranked]
"""A source: at most so many movies, the best first."""


@dataclass
class Gatherer:
    """Asks the sources; `failures` counts those that raised since the process began."""

    sources: Mapping[Source, Find] = field(default_factory=lambda: SOURCES)
    failures: Counter[Source] = field(default_factory=Counter)

    def gather(self, asked: Sought, quotas: Mapping[Source, int] = QUOTAS) -> Candidates:
        """The candidates of the sources that `quotas` names; one that raises is left out."""
        found, failed = dict[Source, Ranked](), list[Source]()
        for source, count in quotas.items():
            try:
                found[source] = self.sources[source](asked, count)
            except Exception:
                log.exception("the source %s of candidates failed, and is left out of this answer", source)
                self.failures[source] += 1
                failed.append(source)
        return Candidates(found, tuple(failed))


# -- sources ---------------------------------------------------------------------------------------------------------


def by_model(asked: Sought, count: int) -> Ranked:
    """The best scores; also of movies whose score is 0 or less."""
    return asked.best(asked.scored.scores, count, asked.free)


def by_neighbours(asked: Sought, count: int) -> Ranked:
    """The neighbours of the last liked movies, each in parts of the nearest one's similarity, added up."""
    state, total = asked.state, np.zeros(len(asked.free))
    for item in asked.latest.tolist():
        near = neighbours_of(state, item)
        total[near.items] += near.scores / max(float(near.scores.max(initial=0.0)), 1e-12)
    return asked.best(total, count)


def neighbours_of(state: State, item: int) -> Neighbours:
    """The model's neighbours of a movie; none of one that it was not trained with."""
    if state.base is None or item >= state.trained:
        return Neighbours(np.zeros(0, np.int32), np.zeros(0, np.float32))
    return state.base.similar(item, NEAR)


def by_content(asked: Sought, count: int) -> Ranked:
    """What shares telling people, keywords, series or genres with the last liked movies."""
    return _shared(asked, count, SimilarityBasis.CONTENT)


def by_graph(asked: Sought, count: int) -> Ranked:
    """What ways over people, keywords and series lead to from the last liked movies."""
    return _shared(asked, count, SimilarityBasis.GRAPH)


def _shared(asked: Sought, count: int, basis: SimilarityBasis) -> Ranked:
    numbers = asked.state.columns[asked.latest]
    shared = asked.state.similarity.shared[basis]
    return asked.best(asked.of_catalogue(shared.together(numbers[numbers >= 0], ENTITIES, WIDEST)), count)


def by_trend(asked: Sought, count: int) -> Ranked:
    """What is rated and watched lately, whoever asks."""
    return asked.best(asked.of_catalogue(asked.state.heat), count)


def by_freshness(asked: Sought, count: int) -> Ranked:
    """The newest releases, movies newer than the model, and those nobody has rated; by score."""
    state = asked.state
    new = asked.of_catalogue(is_new(state.snapshot).astype(np.float64)) > 0
    new[state.trained :] = True
    return asked.best(asked.scored.scores, count, new)


def is_new(snapshot: Snapshot) -> Mask:
    """Which movies are the newest `NEWEST` of the catalogue by year, those of that year with them, or have no rating
    (movies,)."""
    unrated: Mask = snapshot.popularity < 1
    known = np.sort(snapshot.year[snapshot.year > 0])
    if not len(known):
        return unrated
    since = known[len(known) - max(1, round(NEWEST * len(known)))]
    found: Mask = unrated | (snapshot.year >= since)
    return found


def by_exploration(asked: Sought, count: int) -> Ranked:
    """What is most worth to be tried."""
    return asked.best(worth_exploring(asked), count)


def worth_exploring(asked: Sought) -> Floats:
    """How much there is to learn from showing each movie (M,): its score as a part of the best, by the root of how many
    ratings there are of it, as the error of a mean is."""
    scores = asked.scored.scores
    best = float(scores[asked.free].max(initial=0.0))
    relative = np.clip(scores / best, 0.0, 1.0) if best > 0 else np.zeros(len(scores))
    ratings = np.floor(asked.of_catalogue(asked.state.snapshot.popularity))
    found: Floats = (relative + FLOOR) / np.sqrt(1.0 + ratings)
    return found


SOURCES: Final[Mapping[Source, Find]] = {
    Source.MODEL: by_model,
    Source.NEIGHBOURS: by_neighbours,
    Source.CONTENT: by_content,
    Source.GRAPH: by_graph,
    Source.TRENDING: by_trend,
    Source.FRESH: by_freshness,
    Source.EXPLORATION: by_exploration,
}
