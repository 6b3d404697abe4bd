"""Figures of several workers, shown as those of one server by whichever is asked.

Counters and histograms are sums, kept in files that a worker's end does not take back, as the client library for
Prometheus does it (its multiprocess mode). What is read of a worker's state is written there once a second.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.context import Services
from cinegraph import __version__

EVERY: Final = 1.0
"""Seconds between two notes of what is served."""


class StateOfWorker:
    """What this worker serves, as others show it: the oldest catalogue, the greatest age, all plans, and how many
    workers serve a model."""

    def __init__(self, services: Services, registry: CollectorRegistry, most: Callable[[], int]) -> None:
        self._services, self._most_now = services, most
        self._version: str | None = None

        def gauge(name: str, about: str, mode: Any, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"cinegraph_{name}", about, labels, registry=registry, multiprocess_mode=mode)

        self._model = gauge("model_info", "Workers that serve the model.", "livesum", ("version",))
        self._snapshot = gauge("snapshot_version", "The number of the oldest catalogue in memory.", "livemin")
        self._age = gauge("snapshot_age_seconds", "Since the oldest catalogue was read from the graph.", "livemax")
        self._unchecked = gauge(
            "snapshot_unchecked_seconds",
            "Since a worker last asked the graph whether it has a newer catalogue or model; the longest.",
            "livemax",
        )
        self._breaker = gauge(
            "graph_breaker",
            "Whether requests are sent to the graph (0), one tries (1), or are told that it is away (2): the worst of "
            "all workers.",
            "livemax",
        )
        self._most = gauge(
            "requests_most", "Requests at once beyond which operations are turned away, of all workers.", "livesum"
        )
        self._plans = gauge("plans_kept", "Compiled plans in memory.", "livesum")

    def note(self) -> None:
        """Write it down."""
        serving, ages = self._services.serving, self._services.serving.ages()
        if self._version is not None and self._version != serving.model_version:
            self._model.labels(self._version).set(0)
        self._version = serving.model_version
        self._model.labels(self._version).set(1)
        self._snapshot.set(serving.state.snapshot.version)
        self._age.set(ages.read)
        self._unchecked.set(ages.checked)
        self._breaker.set(self._services.graph.breaker.state.value)
        self._most.set(self._most_now())
        self._plans.set(len(self._services.planner.plans))

    async def watch(self) -> None:
        """Again and again, until it is cancelled."""
        while True:
            self.note()
            await asyncio.sleep(EVERY)


def registry_of_workers(folder: Path) -> CollectorRegistry:
    """All that the workers noted in a folder, and their processes."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    registry.register(_Processes(folder))
    return registry


class _Processes(Collector):
    """The build, which all have, and the figures of each worker's process by its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks for nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("cinegraph_build", "The version of Cinegraph.", {"version": __version__})
        families = dict[str, Metric]()
        for file in sorted(self._folder.glob("gauge_livesum_*.db")):
            pid = file.stem.rpartition("_")[2]
            for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                samples = [one._replace(labels={**one.labels, "pid": pid}) for one in family.samples]
                kept = families.setdefault(family.name, family)
                kept.samples = samples if kept is family else [*kept.samples, *samples]
        yield from families.values()
