"""`cinegraph serve`: the API over the graph, until a signal."""

import asyncio
import gc
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import typer
import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from cinegraph import logs
from cinegraph.app import open_app
from cinegraph.cli.console import out, say, starting
from cinegraph.cli.signals import Signalled, run
from cinegraph.errors import PortInUse
from cinegraph.home import open_graph
from cinegraph.settings import ApiSettings, Settings, load_settings
from graph.client import GraphClient


def serve(
    host: str | None = typer.Option(None, help="Address to listen on; CINEGRAPH_API__HOST otherwise."),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port; CINEGRAPH_API__PORT otherwise, 0: a free one."),
) -> None:
    """Serve GraphQL over the graph; Ctrl-C ends it."""
    settings = load_settings()
    until_stopped(_serve(settings, host or settings.api.host, settings.api.port if port is None else port))


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run a server, which a signal ends in order at any moment: that is no failure.

    On uvloop where it is installed, which saves a third of the CPU time of a small query.
    """
    with suppress(Signalled):
        run(work, auto_loop_factory())
    say("stopped")


async def _serve(settings: Settings, host: str, port: int) -> None:
    with bound(host, port) as listener:
        async with open_graph(settings, starting) as client:
            await run_server(settings, client, listener)


async def run_server(settings: Settings, client: GraphClient, listener: socket.socket, query: str = "") -> None:
    """Serve until it is cancelled; answers the requests in flight before it ends. `query` is shown as one to try."""
    say("loading the model and the catalogue")
    logs.also("recommenders.serving")
    async with open_app(settings, client) as app:
        config = uvicorn.Config(
            app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=10
        )
        server = _Server(config, _greeting(settings.api, listener, query))
        gc.collect()
        gc.freeze()
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving


def _greeting(api: ApiSettings, listener: socket.socket, query: str) -> str:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    page = f"   GraphiQL: {url}/" if api.graphiql else ""
    greeting = f"GraphQL: {url}/graphql{page}   (Ctrl-C ends it)"
    if query:
        place = "; try it in GraphiQL" if api.graphiql else ""
        greeting += f"\nWhat to watch after two films{place}:\n\n{query}"
    return greeting


class _Server(uvicorn.Server):
    """Says where it is once it answers, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        out.print(self._greeting, soft_wrap=True, markup=False)

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
