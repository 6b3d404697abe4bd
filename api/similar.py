"""Movies like a movie, for all movies at one place of an answer at once.

They are compared in memory, and then read, verified and counted in a statement each, for one movie as for many.
"""

import asyncio
from asyncio import gather
from bisect import bisect_left
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry.dataloader import DataLoader

from api.arguments import asked_filter, why_of
from api.compiler.planner import place_of
from api.context import Context, Info
from api.explaining import SPARE, verify
from api.hydration import Hydrated, hydrated
from api.lacking import AWAY
from api.types.arguments import After, Filter, First
from api.types.build import PageInfo
from api.types.explanations import Path, Walked
from api.types.similarity import SimilarityConnection, SimilarityEdge, SimilarityReason
from cinegraph.types import EdgeRef, Label, NodeRef
from graph.likes import Likers, liked_both
from graph.snapshot import UNKNOWN, Mask, Snapshot
from graph.verify import Facts
from recommenders.reasons import over
from recommenders.similarity import Compared, Similar, SimilarityBasis, page_of
from recommenders.state import State
from recommenders.wording import liked_sentence, shared_sentence

DEFAULT_SIMILAR = 20
LEAST = 20
"""What a comparison costs at least of the budget of nodes: it looks at every movie, however few are shown."""
BY_MODEL = (SimilarityBasis.BEHAVIOUR, SimilarityBasis.BLEND)
"""What the served model has a say in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client asked for; the same for all movies of a place."""

    basis: SimilarityBasis
    first: int
    after: str | None
    why: int

    @property
    def cursor(self) -> str:
        """The kind of its cursors: those of another basis are refused."""
        return f"similar {self.basis}"


@dataclass(frozen=True, slots=True)
class Joint:
    """What two movies share: the entity, its part of the score, the relationships that lead over it."""

    nodes: tuple[NodeRef, NodeRef, NodeRef]
    edges: tuple[EdgeRef, EdgeRef]
    share: float


@dataclass(frozen=True, slots=True)
class Unread:
    """The page of one movie before anything is read; `joints` for each movie of the page."""

    movie_id: str
    bases: tuple[SimilarityBasis, ...]
    page: Sequence[Similar]
    more: bool
    joints: Sequence[Sequence[Joint]]


@dataclass(frozen=True, slots=True)
class Read:
    """What the graph says for all pages together."""

    facts: Facts
    likes: Mapping[tuple[str, str], Likers]
    hydrated: Hydrated


def similar_movies(
    root: Any,
    info: Info,
    by: Annotated[
        SimilarityBasis, strawberry.argument(description="What the likeness is to stand on.")
    ] = SimilarityBasis.BLEND,
    first: First = DEFAULT_SIMILAR,
    after: After = None,
    filter: Filter = None,
) -> Any:
    """The movies like the one whose key is `root`; those asked for at the same place are made together."""
    loaders, place = info.context.loaders, place_of(info._raw_info)
    if place not in loaders:
        asked = Asked(by, first, after, why_of(info._raw_info))
        loaders[place] = DataLoader(partial(_connections, info, asked))
    return loaders[place].load(root)


async def _connections(info: Info, asked: Asked, movie_ids: list[str]) -> list[SimilarityConnection]:
    """The page of each movie, in their order."""
    state = info.context.served.state
    wanted = await asked_filter(info)
    marks = _mark(info, asked, state.snapshot)
    search = partial(_found, state, asked, state.snapshot.mask(wanted), marks)
    found = await asyncio.to_thread(
        lambda: [search(movie_id) for movie_id in movie_ids]
    )  # others are answered meanwhile
    read = await _read(info, state, asked, found)
    if asked.basis in BY_MODEL and info.context.served.differs():
        info.context.services.serving.arms.expose(info.context.user_id, info.context.served)
    return [_connection(info, state, asked, one, read) for one in found]


def _mark(info: Info, asked: Asked, snapshot: Snapshot) -> tuple[float, int] | None:
    """The score and the number after which a page begins; of a movie that is gone the number it would have."""
    if asked.after is None:
        return None
    score, movie_id = info.context.services.cursors.open(asked.cursor, asked.after)
    place = bisect_left(snapshot.ids, movie_id, 0, snapshot.movies)
    there = place < snapshot.movies and snapshot.ids[place] == movie_id
    return score, place if there else place - 1


def _found(state: State, asked: Asked, allowed: Mask, mark: tuple[float, int] | None, movie_id: str) -> Unread:
    number = state.snapshot.find(NodeRef(Label.MOVIE, movie_id))
    if number == UNKNOWN:
        return Unread(movie_id, (), (), False, ())
    compared = state.similarity.compare(number, asked.basis)
    page, more = page_of(compared, allowed, asked.first, mark)
    joints = [_joints(state, compared, one, asked.why + SPARE) if asked.why else [] for one in page]
    return Unread(movie_id, tuple(compared.parts), page, more, joints)


def _joints(state: State, compared: Compared, similar: Similar, count: int) -> list[Joint]:
    """What tells most of the likeness of two movies, some to spare."""
    snapshot = state.snapshot
    one, other = compared.movie, similar.movie
    shares = list(state.similarity.shares(compared, similar).items())[:count]
    return [
        Joint((snapshot.ref(one), snapshot.ref(entity), snapshot.ref(other)), over(snapshot, entity, one, other), share)
        for entity, share in shares
    ]


# -- what the graph says ---------------------------------------------------------------------------------------------


async def _read(info: Info, state: State, asked: Asked, found: Sequence[Unread]) -> Read:
    """The movies, the relationships and the likes of all pages: at most one statement each."""
    ids = state.snapshot.ids
    joints = [joint for one in found for joints in one.joints for joint in joints]
    movies = {NodeRef(Label.MOVIE, ids[similar.movie]) for one in found for similar in one.page}
    on_paths = movies.union(*(joint.nodes for joint in joints))
    others = {one.movie_id: _by_likes(ids, one, asked) for one in found}
    reading: Awaitable[Hydrated] = hydrated(
        info._raw_info, lambda names: on_paths if "why" in names else movies, counted=True
    )
    edges = (edge for joint in joints for edge in joint.edges)
    facts, likes, read = await gather(verify(info.context, edges), _liked_both(info.context, others), reading)
    return Read(facts, likes, read)


async def _liked_both(context: Context, others: Mapping[str, Sequence[str]]) -> Mapping[tuple[str, str], Likers]:
    """How many like both movies of each pair; nothing where only the graph knows."""
    try:
        with context.memory():
            return await liked_both(context.services.graph, others)
    except AWAY as error:
        context.remembered(error)
        context.lack.absent.add("SimilarityReason.likedBoth")
        return {}


def _by_likes(ids: Sequence[str], found: Unread, asked: Asked) -> list[str]:
    """The movies of a page whose likes are counted, since behaviour adds to their score."""
    if not asked.why:
        return []
    return [ids[one.movie] for one in found.page if one.parts.get(SimilarityBasis.BEHAVIOUR)]


# -- the answer ------------------------------------------------------------------------------------------------------


def _connection(info: Info, state: State, asked: Asked, found: Unread, read: Read) -> SimilarityConnection:
    ids, cursors = state.snapshot.ids, info.context.services.cursors
    marks = [cursors.seal(asked.cursor, [one.score, ids[one.movie]]) for one in found.page]
    edges = [
        SimilarityEdge(
            movie_id=ids[one.movie],
            hydrated=read.hydrated,
            reasons=_reasons(state.snapshot, found, one, joints, read)[: asked.why],
            cursor=mark,
            score=one.score,
            rank=one.rank,
        )
        for one, joints, mark in zip(found.page, found.joints, marks, strict=True)
        if read.hydrated.has(NodeRef(Label.MOVIE, ids[one.movie]))
    ]
    modelled = SimilarityBasis.BEHAVIOUR in found.bases
    return SimilarityConnection(
        hydrated=read.hydrated,
        edges=edges,
        page_info=PageInfo.of(marks, continued=asked.after is not None, more=found.more),
        bases=list(found.bases),
        model_version=state.version if modelled else None,
        graph_version=state.snapshot.version,
    )


def _reasons(
    snapshot: Snapshot, found: Unread, similar: Similar, joints: Iterable[Joint], read: Read
) -> list[SimilarityReason]:
    """What stands in the graph, the largest share first."""
    shown = [_shared(snapshot, joint, read) for joint in joints if all(edge in read.facts for edge in joint.edges)]
    likers = read.likes.get((found.movie_id, snapshot.ids[similar.movie]))
    if likers is not None:
        share = similar.parts[SimilarityBasis.BEHAVIOUR] / similar.score
        words = liked_sentence(likers.users, at_least=likers.at_least)
        shown.append(SimilarityReason(sentence=words, share=share, liked_both=likers.users))
    return sorted(shown, key=lambda one: -one.share)


def _shared(snapshot: Snapshot, joint: Joint, read: Read) -> SimilarityReason:
    def name(node: NodeRef) -> str:
        return snapshot.names[snapshot.find(node)]

    return SimilarityReason(
        sentence=shared_sentence(joint.nodes, joint.edges, name),
        share=joint.share,
        path=Path(walked=Walked(joint.nodes, joint.edges, read.facts, read.hydrated)),
    )
