"""What a piece of work costs: seconds by the clock, seconds of the CPU, and the most memory of the process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.05
"""Seconds between two looks at the memory."""


@dataclass(slots=True)
class Costs:
    """Seconds, seconds of all CPU cores together, and megabytes; of the whole process, whatever else it did."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0

    def as_metrics(self) -> dict[str, float]:
        """By the names that runs have them by."""
        names = ("wall_seconds", "cpu_seconds", "peak_memory_mb")
        return {f"cost/{name}": float(getattr(self, name)) for name in names}


@contextmanager
def costed() -> Iterator[Costs]:
    """The costs of what is done inside; they are known at its end."""
    costs, over = Costs(), threading.Event()
    wall, cpu = time.perf_counter(), time.process_time()
    watch = threading.Thread(target=_watch, args=(costs, over), daemon=True)
    watch.start()
    try:
        yield costs
    finally:
        costs.wall_seconds, costs.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        over.set()
        watch.join()


def _watch(costs: Costs, over: threading.Event) -> None:
    process = psutil.Process()
    while True:
        last = over.wait(EVERY)
        costs.peak_memory_mb = max(costs.peak_memory_mb, process.memory_info().rss / 1e6)
        if last:
            return
