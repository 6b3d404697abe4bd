"""What every resolver has at hand."""

from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from api.compiler.planner import Place, Planner
from api.compiler.roots import Build
from api.ids import Cursors
from api.lacking import Lack, Part
from cinegraph.deadlines import Deadline
from cinegraph.errors import Forbidden, GraphError, NotSignedIn
from events.bus import Bus, Change, Kind, LocalBus
from events.points import SharedPoints
from graph.client import Writer
from graph.guard import remembered
from graph.snapshot import Snapshot
from recommenders.arms import Served
from recommenders.restoring import Restored
from recommenders.serving import RELEVANCE, Serving
from recommenders.slate import Tuning

PUSHED_AT_ONCE: Final = 4
"""Events of subscriptions that are made at once, so that a new model does not keep queries waiting."""
NOT_ADMIN: Final = "experiments are for administrators: send a token that cinegraph token USER --admin made"


@dataclass(frozen=True, slots=True)
class Services:
    """What the server is made of; the same for every request."""

    graph: Writer
    serving: Serving
    planner: Planner
    cursors: Cursors
    why: int = 3
    """Reasons for each recommendation, unless the query says otherwise."""
    tuning: Tuning = RELEVANCE
    """What a list should be beside relevant, unless the query says otherwise."""
    bus: Bus = field(default_factory=LocalBus)
    """Tells subscriptions of what changed."""
    points: SharedPoints | None = None
    """What callers may spend at all workers together; None: each counts alone."""
    turns: Semaphore = field(default_factory=lambda: Semaphore(PUSHED_AT_ONCE))
    restored: Restored = field(init=False)
    """Gives what answers of then were made from."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "restored", Restored(self.serving))


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    services: Services
    user_id: str | None
    request_id: str
    reached: dict[str, int] = field(default_factory=dict)
    """Nodes that each root field may reach by its page sizes; kept by the planner, which limits their sum."""
    structures: list[Any] = field(default_factory=list)
    """The variables whose structure was worked out last, and that structure; kept by the planner."""
    loaders: dict[Place, DataLoader[str, Any]] = field(default_factory=dict)
    """What is made of many nodes at once for a field below them, by the field's place; see `api/similar.py`."""
    warming: bool = False
    """Whether nobody asked: what one document may come to, by what is in its variables, is planned for all of it."""
    admin: bool = False
    """Whether the caller may run experiments."""
    lack: Lack = field(default_factory=Lack)
    """What the answer is given without."""
    time: Callable[[], Deadline] | None = None
    """The time that each answer of a subscription has from its beginning; None: no limit, or that of the request."""
    pay: Callable[[], Awaitable[None]] | None = None
    """Takes the points of a later answer of a subscription, once its caller has them; None: it costs none."""
    written: set[str] = field(default_factory=set)
    """Movies that the request has set out to write about."""
    chosen: list[Served] = field(default_factory=list)
    """What the caller is served by, once it was asked."""

    @property
    def served(self) -> Served:
        """What the caller is served by: the same for the whole request, whatever comes meanwhile."""
        if not self.chosen:
            self.chosen.append(self.services.serving.served(self.user_id))
        return self.chosen[0]

    def begin_anew(self) -> None:
        """Forget what was made for the answer before: an event of a subscription is an answer of its own."""
        self.reached.clear()
        self.loaders.clear()
        self.chosen.clear()
        self.lack.clear()

    def memory(self) -> AbstractContextManager[None]:
        """Around a read in whose place the catalogue in memory can answer."""
        return remembered(self.services.serving.state.snapshot.movies > 0)

    def remembered(self, error: GraphError) -> Snapshot:
        """The catalogue in memory, in place of the graph that did not answer; the answer is marked. Raises the error
        where nothing is in memory."""
        snapshot = self.services.serving.state.snapshot
        if not snapshot.movies:
            raise error
        self.lack.note(Part.GRAPH, self.services.graph.breaker.since)
        return snapshot

    def served_anyway(self) -> Served:
        """What the caller is served by; where there is no model, popularity, and the answer says so."""
        served = self.served
        return served if served.state.scorer or not served.state.snapshot.movies else self.by_popularity(served)

    def by_popularity(self, served: Served) -> Served:
        """The same catalogue without a model, of no experiment; the answer says so."""
        self.lack.note(Part.MODEL)
        return Served(served.state.by_popularity)

    @property
    def degraded(self) -> dict[str, Any] | None:
        """What the answer says of what it is given without; None where it lacks nothing."""
        return self.lack.shown(self.services.serving.as_of) if self.lack.parts else None

    def wrote(self, movie_id: str | None = None) -> None:
        """The caller's history is another now, and with it what is shown of a movie; who waits for that is told."""
        user_id = self.signed_in()
        self.services.serving.histories.outdate(user_id, self.written)
        self.services.bus.tell(Change(Kind.USER, user_id))
        if movie_id is not None:
            self.services.bus.tell(Change(Kind.MOVIE, movie_id))

    def signed_in(self) -> str:
        """The caller's id; `NotSignedIn` for an anonymous one."""
        if self.user_id is None:
            raise NotSignedIn("this needs a user: send the header 'Authorization: Bearer TOKEN' (cinegraph token USER)")
        return self.user_id

    def administering(self) -> None:
        """Raise `NotSignedIn` for an anonymous caller, `Forbidden` for one who is no administrator."""
        self.signed_in()
        if not self.admin:
            raise Forbidden(NOT_ADMIN)


Info: TypeAlias = strawberry.Info[Context, None]


async def run(info: Info, build: Build, *, name: str = "", **given: Any) -> Any:
    """The value of the field that a resolver stands at, by one compiled statement.

    `name` tells apart what one field may compile to (`node` by label); `given` are the parameters that the server
    itself knows, of which the statement takes those it names.
    """
    services = info.context.services
    given.setdefault("model", services.serving.model_version)
    return await services.planner.run(services.graph, info._raw_info, build, name, **given)
