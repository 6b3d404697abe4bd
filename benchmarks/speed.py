"""How long it takes from a request to a slate of 20, ranked, filtered, and diversified, in memory, on one core.

    python -m benchmarks.speed

Generated data at 10,000 and at 80,000 movies (`benchmarks/generated.py`), a process of its own for each model and size.
For each of 500 users one request: 20 movies, with a filter on runtime and genres, all that the user rated left out,
diversity, novelty and calibration on, no more than two by one director. Each is made five times, and its median taken:
the median and the 99th percentile of those over the users, and the 99th percentile of all times, in milliseconds of
wall time; what folding the user's ratings in takes alone; the memory of the process. As in a server, what was loaded
is kept from the garbage collector.
"""

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import generated
from benchmarks.machine import machine
from cinegraph.types import IntRange, Millis, MovieFilter
from recommenders import registry
from recommenders.histories import Rated, UserHistory
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.serving import Serving
from recommenders.slate import Tuning
from recommenders.state import state_over

RESULT = Path(__file__).parent / "results" / "speed.json"
SIZES = {10_000: (8_000, 800_000), 80_000: (20_000, 3_000_000)}
"""Movies; users and ratings."""
FEW_FACTORS = {"factors": 128, "sharpen_factors": 128}
MODELS: dict[int, dict[str, tuple[str, dict[str, Any]]]] = {
    10_000: {
        "itemknn": ("itemknn", {}),
        "ease": ("ease", {}),
        "graphfilter": ("graphfilter", {}),
        "graphfilter, 128 factors": ("graphfilter", FEW_FACTORS),
        "ensemble": ("ensemble", {}),
    },
    80_000: {
        "itemknn": ("itemknn", {}),
        "graphfilter": ("graphfilter", {}),
        "graphfilter, 128 factors": ("graphfilter", FEW_FACTORS),
        "ensemble without ease": ("ensemble", {"members": ("itemknn", "graphfilter", "content")}),
    },
}
"""Models with their hyper-parameters, by the name of the row; EASE is not for 80,000 movies."""
USERS, ROUNDS = 500, 5
WANTED = MovieFilter(runtime=IntRange(80, 150), none_=(MovieFilter(genres=("genre-3",)),))
TUNING = Tuning(diversity=0.3, novelty=0.1, calibration=0.2, per_director=2)
ONE_CORE = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
        return
    rows = []
    for movies, name in ((movies, name) for movies, models in MODELS.items() for name in models):
        rows.append(json.loads(apart(str(movies), name)))
        RESULT.write_text(json.dumps({"machine": machine(), "users": USERS, "rows": rows}, indent=2) + "\n")
    show(rows)


def apart(*arguments: str) -> str:
    """What the measurement says in a process of its own, on one core."""
    command = [sys.executable, "-m", "benchmarks.speed", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, **ONE_CORE}).stdout


def measure(movies: int, name: str) -> dict[str, Any]:
    (users, ratings), (model, config) = SIZES[movies], MODELS[movies][name]
    interactions, knowledge = generated.interactions(users, movies, ratings), generated.knowledge(movies)
    started = time.perf_counter()
    options = FitOptions(device="cpu", knowledge=knowledge)
    scorer = registry.create(model, config).fit(interactions, options).scorer()
    fitted = time.perf_counter() - started
    snapshot = generated.snapshot(knowledge, interactions.likes())
    state = state_over(snapshot, scorer, model, tuple(interactions.movies.tolist()))
    serving = Serving(None, Path(), state=state)  # type: ignore[arg-type]  # the graph is never asked
    chosen = np.random.default_rng(0).choice(users, USERS, replace=False)
    histories = [history(interactions, int(user)) for user in chosen]
    scored = [serving.score(one) for one in histories]
    assert state.scorer is not None
    served = state.scorer
    gc.collect()
    gc.freeze()
    return {
        "movies": movies,
        "users": users,
        "ratings": len(interactions),
        "model": name,
        "fit_s": fitted,
        "memory_mb": psutil.Process().memory_info().rss / 2**20,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
        "ratings_of_a_user": float(np.median([len(one.ratings) for one in histories])),
        "slate": timed([lambda one=one: serving.rank(one, WANTED, tuning=TUNING, places=20) for one in histories]),
        "plain": timed([lambda one=one: serving.rank(one, MovieFilter()) for one in histories]),
        "fold_in": timed([lambda one=one: served.score(one.known) for one in scored]),
    }


def history(interactions: Interactions, user: int) -> UserHistory:
    """What the user rated, as the server holds it."""
    rated = np.flatnonzero(interactions.user_index == user)
    at = Millis(0)
    movies, ratings = interactions.movies[interactions.movie_index[rated]].tolist(), interactions.rating[rated].tolist()
    return UserHistory(str(user), 1, tuple(Rated(*pair, at, "") for pair in zip(movies, ratings, strict=True)))


def timed(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    """Milliseconds a call: over all of them the median and the 99th percentile of each one's median of `ROUNDS` times,
    which leaves out what else the machine did, and the 99th percentile of all times."""
    wall, cpu = np.zeros((ROUNDS, len(calls))), np.zeros((ROUNDS, len(calls)))
    calls[0]()
    for turn in range(ROUNDS):
        for place, call in enumerate(calls):
            started, used = time.perf_counter(), time.process_time()
            call()
            wall[turn, place] = (time.perf_counter() - started) * 1e3
            cpu[turn, place] = (time.process_time() - used) * 1e3
    found = {}
    for name, times in (("wall", np.median(wall, axis=0)), ("cpu", np.median(cpu, axis=0))):
        found |= {f"{name}_p{p}_ms": float(np.percentile(times, p)) for p in (50, 99)}
    return {**found, "wall_p99_of_all_ms": float(np.percentile(wall, 99))}


def show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table("movies", "model", "slate p50", "p99", "p99 of all", "fold-in p50", "p99", "memory MB", "fit s")
    for row in rows:
        slate, fold_in = row["slate"], row["fold_in"]
        figures = (slate["wall_p50_ms"], slate["wall_p99_ms"], slate["wall_p99_of_all_ms"])
        folded = (fold_in["wall_p50_ms"], fold_in["wall_p99_ms"])
        table.add_row(
            f"{row['movies']:,}",
            row["model"],
            *(f"{one:.2f}" for one in (*figures, *folded)),
            f"{row['memory_mb']:.0f}",
            f"{row['fit_s']:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
