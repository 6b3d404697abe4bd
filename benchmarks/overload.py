"""What a server does that is asked for three times what it can: T21.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.overload [--seconds 15]

First as fast as some number of connections are answered, whichever number gives most (the capacity), then at half of
it (as usual), then at three times of it, then at half again. Requests are mixed: movies by id, three levels, lists,
recommendations with reasons. Latencies count from when a request was due. The generator of requests, the server and
Neo4j share the machine's cores.
"""

import argparse
import asyncio
from typing import Any

from benchmarks.pressing import keep, press, served

TIMES = 3
AT_ONCE = (4, 8, 16, 32, 64, 128)
"""Connections among which the capacity is looked for."""
CONNECTIONS = 400
AFTER = 10.0
"""Seconds after which all must be as usual."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=15.0)
    found = asyncio.run(measured(arguments.parse_args().seconds))
    keep("overload", found)


async def measured(seconds: float) -> dict[str, Any]:
    async with served() as (url, bodies):
        peaks = {number: await press(url, bodies, seconds / 2, None, number) for number in AT_ONCE}
        best = max(peaks, key=lambda number: peaks[number].rate)
        peak = peaks[best]
        usual = await press(url, bodies, seconds, peak.rate / 2, CONNECTIONS)
        over = await press(url, bodies, seconds, peak.rate * TIMES, CONNECTIONS)
        later = await press(url, bodies, AFTER + seconds, peak.rate / 2, CONNECTIONS)
    turned_away = [one for one in over.came if one.status == 503]
    return {
        "capacity, requests/s": peak.rate,
        "with so many connections": best,
        "answered of that at three times of it": over.rate / peak.rate,
        "turned away, of all": len(turned_away) / len(over.came),
        "failed otherwise": sum(not one.good and one.status != 503 for one in over.came),
        "turned away after, ms (p50)": over.took(0.5, good=False),
        "turned away after, ms (p99)": over.took(0.99, good=False),
        "answered after, ms (p50)": over.took(0.5),
        "answered after, ms (p99)": over.took(0.99),
        "as usual, ms (p99)": usual.took(0.99),
        "from 10 s later on, ms (p99)": later.part(AFTER).took(0.99),
    }


if __name__ == "__main__":
    main()
