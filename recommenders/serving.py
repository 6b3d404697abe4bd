"""The active model in memory, and what it answers: a ranking, what adds up to a score.

Model and catalogue are one immutable `State`, swapped whole: an answer is made from one state from beginning to end.
A watcher looks for a new model or catalogue twice a second, so that what another process publishes is picked up.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from cinegraph.errors import CinegraphError, ModelError
from cinegraph.types import MovieFilter
from graph.catalog import read_statement
from graph.client import Reader, Row
from graph.experiments import recorded
from graph.snapshot import UNKNOWN, UNREAD, Floats, Mask, Snapshot, empty_snapshot, load_snapshot
from recommenders.activity import NO_ACTIVITY, Activity, load_activity
from recommenders.archive import Archive
from recommenders.arms import Arms, Served
from recommenders.arrays import IntArray
from recommenders.artifacts import Artifact, load_artifact, stamp
from recommenders.candidates import (
    QUOTAS,
    Candidates,
    Gatherer,
    Sought,
    Source,
    by_exploration,
    by_freshness,
    worth_exploring,
)
from recommenders.context import ANYWHERE, Context
from recommenders.group import Agreement, agree
from recommenders.histories import ENTRIES, Histories, UserHistory
from recommenders.questions import FirstQuestion, Reactions, next_questions, popular_questions
from recommenders.ranking import place_of_first, top_k
from recommenders.scorers import History
from recommenders.shadow_figures import DEPTH
from recommenders.slate import PLACES, Tuning, compose
from recommenders.slots import Kept, Slot, fill, seed_of
from recommenders.state import Scored, State, state_of, state_over, without_model
from recommenders.watching import again_and_again

log = logging.getLogger(__name__)

RANKED: Final = 1_000
"""Places of a ranking that can be paged through."""

RELEVANCE: Final = Tuning()
"""Nothing but relevance."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Movies in order, with scores, and what the scores are made of.

    `personal` is whether anything of anybody is in them. For a group, `satisfaction` (n, members) is how satisfied each
    member is, from 0 to 1, the scores are the means of it, and `scored` is what reasons are found in. `slots` says of
    the movies in kept places, by id, who put them there.
    """

    movie_ids: tuple[str, ...]
    scores: tuple[float, ...]
    scored: Scored
    personal: bool
    satisfaction: Floats | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One of a group: what they did, and whether movies that they know may be shown again."""

    history: UserHistory
    rewatch: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A request as it was answered: the first `DEPTH` movies of the model, before places were kept, and the CPU time
    that the ranking took."""

    history: UserHistory
    wanted: MovieFilter
    tuning: Tuning
    places: int
    context: Context
    shown: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds since the catalogue in memory was `read`, and since the graph was last `checked` for a newer catalogue or
    model; NaN before the first time."""

    read: float
    checked: float


class Observer(Protocol):
    """Who is told of every ranking that was made for one user."""

    def answered(self, answer: Answered) -> None:
        """It must not take long, nor fail."""


def _renewed(snapshot: Snapshot, artifact: Artifact | None, old: State, activity: Activity = NO_ACTIVITY) -> State:
    """A catalogue with a new model, or with the old one."""
    if artifact is None:
        return state_over(snapshot, old.base, old.version, old.movie_ids[: old.trained], activity, old.learnt)
    return state_of(artifact, snapshot, activity)


def _with_slots(
    order: IntArray, asked: Sought, tuning: Tuning, places: int, day: int
) -> tuple[IntArray, dict[str, Slot]]:
    """The list with its kept places filled, and who filled them, by the movie's id."""
    state, history = asked.state, asked.scored.history
    fresh = by_freshness(asked, PLACES).items
    trying = by_exploration(asked, QUOTAS[Source.EXPLORATION]).items
    kept = Kept(fresh, trying, worth_exploring(asked)[trying])
    who = history.user_id or sorted(one.movie_id for one in history.ratings)
    seed = seed_of(who, day, state.version, state.snapshot.version)
    filled, slots = fill(order, kept, (tuning.fresh, tuning.exploration), places, seed)
    return filled, {state.movie_ids[item]: slot for item, slot in slots.items()}


class Serving:
    """Recommendations from the active model; from `state` until the first refresh."""

    def __init__(
        self,
        reader: Reader,
        artifacts: Path,
        *,
        refresh_seconds: float = 0.5,
        histories: int = 100_000,
        history_entries: int = ENTRIES,
        state: State | None = None,
        archive: Archive | None = None,
    ) -> None:
        self._reader, self.artifacts, self._seconds = reader, artifacts, refresh_seconds
        self.archive = archive
        self.histories = Histories(reader, histories, history_entries)
        self.arms = Arms(artifacts)
        self._state = state or without_model(empty_snapshot())
        self._before: State | None = None
        self._failed: tuple[str, object] | None = None
        self._renewing = asyncio.Lock()
        self._read_at = self._checked_at = math.nan
        self.observer: Observer | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called when what is served is another: model, catalogue, or the models of an experiment."""
        self.gatherer = Gatherer()

    @property
    def state(self) -> State:
        """The model and catalogue of this moment."""
        return self._state

    @property
    def model_version(self) -> str:
        """The active model's version; "" before the first one."""
        return self._state.version

    def ages(self) -> Ages:
        """How old what is served is."""
        now = time.monotonic()
        return Ages(now - self._read_at, now - self._checked_at)

    @property
    def as_of(self) -> float:
        """When the graph was last asked whether what is served is the newest, in seconds since 1970."""
        return time.time() - self.ages().checked

    def served(self, user_id: str | None) -> Served:
        """What a caller is served by: the active state, or that of their arm while an experiment is running."""
        return self.arms.served(user_id, self._state)

    async def refresh(self) -> bool:
        """Look at the graph, and load what is new: the active state first, then those of arms; whether anything was."""
        renewed = await self.renew()
        return await self._look_at_arms() or renewed

    async def renew(self) -> bool:
        """Look at the graph, and serve the model and catalogue that it asks for; whether they are new. A model that
        fails to load is left where it is, and the old one keeps serving. One at a time: who comes meanwhile waits, and
        finds nothing new. No arm's model is waited for."""
        async with self._renewing:
            rows, began = await self._reader.read(read_statement("meta/state")), time.monotonic()
            row: Row = rows[0] if rows else {"version": UNREAD, "activeModel": None, "experiment": None, "arms": ()}
            self.arms.running = recorded(row["experiment"], row["arms"])
            old, renewed = self._state, await self._next(row)
            if renewed and self.archive and renewed.snapshot.movies:
                await asyncio.to_thread(self.archive.keep, renewed)  # first: all that is answered can be replayed
            if renewed:
                if renewed.version != old.version:
                    now, before = renewed.version or "no model", old.version or "none"
                    log.info("%s is served now, over %s movies; before it %s", now, renewed.snapshot.movies, before)
                self._before = old if old.scorer and renewed.version != old.version else None
                self._state, self._read_at = renewed, began
                self.histories.clear()
                self.on_change()
            self._checked_at = began
            return renewed is not None

    async def _look_at_arms(self) -> bool:
        changed = await self.arms.look(self._state, self._before)
        if changed:
            self.on_change()
        return changed

    async def _next(self, row: Row) -> State | None:
        """The state that the graph asks for; None where it is the one that serves."""
        version = row["activeModel"] or ""
        changed_model = version != self._state.version and self._stamped(version) != self._failed
        changed_graph = row["version"] != self._state.snapshot.version
        if not changed_model and not changed_graph:
            return None
        if before := self._moved_back(version, row["version"]):
            return before
        self._before = None  # so that there are never three in memory
        artifact = await self._load(version) if changed_model else None
        if version and not artifact and not changed_graph:
            return None
        serving = version if artifact or not version else self._state.version
        snapshot = await load_snapshot(self._reader, row["version"], serving)
        if not serving:
            return without_model(snapshot)
        activity = await load_activity(self._reader)
        return await asyncio.to_thread(_renewed, snapshot, artifact, self._state, activity)

    def _moved_back(self, version: str, graph_version: int) -> State | None:
        """The state before this one, where the pointer moved back to it and nothing else happened in the graph: it
        serves at once, since it is whole and warm."""
        now, before = self._state, self._before
        if before is None or before.version != version:
            return None
        if (before.snapshot.version + 1, graph_version) != (now.snapshot.version, now.snapshot.version + 1):
            return None
        return before.renumbered(graph_version)

    async def _load(self, version: str) -> Artifact | None:
        if not version:
            return None
        stamped = self._stamped(version)
        try:
            return await asyncio.to_thread(load_artifact, self.artifacts, version)
        except CinegraphError as error:
            self._failed = stamped
            log.error("model %s cannot be served, %s goes on: %s", version, self._state.version or "none", error)
            return None

    def _stamped(self, version: str) -> tuple[str, object]:
        """A version and the state of its files: one that failed to load is tried again when they are others."""
        return version, stamp(self.artifacts, version)

    async def watch(self) -> None:
        """Refresh for ever; a graph that is away for a while is told of once, and a fault does not end it. Arms have a
        loop of their own, so that what is active changes while their models are loaded."""
        await asyncio.sleep(self._seconds)
        failed, fault = "look for a new model", "a fault while looking for a new model; what is served stays"
        active = again_and_again(self.renew, self._seconds, log, failed, fault)
        failed, fault = (
            "load an experiment's models",
            "a fault while loading an experiment's models; arms stay as they are",
        )
        arms = again_and_again(self._look_at_arms, self._seconds, log, failed, fault)
        await asyncio.gather(active, arms)

    # -- answers -------------------------------------------------------------------------------------------------

    def rank(
        self,
        history: UserHistory,
        wanted: MovieFilter,
        count: int = RANKED,
        tuning: Tuning = RELEVANCE,
        places: int = PLACES,
        day: int = 0,
        context: Context = ANYWHERE,
        state: State | None = None,
        observed: bool = True,
    ) -> Ranking:
        """The best movies for a history: never one that was rated, viewed, dismissed, said to be liked or filtered out.

        The first `places`, at most, are composed. Equal scores are ordered by the model's order of movies, so that the
        same input gives the same bytes; where places are kept for exploration, on the same `day` (since 1970). All is
        taken from `state`, by default the active one. That it was made is told to who observes, unless it was not to
        be shown as one's own.
        """
        began = time.thread_time()
        scored = self.score(history, context, state)
        state, places, slots = scored.state, min(places, PLACES), dict[str, Slot]()
        free = self.allowed(state, history, wanted)
        order = top_k(scored.scores, free, count).items
        if tuning.composes:
            taste = scored.taste if tuning.calibration else None
            order = compose(order, scored.scores[order], state.slate, tuning, taste, places)
        by_model = order
        if tuning.keeps:
            order, slots = _with_slots(order, Sought(scored, free), tuning, places, day)
        movie_ids = tuple(map(state.movie_ids.__getitem__, order.tolist()))
        if observed and self.observer is not None and state is self._state:
            shown = tuple(state.movie_ids[item] for item in by_model[:DEPTH].tolist())
            taken = time.thread_time() - began
            self.observer.answered(Answered(history, wanted, tuning, places, context, shown, taken))
        return Ranking(movie_ids, tuple(scored.scores[order].tolist()), scored, scored.personal, slots=slots)

    def questions(
        self, history: UserHistory, count: int, skipped: Sequence[str] = (), state: State | None = None
    ) -> tuple[State, list[FirstQuestion]]:
        """What to ask somebody, the most telling first; never about a movie that they reacted to, or of `skipped`."""
        scored = self.score(history, state=state)
        state, known = scored.state, {*history.known, *skipped}
        asked = state.learnt.questions or popular_questions(scored.scorer.popularity)
        answered = [state.index[one.movie_id] for one in history.ratings if one.movie_id in state.index]
        hidden = [state.index[id_] for id_ in known if id_ in state.index]
        scores = scored.model_scores if scored.scorer.is_personal(scored.known) else None
        return state, next_questions(asked, Reactions(answered, hidden, scores), count, state.present)

    def candidates(self, scored: Scored, wanted: MovieFilter) -> Candidates:
        """What each source finds for a history, of what may be recommended."""
        return self.gatherer.gather(Sought(scored, self.allowed(scored.state, scored.history, wanted)))

    def rank_group(
        self,
        members: Sequence[Member],
        visible: UserHistory,
        wanted: MovieFilter,
        agreement: Agreement = Agreement.FAIR,
        tuning: Tuning = RELEVANCE,
        state: State | None = None,
    ) -> Ranking:
        """The best movies for all members together; none that one of them knows and would not watch again.

        Reasons are found in `visible`, the history that the asker may see. With a dial, relevance is the place that the
        group agrees on, and the taste that is calibrated to is the mean of the members'.
        """
        state = state or self._state
        scored = [self.score(member.history, state=state) for member in members]
        nobody = UserHistory(None, None)
        free = self.allowed(state, visible, wanted)
        for member in members:
            free &= self.allowed(state, nobody if member.rewatch else member.history, MovieFilter())
        agreed = agree([one.scores for one in scored], free, agreement, RANKED)
        order = np.arange(len(agreed.items), dtype=np.int32)
        if tuning.composes:
            place = np.zeros(len(free), np.int32)
            place[agreed.items] = order
            tastes = [one.taste for one in scored if one.taste is not None]
            taste = np.mean(tastes, axis=0) if tastes and tuning.calibration else None
            order = place[compose(agreed.items, -order.astype(np.float64), state.slate, tuning, taste)]
        satisfied = agreed.satisfaction[order]
        movie_ids = tuple(state.movie_ids[i] for i in agreed.items[order].tolist())
        personal = any(one.personal for one in scored)
        shown = self.score(visible, state=state)
        return Ranking(movie_ids, tuple(satisfied.mean(axis=1).tolist()), shown, personal, satisfied)

    def place(self, scored: Scored, movie_id: str) -> int | None:
        """A movie's place, from 1, among all that may be recommended to the user; None where it may not be."""
        number = scored.state.index.get(movie_id)
        allowed = self.allowed(scored.state, scored.history, MovieFilter())
        if number is None:
            return None
        return place_of_first(scored.scores, allowed, np.array([number], np.int32)) or None

    def score(self, history: UserHistory, context: Context = ANYWHERE, state: State | None = None) -> Scored:
        """The score of every movie for a history, from `state`, by default the active one; the context counts where the
        history says nothing."""
        state = state or self._state
        if state.scorer is None:
            raise ModelError("no model is active yet: train and publish one with cinegraph train")
        numbers = np.array([state.index.get(one.movie_id, UNKNOWN) for one in history.ratings], np.int32)
        ratings = np.array([one.rating for one in history.ratings], np.float32)
        known = History.from_ratings(numbers[numbers != UNKNOWN], ratings[numbers != UNKNOWN])
        return Scored(state, state.scorer, history, known, context)

    def allowed(self, state: State, history: UserHistory, wanted: MovieFilter) -> Mask:
        """Which of the model's movies may be recommended; shape (M,)."""
        mask = np.append(state.snapshot.mask(wanted), False)
        allowed: Mask = mask[state.columns] & state.present
        numbers = (state.index.get(id_) for id_ in history.known)
        allowed[[number for number in numbers if number is not None]] = False
        return allowed
