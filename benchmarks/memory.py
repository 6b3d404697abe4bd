"""What the catalogue and the histories of users take in memory: 10,000 and 100,000 movies, 20 million ratings.

    python -m benchmarks.memory [--movies 10000 100000] [--ratings 20000000]

Generated (`benchmarks/generated.py`), with texts of the length that TMDB's have. Each size in a process of its own: MB
that each part adds, one after the other, by `tracemalloc`.
"""

import argparse
import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import generated
from benchmarks.machine import machine
from benchmarks.tables.serving import memory
from graph.details import Details
from graph.snapshot import KEPT_WAYS, Snapshot
from recommenders.histories import Rated, UserHistory
from recommenders.interactions import Interactions

RESULT = Path(__file__).parent / "results" / "memory.json"
USERS = 140_000
HISTORIES = 5_000
WORDS, VOCABULARY = 52, 20_000
"""Words of an overview, and of all of them."""
MB = 1024 * 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--movies", type=int, nargs="+", default=[10_000, 100_000])
    arguments.add_argument("--ratings", type=int, default=20_000_000)
    arguments.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.one:
        print(json.dumps(measured(given.movies[0], given.ratings)))
        return
    found = [alone(movies, given.ratings) for movies in given.movies]
    RESULT.write_text(json.dumps({"machine": machine(), "rows": found}, indent=2) + "\n", encoding="utf-8")
    print(memory())


def alone(movies: int, ratings: int) -> dict[str, Any]:
    """One size, in a process that did nothing before."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", "--movies", str(movies), "--ratings", str(ratings)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measured(movies: int, ratings: int) -> dict[str, Any]:
    """MB of each part."""
    told = generated.interactions(USERS, movies, ratings)
    popularity = np.bincount(told.movie_index, minlength=movies).astype(np.float32)
    known = generated.knowledge(movies)
    tracemalloc.start()
    parts: dict[str, float] = {}
    kept: list[Any] = []

    def part(name: str, make: Callable[[], Any]) -> Any:
        before = allocated()
        made = make()
        kept.append(made)
        parts[name] = allocated() - before
        return made

    plain: Snapshot = part("names, filters, adjacency, MB", lambda: generated.snapshot(known, popularity))
    details = part("what movies show, compressed, MB", lambda: Details.of(texts(movies)))
    snapshot = replace(plain, details=details)
    part(
        "keys, words of names, titles without spaces, MB",
        lambda: (snapshot.index, snapshot.words, snapshot.joined_titles),
    )
    part("figures for reasons and paths, MB", lambda: (snapshot.bits, snapshot.orders, snapshot.codes))
    part(
        f"neighbours of {KEPT_WAYS:,} nodes, MB",
        lambda: [snapshot.ways(node) for node in range(min(KEPT_WAYS, movies))],
    )
    whole = sum(parts.values())
    part(f"histories of {HISTORIES:,} users, MB", lambda: histories(told))
    return {
        "movies": movies,
        "nodes": len(snapshot.ids),
        "relationships": len(snapshot.neighbour) // 2,
        "ratings": len(told.user_index),
        **parts,
        "catalogue in all, MB": whole,
        "bytes for a rating of a history": parts[f"histories of {HISTORIES:,} users, MB"] * MB / count(told),
    }


def allocated() -> float:
    """MB that are held, without garbage."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / MB


def texts(movies: int) -> list[list[Any]]:
    """Details of movies, of words drawn by rank."""
    rng = np.random.default_rng(1)
    words = np.array([f"{number:x}wrd"[: 3 + number % 8] for number in range(VOCABULARY)])
    drawn = words[np.minimum(rng.zipf(1.3, (movies, WORDS)), VOCABULARY) - 1]
    return [
        [f"Movie {n}", "1979-05-25", " ".join(drawn[n]), " ".join(drawn[n][:8]), f"/{n * 7919:032x}.jpg"[:33]]
        + [f"tt{n:07}", n, n % 9_000, 6.5, n % 3_000, 3.5]
        for n in range(movies)
    ]


def histories(told: Interactions) -> list[UserHistory]:
    """Of the first users, as they are kept."""
    found = []
    for user in range(HISTORIES):
        first, last = np.searchsorted(told.user_index, [user, user + 1])
        rated = tuple(
            Rated(f"{movie:07}", 4.5, 1_500_000_000_000 + movie, f"5:4f3e8b1c-0d5a-4b0e-9f6a-1c2d3e4f5a6b:{movie}")
            for movie in told.movie_index[first:last].tolist()
        )
        found.append(UserHistory(f"{user:07}", 1, rated))
    return found


def count(told: Interactions) -> int:
    """Ratings of these users."""
    return int(np.searchsorted(told.user_index, HISTORIES))


if __name__ == "__main__":
    main()
