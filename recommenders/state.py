"""The active model and the catalogue it is served over, as one immutable state; the scores of a history from it."""

from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np
from propcache.api import cached_property

from cinegraph.types import MAX_RATING, Label, NodeRef
from graph.snapshot import Floats, Ints, Mask, Snapshot
from recommenders.activity import NO_ACTIVITY, Activity
from recommenders.artifacts import Artifact
from recommenders.content import content_rows, slate_facts
from recommenders.context import ANYWHERE, Context, in_context
from recommenders.histories import UserHistory
from recommenders.learnt import NOTHING, Learnt, learnt_with
from recommenders.newcomers import with_newcomers
from recommenders.scorers import History, PopularityScorer, Scorer
from recommenders.similarity import Similarity
from recommenders.slate import SlateFacts
from recommenders.told import Told, told_of

PREFERENCE: Final = 0.1
"""What a full preference (weight 1) adds to a score, as a part of the best movie's score, beside what the model says of
the user; what is to be avoided always loses all of it. Both as `benchmarks/preferences.py` found them best."""
STRANGER: Final = 0.15
"""The same where the model says nothing of the user."""


class StateKey(NamedTuple):
    """What a state is made from: a model, "" for popularity alone, the checksums of the catalogue and of what was rated
    and watched lately, and the number of the catalogue."""

    model: str
    catalogue: str
    activity: str
    graph_version: int


class Contribution(NamedTuple):
    """What one own movie, or one stated preference, adds to a score, in the scale of the model.

    Where the model knows nothing of the user, the movie's own popularity stands in, with the movie itself as the node.
    """

    node: NodeRef
    value: float


@dataclass(frozen=True)
class State:
    """A model and the catalogue it is served over. `columns` (M,) holds the snapshot's number of each of the model's
    movies, -1 for one that the catalogue does not have any more, then of those that came after it was trained.

    `base` is the model's own scorer, over `trained` movies; `scorer` scores the later ones too. `told` is what reasons
    need to know of the catalogue's movies, `activity` what was rated and watched last,
    `learnt` what was published beside the scorer.
    """

    snapshot: Snapshot
    version: str
    base: Scorer | None
    trained: int
    scorer: Scorer | None
    movie_ids: tuple[str, ...]
    columns: Ints
    told: Told
    activity: Activity = NO_ACTIVITY
    learnt: Learnt = NOTHING

    @property
    def key(self) -> StateKey:
        """What it is made from: the same answers the same, for ever."""
        return StateKey(self.version, self.snapshot.digest, self.activity.digest, self.snapshot.version)

    @cached_property
    def heat(self) -> Floats:
        """How much each of the catalogue's movies is rated and watched lately (movies,)."""
        return self.activity.heat(self.snapshot)

    def renumbered(self, graph_version: int) -> "State":
        """The same over a catalogue of another number that has nothing else in it, as warm as this one."""
        snapshot, again = copy(self.snapshot), copy(self)
        vars(snapshot)["version"], vars(again)["snapshot"] = graph_version, snapshot
        return again

    @cached_property
    def by_popularity(self) -> "State":
        """The same catalogue ranked by popularity, of no version: what serves where no model can be asked."""
        scorer = PopularityScorer(self.snapshot.popularity.astype(np.float32))
        numbers, ids = np.arange(self.snapshot.movies, dtype=np.int32), self.snapshot.ids[: self.snapshot.movies]
        return State(self.snapshot, "", scorer, len(ids), scorer, ids, numbers, self.told, self.activity)

    @cached_property
    def index(self) -> dict[str, int]:
        """The model's number of each movie."""
        return {id_: i for i, id_ in enumerate(self.movie_ids)}

    @cached_property
    def seconds(self) -> float:
        """What one score takes, and what adds up to it, once all is warm: the best of three."""
        return min(self._score_one() for _ in range(3))

    def _score_one(self) -> float:
        """The seconds of a score, and of what adds up to it."""
        liking, began = History.from_ratings([0], [MAX_RATING]), perf_counter()
        if self.scorer and self.movie_ids:
            self.scorer.score(liking)
            self.scorer.contributions(liking, 0)
        return perf_counter() - began

    def warmed(self) -> "State":
        """The same, with all that the first request would wait for."""
        _ = self.slate, self.index, self.present, self.snapshot.bits, self.snapshot.orders, self.snapshot.codes
        _ = self.snapshot.joined_titles, self.snapshot.words, self.similarity, self.heat
        _ = self.seconds
        return self

    @cached_property
    def slate(self) -> SlateFacts:
        """What a slate needs to know of the model's movies."""
        return slate_facts(self.snapshot, self.told, self.columns)

    @cached_property
    def similarity(self) -> Similarity:
        """Which movies are like which."""
        return Similarity.of(self.snapshot, self.told, self.base, self.columns[: self.trained])

    @cached_property
    def present(self) -> Mask:
        """Which of the model's movies the catalogue still has."""
        return self.columns >= 0


@dataclass(frozen=True)
class Scored:
    """All scores for one history from one state: what the model says, and what stated preferences add."""

    state: State
    scorer: Scorer
    history: UserHistory
    known: History
    context: Context = ANYWHERE

    @cached_property
    def model_scores(self) -> Floats:
        """What the model says of each movie, or popularity as it is in the context; shape (M,)."""
        said = np.asarray(self.scorer.score(self.known), dtype=np.float64)
        if self.scorer.is_personal(self.known):
            return said
        state = self.state
        return in_context(said, state.snapshot, state.columns, state.heat, self.context)

    @cached_property
    def preferred(self) -> dict[NodeRef, Floats]:
        """What each stated preference adds to each movie; shape (M,)."""
        best = float(np.max(np.abs(self.model_scores), initial=0.0))
        liking = best * (PREFERENCE if self.scorer.is_personal(self.known) else STRANGER)
        return {
            one.node: np.asarray(self._near(one.node), np.float64) * (one.weight * (liking if one.weight > 0 else best))
            for one in self.history.preferences
        }

    @cached_property
    def scores(self) -> Floats:
        """The whole score of each movie; shape (M,)."""
        return self.model_scores + sum(self.preferred.values(), np.zeros(len(self.model_scores)))

    @cached_property
    def matches(self) -> Floats | None:
        """The chance that each movie would be liked by the user, if watched (M,); None where that was not learnt."""
        most = float(self.scorer.popularity.max(initial=0.0))
        return self.state.learnt.calibration.match(self.scores, self.scorer.is_personal(self.known), most)

    @cached_property
    def personal(self) -> bool:
        """Whether anything of the user is in the scores; popularity alone where not."""
        return self.scorer.is_personal(self.known) or any(values.any() for values in self.preferred.values())

    @cached_property
    def taste(self) -> Floats | None:
        """The user's own shares of genres (g,); None where no liked movie has one."""
        total = self.known.weights.astype(np.float64) @ self.state.slate.genres[self.known.items]
        return total / total.sum() if total.any() else None

    def _near(self, node: NodeRef) -> Mask:
        """Which movies are connected to a node; shape (M,)."""
        snapshot = self.state.snapshot
        near = np.zeros(snapshot.movies + 1, dtype=bool)  # the last place is for movies that are not there any more
        number = snapshot.find(node)
        if number >= 0:
            neighbours = snapshot.neighbour[snapshot.indptr[number] : snapshot.indptr[number + 1]]
            near[neighbours[neighbours < snapshot.movies]] = True
        found: Mask = near[self.state.columns]
        return found

    @cached_property
    def nodes(self) -> list[NodeRef]:
        """What scores are made of: the movies that the model knows of the user, then each preference (n,)."""
        movies = [NodeRef(Label.MOVIE, self.state.movie_ids[item]) for item in self.known.items.tolist()]
        return [*movies, *self.preferred]

    def parts(self, movie_id: str) -> Floats:
        """What each of `nodes` adds to a movie's score (n,): zeros of the movies where the model says nothing."""
        place = self.state.index.get(movie_id)
        if place is None:
            return np.zeros(len(self.nodes))
        stated = [added[place] for added in self.preferred.values()]
        return np.concatenate([self.scorer.contributions(self.known, place), stated]).astype(np.float64)

    def popularity(self, movie_id: str) -> float:
        """What popularity adds to a movie's score: all that the model says where it knows nothing of the user."""
        place = self.state.index.get(movie_id)
        return 0.0 if place is None or self.scorer.is_personal(self.known) else float(self.model_scores[place])

    def contributions(self, movie_id: str) -> list[Contribution]:
        """What adds up to a movie's score: each own movie of the model, or popularity, and each preference."""
        if movie_id not in self.state.index:
            return []
        movies, values = len(self.known), self.parts(movie_id).tolist()
        found = [Contribution(node, value) for node, value in zip(self.nodes, values, strict=True)]
        stated = [one for one in found[movies:] if one.value]
        if self.scorer.is_personal(self.known):
            return found[:movies] + stated
        return [Contribution(NodeRef(Label.MOVIE, movie_id), self.popularity(movie_id)), *stated]


def without_model(snapshot: Snapshot, activity: Activity = NO_ACTIVITY) -> State:
    """A catalogue without a model."""
    return State(snapshot, "", None, 0, None, (), np.zeros(0, np.int32), told_of(snapshot), activity)


def state_of(artifact: Artifact, snapshot: Snapshot, activity: Activity) -> State:
    """A catalogue with a published model, and what was learnt with it."""
    movie_ids = tuple(str(id_) for id_ in artifact.movie_ids)
    return state_over(snapshot, artifact.scorer, artifact.version, movie_ids, activity, learnt_with(artifact))


def state_over(
    snapshot: Snapshot,
    base: Scorer | None,
    version: str,
    movie_ids: tuple[str, ...],
    activity: Activity = NO_ACTIVITY,
    learnt: Learnt = NOTHING,
) -> State:
    """A catalogue with a model over these movies; all that the first request would wait for is made here."""
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in movie_ids], np.int32)
    newcomers = np.setdiff1d(np.arange(snapshot.movies, dtype=np.int32), columns)
    all_columns, told = np.append(columns, newcomers), told_of(snapshot)
    scorer = with_newcomers(base, content_rows(snapshot, told, all_columns)) if base else None
    ids = (*movie_ids, *(snapshot.ids[number] for number in newcomers.tolist()))
    return State(snapshot, version, base, len(movie_ids), scorer, ids, all_columns, told, activity, learnt).warmed()
