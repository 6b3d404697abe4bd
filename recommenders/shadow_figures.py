"""What is counted of a model in the shadow: sums and histograms, so that those of several servers add up."""

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DEPTH: Final = 10
"""Places that are compared."""
PERSISTENCE: Final = 0.9
"""How likely a reader goes on from one place to the next, for the rank-biased overlap."""
STEPS: Final = 8
"""Buckets of a histogram in which a value doubles: a quantile is at most 9 % too high."""


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """The part of the movies of both lists that is in each; 1 for two empty ones."""
    union = {*one, *other}
    return len({*one} & {*other}) / len(union) if union else 1.0


def rank_biased_overlap(one: Sequence[str], other: Sequence[str], p: float = PERSISTENCE) -> float:
    """How alike two lists are, the first places counting most, extrapolated from their common depth (Webber et al.
    2010, equation 30): 0 for nothing in common, 1 for equal lists."""
    depth = min(len(one), len(other))
    if not depth:
        return float(len(one) == len(other))
    agreement = [len({*one[:place]} & {*other[:place]}) / place for place in range(1, depth + 1)]
    weighted = sum(value * p**place for place, value in enumerate(agreement, 1))
    return agreement[-1] * p**depth + (1 - p) / p * weighted


@dataclass
class Histogram:
    """Times in seconds by bucket, each 2^(1/8) times as wide as the one before it."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Count a time."""
        self.counts[math.ceil(math.log2(max(seconds, 1e-6)) * STEPS)] += 1

    def quantile_ms(self, share: float) -> float | None:
        """The upper end, in milliseconds, of the bucket in which the quantile lies; None without a value."""
        total, seen = sum(self.counts.values()), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= share * total:
                return float(2 ** (bucket / STEPS) * 1000)
        return None

    def as_json(self) -> dict[str, int]:
        """Counts by bucket."""
        return {str(bucket): count for bucket, count in sorted(self.counts.items())}


class Figures:
    """What one server has counted of a candidate; every method may be called from any thread."""

    def __init__(self) -> None:
        self.requests = self.dropped = self.failed = self.same_first = self.counted = 0
        self.jaccard = self.overlap = 0.0
        self.candidate, self.live = Histogram(), Histogram()
        self.error = ""
        self._lock = threading.Lock()

    def add(self, live: Sequence[str], candidate: Sequence[str], live_seconds: float, seconds: float) -> None:
        """A request that both ranked."""
        with self._lock:
            self.counted += 1
            self.requests += 1
            self.same_first += live[:1] == candidate[:1]
            self.jaccard += jaccard(live, candidate)
            self.overlap += rank_biased_overlap(live, candidate)
            self.live.add(live_seconds)
            self.candidate.add(seconds)

    def drop(self) -> None:
        """A request that found the queue full."""
        with self._lock:
            self.counted += 1
            self.dropped += 1

    def fail(self, error: str) -> bool:
        """A request that the candidate could not rank; whether it is the first one."""
        with self._lock:
            self.counted += 1
            self.failed += 1
            self.error = error
            return self.failed == 1

    def as_json(self) -> dict[str, Any]:
        """Sums and counts."""
        with self._lock:
            return {
                "requests": self.requests,
                "dropped": self.dropped,
                "failed": self.failed,
                "sameFirst": self.same_first,
                "jaccard": self.jaccard,
                "overlap": self.overlap,
                "candidate": self.candidate.as_json(),
                "live": self.live.as_json(),
                "error": self.error,
            }


@dataclass(frozen=True, slots=True)
class Summary:
    """A candidate over all servers: counts, means over the requests that both ranked, and CPU milliseconds of a
    ranking; None where there was no request."""

    servers: int
    requests: int
    dropped: int
    failed: int
    same_first: float | None
    jaccard: float | None
    overlap: float | None
    candidate_p50_ms: float | None
    candidate_p99_ms: float | None
    live_p50_ms: float | None
    live_p99_ms: float | None
    error: str


def summed(all_servers: Iterable[Mapping[str, Any]]) -> Summary:
    """The figures of several servers as one."""
    parts = list(all_servers)
    sums = {name: sum(part[name] for part in parts) for name in ("requests", "dropped", "failed")}
    times = {name: _together([part[name] for part in parts]) for name in ("candidate", "live")}

    def mean(name: str) -> float | None:
        return sum(part[name] for part in parts) / sums["requests"] if sums["requests"] else None

    return Summary(
        servers=len(parts),
        **sums,
        same_first=mean("sameFirst"),
        jaccard=mean("jaccard"),
        overlap=mean("overlap"),
        candidate_p50_ms=times["candidate"].quantile_ms(0.5),
        candidate_p99_ms=times["candidate"].quantile_ms(0.99),
        live_p50_ms=times["live"].quantile_ms(0.5),
        live_p99_ms=times["live"].quantile_ms(0.99),
        error=next((part["error"] for part in parts if part["error"]), ""),
    )


def _together(histograms: Iterable[Mapping[str, int]]) -> Histogram:
    counts: Counter[int] = Counter()
    for one in histograms:
        counts.update({int(bucket): count for bucket, count in one.items()})
    return Histogram(counts)
