"""`cinegraph serve`: the API over the graph, until a signal."""

import asyncio
import gc
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import typer
import uvicorn
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.protocols import protocols
from cinegraph import logs
from cinegraph.app import documents_of, open_app, tracing
from cinegraph.cli.accepting import Accepting
from cinegraph.cli.console import out, say, starting
from cinegraph.cli.signals import SIGNALS, Loops, Signalled, handled, run
from cinegraph.cli.workers.parent import Parent
from cinegraph.cli.workers.process import Worker
from cinegraph.errors import PortInUse
from cinegraph.home import open_graph
from cinegraph.settings import ApiSettings, Settings, TracesSettings, load_settings
from graph.client import GraphClient


def serve(
    host: str | None = typer.Option(None, help="Address to listen on; CINEGRAPH_API__HOST otherwise."),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port; CINEGRAPH_API__PORT otherwise, 0: a free one."),
    workers: int | None = typer.Option(
        None, min=1, max=256, help="Processes that answer; CINEGRAPH_API__WORKERS otherwise. SIGHUP renews them."
    ),
) -> None:
    """Serve GraphQL over the graph; Ctrl-C ends it."""
    settings = load_settings()
    logs.write_as(settings.log.format, settings.log.level)
    where = host or settings.api.host, settings.api.port if port is None else port
    count = workers or settings.api.workers
    documents_of(settings)  # what is wrong with a manifest is told before anything starts
    if count == 1:
        alone = settings.model_copy(update={"api": settings.api.model_copy(update={"workers": 1})})
        until_stopped(_serve(alone, *where))
    else:
        # whoever only accepts has no use for uvloop, which cannot start a process in a group of its own
        ending = (signal.SIGINT, signal.SIGTERM)
        until_stopped(_serve_by_workers(settings, *where, count), asyncio.new_event_loop, ending)


def until_stopped(
    work: Coroutine[Any, Any, None], loops: Loops | None = None, heeded: Sequence[signal.Signals] = SIGNALS
) -> None:
    """Run a server, which a signal that is heeded ends in order at any moment: that is no failure.

    On uvloop where it is installed, which saves a third of the CPU time of a small query, unless another is given.
    """
    with suppress(Signalled):
        run(work, loops or auto_loop_factory(), heeded)
    say("stopped")


async def _serve(settings: Settings, host: str, port: int) -> None:
    with bound(host, port) as listener:
        async with open_graph(settings, starting) as client:
            await run_server(settings, client, listener)


async def _serve_by_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Accept, while others answer; the graph is ours as long as they need it."""
    with bound(host, port) as listener, tempfile.TemporaryDirectory(prefix="cinegraph-figures-") as figures:

        def begin(number: int, changed: Callable[[], None]) -> Coroutine[Any, Any, Worker]:
            return Worker.start(number, workers, changed, figures)

        def greet() -> None:
            out.print(_greeting(settings.api, listener, ""), soft_wrap=True, markup=False)

        parent, at_terminal = Parent(listener, workers, begin, settings.api.drain_seconds), _has_terminal()

        def renew(_: int) -> None:
            if at_terminal and not _has_terminal():
                return os.kill(os.getpid(), signal.SIGTERM)  # the terminal was closed, and nobody asked for anything
            parent.renew()

        with handled(renew, (signal.SIGHUP,)):
            async with open_graph(settings, starting):
                say(f"loading the model and the catalogue, in {workers} workers")
                await parent.run(greet)


def _has_terminal() -> bool:
    """Whether the process belongs to a terminal that is there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def run_server(settings: Settings, client: GraphClient, listener: socket.socket, query: str = "") -> None:
    """Serve until it is cancelled; answers the requests in flight before it ends. `query` is shown as one to try."""
    say("loading the model and the catalogue")
    await answer(settings, client, _Listening(listener, settings.api, query))


class Door(Protocol):
    """Where connections come from."""

    def opened(self, server: "Server") -> None:
        """The server answers."""

    async def closed(self) -> None:
        """From when clients are told to go until no new request has to be expected."""


@dataclass
class _Listening:
    """The process listens itself."""

    listener: socket.socket
    api: ApiSettings
    query: str
    accepting: Accepting | None = None

    def opened(self, server: "Server") -> None:
        """Accept, and say where it is."""
        self.accepting = Accepting(self.listener, server.answer_on)
        self.accepting.begin()
        out.print(_greeting(self.api, self.listener, self.query), soft_wrap=True, markup=False)

    async def closed(self) -> None:
        """Long enough for who asks for readiness to hear of it."""
        await asyncio.sleep(self.api.drain_seconds)
        if self.accepting is not None:
            await self.accepting.end()


async def answer(settings: Settings, client: GraphClient, door: Door, figures: Path | None = None) -> None:
    """Answer what comes through a door until it is cancelled, and then what still comes until the door is closed."""
    logs.also("recommenders.serving")
    async with tracing(TracesSettings()) as tracer, open_app(settings, client, tracer, figures) as app:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,  # its records go where ours go, in the same form
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=10,
            **protocols(settings.api, app),
        )
        server = Server(config, door)
        collect_seldom()
        serving = asyncio.ensure_future(server.serve(sockets=[]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            app.state.leaving.begun = True
            await door.closed()
            await app.state.streams.end()
            server.should_exit = True
            await serving


def collect_seldom() -> None:
    """What is loaded stays and is not looked through again. What a request makes holds few cycles, all of them young;
    what is kept for longer must hold none, since old ones are hardly ever looked for.

    Some tenth of the CPU of an answer with 120 objects (`python -m benchmarks.stages` runs with it).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _greeting(api: ApiSettings, listener: socket.socket, query: str) -> str:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    page = f"   GraphiQL: {url}/" if api.graphiql else ""
    greeting = f"GraphQL: {url}/graphql{page}   (Ctrl-C ends it)"
    if query:
        place = "; try it in GraphiQL" if api.graphiql else ""
        greeting += f"\nWhat to watch after two films{place}:\n\n{query}"
    return greeting


class Server(uvicorn.Server):
    """Tells its door once it answers, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, door: Door) -> None:
        super().__init__(config)
        self._door = door

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._door.opened(self)

    async def answer_on(self, connection: socket.socket) -> None:
        """Answer what comes on a connection that somebody else accepted."""
        kind = cast(type[HttpToolsProtocol], self.config.http_protocol_class)
        make = partial(kind, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(make, connection)
        except OSError:  # the client is gone already
            connection.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; `PortInUse` where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # by the protocol asyncio knows to send at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port with --port, 0 for a free one"
        ) from error
    return listener
