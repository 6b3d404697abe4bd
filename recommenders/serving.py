"""The active model in memory, and what it answers: a ranking, what adds up to a score.

Model and catalogue are one immutable `State`, swapped whole: an answer is made from one state from beginning to end.
A watcher looks for a new model or catalogue every few seconds, so that what another process publishes is picked up.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from cinegraph.errors import CinegraphError, ModelError
from cinegraph.types import Label, MovieFilter, NodeRef
from graph.catalog import read_statement
from graph.client import Reader, Row
from graph.snapshot import Floats, Ints, Mask, Snapshot, empty_snapshot, load_snapshot
from recommenders.arrays import FloatArray
from recommenders.artifacts import Artifact, load_artifact
from recommenders.histories import Histories, UserHistory
from recommenders.reasons import Contribution
from recommenders.scorers import History, Scorer

log = logging.getLogger(__name__)

RANKED: Final = 1_000
"""Places of a ranking that can be paged through."""

PREFERENCE: Final = 0.25
"""What a full preference (weight 1) adds to a score, as a part of the best movie's score."""


@dataclass(frozen=True)
class State:
    """A model and the catalogue it is served over. `columns` (M,) holds the snapshot's number of each of the model's
    movies, -1 for one that the catalogue does not have any more."""

    snapshot: Snapshot
    version: str
    scorer: Scorer | None
    movie_ids: tuple[str, ...]
    columns: Ints

    @cached_property
    def index(self) -> dict[str, int]:
        """The model's number of each movie."""
        return {id_: i for i, id_ in enumerate(self.movie_ids)}

    @cached_property
    def present(self) -> Mask:
        """Which of the model's movies the catalogue still has."""
        return self.columns >= 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Movies in order, with scores; `personal` is false where it is popularity alone."""

    movie_ids: tuple[str, ...]
    scores: tuple[float, ...]
    personal: bool
    state: State


class Serving:
    """Recommendations from the active model."""

    def __init__(
        self, reader: Reader, artifacts: Path, *, refresh_seconds: float = 2.0, histories: int = 100_000
    ) -> None:
        self._reader, self._artifacts, self._seconds = reader, artifacts, refresh_seconds
        self.histories = Histories(reader, histories)
        self._state = State(empty_snapshot(), "", None, (), np.zeros(0, np.int32))
        self._failed = ""

    @property
    def state(self) -> State:
        """The model and catalogue of this moment."""
        return self._state

    @property
    def model_version(self) -> str:
        """The active model's version; "" before the first one."""
        return self._state.version

    async def refresh(self) -> bool:
        """Look at the graph, and load what is new; whether anything was. A model that fails to load is left where it
        is, and the old one keeps serving."""
        rows = await self._reader.read(read_statement("meta/state"))
        row: Row = rows[0] if rows else {"version": -1, "activeModel": None, "artifact": None}
        version = row["activeModel"] or ""
        changed_model = version not in (self._state.version, self._failed)
        changed_graph = row["version"] != self._state.snapshot.version
        if not changed_model and not changed_graph:
            return False
        artifact = await self._load(version) if changed_model else None
        serving = version if artifact or not version else self._state.version
        snapshot = await load_snapshot(self._reader, row["version"], serving)
        self._swap(snapshot, artifact)
        self.histories.clear()
        return True

    async def _load(self, version: str) -> Artifact | None:
        if not version:
            return None
        try:
            return await asyncio.to_thread(load_artifact, self._artifacts, version)
        except CinegraphError as error:
            self._failed = version
            log.error("model %s cannot be served, %s goes on: %s", version, self._state.version or "none", error)
            return None

    def _swap(self, snapshot: Snapshot, artifact: Artifact | None) -> None:
        old = self._state
        scorer = artifact.scorer if artifact else old.scorer
        version = artifact.version if artifact else old.version
        movie_ids = tuple(str(id_) for id_ in artifact.movie_ids) if artifact else old.movie_ids
        columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in movie_ids], np.int32)
        self._state = State(snapshot, version, scorer, movie_ids, columns)

    async def watch(self) -> None:
        """Refresh for ever; a graph that is away for a while is not an error here."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.refresh()
            except CinegraphError as error:
                log.warning("could not look for a new model: %s", error)

    # -- answers -------------------------------------------------------------------------------------------------

    def scores(self, state: State, history: UserHistory) -> tuple[Floats, bool]:
        """The score of every movie of the model, shape (M,), and whether the user's own history is in it."""
        scorer = _scorer_of(state)
        known = self.known(state, history)
        scores = np.asarray(scorer.score(known), dtype=np.float64)
        bonus = self._bonus(state, history, scores)
        return scores + bonus, bool(len(known.items)) or bool(np.any(bonus))

    def known(self, state: State, history: UserHistory) -> History:
        """The history as the scorers take it: movies of the model with weights by rating."""
        rated = [(state.index[one.movie_id], one.rating) for one in history.ratings if one.movie_id in state.index]
        return History.from_ratings([item for item, _ in rated], [rating for _, rating in rated])

    def _bonus(self, state: State, history: UserHistory, scores: Floats) -> Floats:
        bonus = np.zeros(len(scores))
        for preference in history.preferences:
            bonus += preference.weight * self._preferred(state, preference.node, scores)
        return bonus

    def _preferred(self, state: State, node: NodeRef, scores: Floats) -> Floats:
        """What a full preference for a node adds to each movie."""
        snapshot = state.snapshot
        near = np.zeros(snapshot.movies + 1, dtype=bool)  # the last place is for movies that are not there any more
        number = snapshot.find(node)
        if number >= 0:
            neighbours = snapshot.neighbour[snapshot.indptr[number] : snapshot.indptr[number + 1]]
            near[neighbours[neighbours < snapshot.movies]] = True
        size = PREFERENCE * float(np.max(np.abs(scores), initial=0.0))
        return size * near[state.columns]

    def rank(self, history: UserHistory, wanted: MovieFilter, count: int = RANKED) -> Ranking:
        """The best movies for a history: never one that was rated, viewed, dismissed, said to be liked or filtered out.

        Equal scores are ordered by the model's order of movies, so that the same input gives the same bytes.
        """
        state = self._state
        scores, personal = self.scores(state, history)
        allowed = self.allowed(state, history, wanted)
        places = np.flatnonzero(allowed)
        if len(places) > count:
            cut = np.partition(-scores[places], count - 1)[count - 1]
            places = places[-scores[places] <= cut]
        order = places[np.lexsort((places, -scores[places]))][:count]
        return Ranking(
            tuple(state.movie_ids[i] for i in order), tuple(float(scores[i]) for i in order), personal, state
        )

    def allowed(self, state: State, history: UserHistory, wanted: MovieFilter) -> Mask:
        """Which of the model's movies may be recommended; shape (M,)."""
        mask = np.append(state.snapshot.mask(wanted), False)
        allowed = mask[state.columns] & state.present
        known = [state.index[id_] for id_ in history.known if id_ in state.index]
        allowed[known] = False
        return allowed

    def contributions(self, state: State, history: UserHistory, movie_id: str) -> list[Contribution]:
        """What adds up to a movie's score: each own movie of the model, each preference; none where the score is
        popularity alone."""
        place = state.index.get(movie_id)
        known = self.known(state, history)
        if place is None:
            return []
        scorer = _scorer_of(state)
        values: FloatArray = scorer.contributions(known, place)
        found = [
            Contribution(NodeRef(Label.MOVIE, state.movie_ids[item]), float(value))
            for item, value in zip(known.items, values, strict=True)
        ]
        return found + self._preference_contributions(state, history, place, scorer.score(known))

    def _preference_contributions(
        self, state: State, history: UserHistory, place: int, scores: FloatArray
    ) -> list[Contribution]:
        found = []
        for preference in history.preferences:
            value = preference.weight * self._preferred(state, preference.node, np.asarray(scores, np.float64))[place]
            if value:
                found.append(Contribution(preference.node, float(value)))
        return found


def _scorer_of(state: State) -> Scorer:
    if state.scorer is None:
        raise ModelError("no model is active yet: train and publish one with cinegraph train")
    return state.scorer
