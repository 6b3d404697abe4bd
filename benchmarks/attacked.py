"""What others notice while a server is attacked: T22, T27.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.attacked [--rate 40] [--seconds 4.5] [--rounds 3]

A mix of requests comes at a constant rate, for some seconds as usual, then for as long beside an attack, and so on with
each attack of `benchmarks/attacks.py`; all of it once in each round. Latencies count from when a request was due, and
stand beside those of all that came as usual. Whoever attacks, the generator of requests, the server and Neo4j share the
machine's cores: what an attack costs the attacker is taken from the others as well.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.attacks import ATTACKS, RATE
from benchmarks.pressing import Run, keep, press, served
from benchmarks.tables.serving import attacked as table

CONNECTIONS = 64
PAUSE = 0.5
"""Seconds after an attack in which nothing is measured."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rate", type=float, default=40.0)
    arguments.add_argument("--seconds", type=float, default=4.5)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    keep("attacked", asyncio.run(measured(given.rate, given.seconds, given.rounds)), table)


async def measured(rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """All rounds."""
    usual, beside = Run(0.0), {name: Run(0.0) for name in ATTACKS}
    came = {name: Counter[str]() for name in ATTACKS}
    async with served() as (url, bodies):
        for name in list(ATTACKS) * rounds:
            add(usual, await press(url, bodies, seconds, rate, CONNECTIONS))
            async with attacking(name, url, came[name]):
                add(beside[name], await press(url, bodies, seconds, rate, CONNECTIONS))
            await asyncio.sleep(PAUSE)
    return {
        "requests/s": rate,
        "requests/s of an attack": RATE,
        "as usual": timed(usual),
        "attacks": [
            {
                "attack": name,
                **timed(run),
                "ratio": run.took(0.99) / usual.took(0.99),
                "answered": dict(sorted(came[name].items())),
            }
            for name, run in beside.items()
        ],
    }


def add(whole: Run, part: Run) -> None:
    """Put what came in another run to a run."""
    whole.seconds += part.seconds
    whole.came += part.came


def timed(run: Run) -> dict[str, Any]:
    """How long answers took, and how many requests had none."""
    failed = sum(not one.good for one in run.came)
    return {"requests": len(run.came), "p50": run.took(0.5), "p99": run.took(0.99), "failed": failed}


@asynccontextmanager
async def attacking(name: str, url: str, came: Counter[str]) -> AsyncIterator[None]:
    """An attack by a process of its own; `came` is what it was answered, by status."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.attacks", name, url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"begun\n"
        yield
    finally:
        printed, _ = await process.communicate(b"")
    came.update(json.loads(printed))


if __name__ == "__main__":
    main()
