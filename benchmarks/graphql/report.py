"""The result as it is kept, and as a table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.graphql.database import Work
from benchmarks.graphql.measure import Round, medians
from benchmarks.graphql.operations import Operation

RESULT = Path(__file__).parents[1] / "results" / "graphql.json"
TITLES = {"cinegraph": "Cinegraph", "apollo": "Apollo", "loaders": "DataLoaders"}
HEAD = (
    "operation",
    "server",
    "requests/s",
    "p50, ms",
    "p99, ms",
    "CPU, ms",
    "Neo4j's CPU, ms",
    "queries",
    "rows",
    "db hits",
)


def row(
    operation: Operation, rate: float, rounds: Mapping[str, Sequence[Round]], work: Mapping[str, Work]
) -> dict[str, Any]:
    """One operation as it is kept: for each server its medians, its rounds, and its work in Neo4j."""
    servers = {
        name: {
            "medians": medians(found),
            "rounds": [asdict(one) for one in found],
            "work": asdict(work[name]),
            "document": operation.texts[name],
        }
        for name, found in rounds.items()
    }
    return {"name": operation.name, "title": operation.title, "rate": rate, "servers": servers}


def save(result: Mapping[str, Any], path: Path = RESULT) -> None:
    """Write it."""
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def rows(result: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The rows under `HEAD`: each operation with its servers one below the other; a server that has no such field is
    there too, and says so."""
    for operation in result["operations"]:
        title = f"{operation['title']} (at {operation['rate']:,.0f}/s)"
        for name, words in TITLES.items():
            found = operation["servers"].get(name)
            yield (title, words, *(_figures(found) if found else ("has none", *[""] * (len(HEAD) - 3))))
            title = ""


SHORT = ("operation", "Cinegraph, requests/s", "Apollo", "ratio", "Cinegraph, CPU ms", "Apollo", "ratio")


def short(result: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The rows under `SHORT`: Cinegraph beside Apollo, where both have the operation."""
    for operation in result["operations"]:
        servers = operation["servers"]
        if "apollo" in servers:
            own, other = (servers[name]["medians"] for name in ("cinegraph", "apollo"))
            rates, costs = ((own[name], other[name]) for name in ("requests_per_second", "api_cpu"))
            yield (
                operation["title"],
                *(f"{one:,.0f}" for one in rates),
                f"{rates[0] / rates[1]:,.1f}",
                *(f"{one:.2f}" for one in costs),
                f"{costs[0] / costs[1]:.2f}",
            )


def setting(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What it was measured on, and with what; of a result that is not there yet that it is not."""
    if not result:
        yield ("not measured yet", "")
        return
    machine, data, effort = result["machine"], result["data"], result["effort"]
    yield ("machine", f"{machine['model']}, {machine['cores']} cores, {machine['memory_gb']} GB")
    yield (
        "Neo4j",
        ", ".join(f"{name.replace('_', ' ')} {size} MB" for name, size in result["neo4j_memory_mb"].items()),
    )
    counts = ", ".join(f"{data[name]:,} {name}" for name in ("movies", "people", "ratings", "relationships"))
    yield ("data", f"{data['source']}: {counts}; model `{data['model']}`")
    yield ("rounds", f"{effort['rounds']} of {effort['seconds']:g} s, {effort['connections']} connections")
    yield ("versions", ", ".join(f"{name} {version}" for name, version in result["versions"].items()))


def _figures(found: Mapping[str, Any]) -> tuple[str, ...]:
    figures, work = found["medians"], found["work"]
    times = (f"{figures[name]:,.1f}" for name in ("p50", "p99"))
    cpu = (f"{figures[name]:,.2f}" for name in ("api_cpu", "neo4j_cpu"))
    counts = (f"{work[name]:,}" for name in ("queries", "rows", "db_hits"))
    failed = f" ({figures['failed']:.0%} failed)" if figures["failed"] else ""
    return (f"{figures['requests_per_second']:,.0f}{failed}", *times, *cpu, *counts)
