"""Two workers over one graph, each with its own memory, that share a Redis."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

from cinegraph.home import during
from events.bus import CATALOGUE
from events.redis_bus import RedisBus
from graph.client import GraphClient
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.live import live
from tests.events.test_redis_bus import Server, told
from tests.published import serving_over

QUERY = "subscription { recommendationsChanged(first: 2) { edges { node { id } } } }"


async def test_a_rating_through_one_worker_is_pushed_by_another(graph: GraphClient, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        redis = Server(tmp_path, free.getsockname()[1])
    redis.start()
    try:
        buses = RedisBus(redis.url), RedisBus(redis.url)
        servings = await serving_over(graph, tmp_path), Serving(graph.reader, tmp_path)
        await servings[1].refresh()
        one, other = (
            replace(api_over(graph, serving).services, bus=bus) for serving, bus in zip(servings, buses, strict=True)
        )
        with other.bus.listen([CATALOGUE]) as there:
            async with during(one.bus.run()), during(other.bus.run()), live(one) as first, live(other) as second:
                await told(there)  # the connection to Redis is there
                async with first.client("1") as writing, second.client("1") as watching, second.client("2") as beside:
                    await watching.subscribe(QUERY)
                    before = await watching.data()
                    await beside.subscribe(QUERY)
                    await beside.data()
                    movie = before["recommendationsChanged"]["edges"][0]["node"]["id"]
                    await writing.subscribe(f'mutation {{ dismissMovie(movie: "{movie}") {{ __typename }} }}')
                    await writing.data()
                    after = (await watching.data())["recommendationsChanged"]["edges"]
                    assert movie not in [edge["node"]["id"] for edge in after]
                    await beside.quiet()
    finally:
        await asyncio.to_thread(redis.stop)
