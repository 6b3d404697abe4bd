"""Rounds of all servers in turn: as fast as they answer, and at one constant rate."""

import asyncio
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

from benchmarks.graphql.load import Outcome, Specification
from benchmarks.graphql.operations import Operation, Subjects
from benchmarks.graphql.peers import ROOT, PeerFailed, Server

SHARE: Final = 0.5
"""The constant rate, as part of what the slowest server reaches: the same for all of them."""
LEAST_RATE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 5.0
    """Of each run as fast as the server answers, and of each at the constant rate."""
    warm_up: float = 3.0
    """Seconds of each server before the first round of an operation."""
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Round:
    """One server, one operation; milliseconds."""

    requests_per_second: float
    closed_p50: float
    closed_p99: float
    api_cpu: float
    """Of the server's process for each request."""
    neo4j_cpu: float
    p50: float
    """From when a request was due, at the constant rate."""
    p99: float
    requests: int
    """At the constant rate: what the percentiles are of."""
    late_p99: float
    """How late the generator itself was."""
    generator_cpu: float
    """Of the generator for each request, on the same cores."""
    failed: float
    """Part of all requests of both runs that failed, or were not answered."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def medians(rounds: Sequence[Round]) -> dict[str, float]:
    """The median over rounds of each figure."""
    rows = [asdict(one) for one in rounds]
    return {name: float(statistics.median(row[name] for row in rows)) for name in rows[0]}


async def measure(
    operation: Operation, servers: Sequence[Server], subjects: Subjects, neo4j: psutil.Process, effort: Effort
) -> tuple[float, Mapping[str, list[Round]]]:
    """The constant rate, and the rounds of each server that knows the operation."""
    knowing = [server for server in servers if server.peer.name in operation.texts]
    reached = []
    for server in knowing:
        outcome = await _load(operation, server, subjects, effort.warm_up, None, effort.connections)
        reached.append(len(outcome.latencies) / outcome.seconds)
    rate = max(LEAST_RATE, round(SHARE * min(reached), 1))
    rounds: dict[str, list[Round]] = {server.peer.name: [] for server in knowing}
    for _ in range(effort.rounds):
        for server in knowing:
            rounds[server.peer.name].append(await _round(operation, server, subjects, neo4j, effort, rate))
    return rate, rounds


async def _round(
    operation: Operation, server: Server, subjects: Subjects, neo4j: psutil.Process, effort: Effort, rate: float
) -> Round:
    api = psutil.Process(server.pid)
    before = _used(api), _used(neo4j)
    closed = await _load(operation, server, subjects, effort.seconds, None, effort.connections)
    after = _used(api), _used(neo4j)
    open_ = await _load(operation, server, subjects, effort.seconds, rate, effort.connections)
    answered = len(closed.latencies)
    api_cpu, neo4j_cpu = (1000 * (after[at] - before[at]) / answered for at in (0, 1))
    return Round(
        requests_per_second=answered / closed.seconds,
        closed_p50=percentile(closed.latencies, 0.5),
        closed_p99=percentile(closed.latencies, 0.99),
        api_cpu=api_cpu,
        neo4j_cpu=neo4j_cpu,
        p50=percentile(open_.latencies, 0.5),
        p99=percentile(open_.latencies, 0.99),
        requests=len(open_.latencies),
        late_p99=percentile(open_.late, 0.99),
        generator_cpu=1000 * closed.cpu_seconds / answered,
        failed=_failed(closed, open_),
    )


def _failed(*outcomes: Outcome) -> float:
    failed = sum(one.failed + one.unanswered for one in outcomes)
    return failed / (failed + sum(len(one.latencies) for one in outcomes))


def _used(process: psutil.Process) -> float:
    """Seconds of CPU time of a process, with all its threads."""
    times = process.cpu_times()
    return times.user + times.system


async def _load(
    operation: Operation, server: Server, subjects: Subjects, seconds: float, rate: float | None, connections: int
) -> Outcome:
    """One run of the generator in its process; `PeerFailed` where no request was answered."""
    bodies = operation.requests(server.peer.name, subjects)
    given: dict[str, Any] = asdict(Specification(server.url, bodies, seconds, rate, connections))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.graphql.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    printed, _ = await process.communicate(json.dumps(given).encode())
    if process.returncode:
        raise PeerFailed(f"the generator of requests ended with {process.returncode}")
    outcome = Outcome(**json.loads(printed))
    if not outcome.latencies:
        raise PeerFailed(
            f"{server.peer.title}, {operation.name}: {outcome.failed} requests failed ({outcome.failure}), "
            f"{outcome.unanswered} were not answered"
        )
    return outcome
