"""What is read of a server's state when its figures are asked for, and how that of several workers becomes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from api.context import Services


@dataclass(slots=True)
class Now:
    """The state of this process: its services, how many requests it lets in at once, and how many streams are open."""

    services: Services
    most: Callable[[], int] = lambda: 0
    streams: Callable[[], int] = lambda: 0


class Gauged(NamedTuple):
    """A figure: its name, what it says, what is shown of several workers' figures, and where it is read."""

    name: str
    about: str
    of_workers: Literal["livesum", "livemin", "livemax"]
    read: Callable[[Now], float]


GAUGES: Final = (
    Gauged(
        "cinegraph_snapshot_version",
        "The number of the catalogue in memory; of several workers, the oldest.",
        "livemin",
        lambda now: now.services.serving.state.snapshot.version,
    ),
    Gauged(
        "cinegraph_snapshot_age_seconds",
        "Since the catalogue in memory was read from the graph; of several workers, the longest.",
        "livemax",
        lambda now: now.services.serving.ages().read,
    ),
    Gauged(
        "cinegraph_snapshot_unchecked_seconds",
        "Since the graph was last asked whether it has a newer catalogue or model; of several workers, the longest.",
        "livemax",
        lambda now: now.services.serving.ages().checked,
    ),
    Gauged(
        "cinegraph_graph_breaker",
        "Whether requests are sent to the graph (0), one tries (1), or they are told that it is away (2); of several "
        "workers, the worst.",
        "livemax",
        lambda now: now.services.graph.breaker.state.value,
    ),
    Gauged(
        "cinegraph_requests_most",
        "Requests at once beyond which operations are turned away, of all workers; moves with how long answers take.",
        "livesum",
        lambda now: now.most(),
    ),
    Gauged(
        "cinegraph_streams_open", "Event streams and WebSockets, of all workers.", "livesum", lambda now: now.streams()
    ),
    Gauged(
        "cinegraph_plans_kept",
        "Compiled plans in memory, of all workers.",
        "livesum",
        lambda now: len(now.services.planner.plans),
    ),
)
