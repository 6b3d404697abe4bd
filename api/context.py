"""What every resolver has at hand."""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from api.compiler.planner import Place, Planner
from api.compiler.roots import Build
from api.ids import Cursors
from cinegraph.errors import Forbidden, NotSignedIn
from graph.client import Writer
from recommenders.arms import Served
from recommenders.serving import RELEVANCE, Serving
from recommenders.slate import Tuning

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


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    services: Services
    user_id: str | None
    request_id: str
    reached: dict[str, int] = field(default_factory=dict)
    """Nodes that each root field may reach by its page sizes; kept by the planner, which limits their sum."""
    loaders: dict[Place, DataLoader[str, Any]] = field(default_factory=dict)
    """What is made of many nodes at once for a field below them, by the field's place; see `api/similar.py`."""
    admin: bool = False
    """Whether the caller may run experiments."""
    chosen: list[Served] = field(default_factory=list)
    """What the caller is served by, once it was asked."""

    @property
    def served(self) -> Served:
        """What the caller is served by: the same for the whole request, whatever comes meanwhile."""
        if not self.chosen:
            self.chosen.append(self.services.serving.served(self.user_id))
        return self.chosen[0]

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
