"""Figures of several workers, shown as those of one server by whichever is asked.

Counters and histograms are sums, kept in files that a worker's end does not take back, as the client library for
Prometheus does it (its multiprocess mode). What is read of a worker's state is written there once a second.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.gauges import GAUGES, Now
from cinegraph import __version__

EVERY: Final = 1.0
"""Seconds between two notes of what is served."""


class StateOfWorker:
    """What this worker serves, as others show it, and how many workers serve a model."""

    def __init__(self, now: Now, registry: CollectorRegistry) -> None:
        self._now = now
        self._version: str | None = None
        self._model = Gauge(
            "cinegraph_model_info",
            "Workers that serve the model.",
            ("version",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._gauges = [
            (Gauge(one.name, one.about, registry=registry, multiprocess_mode=one.of_workers), one.read)
            for one in GAUGES
        ]

    def note(self) -> None:
        """Write it down."""
        version = self._now.services.serving.model_version
        if self._version is not None and self._version != version:
            self._model.labels(self._version).set(0)
        self._version = version
        self._model.labels(version).set(1)
        for gauge, read in self._gauges:
            gauge.set(read(self._now))

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
