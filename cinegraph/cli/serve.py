"""`cinegraph serve` and `cinegraph demo`: the API, and everything that leads to it, in one command."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import typer
import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from cinegraph.app import open_app
from cinegraph.cli.console import fetching, out, say
from cinegraph.errors import PortInUse
from cinegraph.settings import Settings, load_settings

FIRST_QUERY = """{
  recommendations(first: 3, liked: ["alien-1979", "blade-runner-1982"]) {
    edges { node { title year } why(first: 1) { sentence } }
  }
}
"""


def serve(
    host: str | None = typer.Option(None, help="Address to listen on; CINEGRAPH_API__HOST otherwise."),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port; CINEGRAPH_API__PORT otherwise, 0: a free one."),
) -> None:
    """Serve GraphQL over the graph; Ctrl-C ends it."""
    settings = load_settings()
    _run(run_server(settings, host or settings.api.host, settings.api.port if port is None else port))


def demo(
    port: int | None = typer.Option(None, min=0, max=65535, help="Port of the API, 0: a free one."),
    users: int = typer.Option(600, min=50, max=20_000, help="Believable users to simulate."),
) -> None:
    """The sample catalogue, a trained model, and GraphQL over both; the second start takes seconds."""
    from cinegraph.cli.data import ensure_sample
    from cinegraph.cli.models import ensure_model

    settings = load_settings()
    wanted = settings.api.port if port is None else port
    _bound(settings.api.host, wanted).close()
    _run(_demo(settings, wanted, users, ensure_sample, ensure_model))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed, which saves a third of the CPU time of a small query."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(work)


async def _demo(
    settings: Settings, port: int, users: int, ensure_sample: Callable[..., object], ensure_model: Callable[..., object]
) -> None:
    from cinegraph.app import open_graph

    with fetching() as progress:
        async with open_graph(settings, progress) as client:
            await ensure_sample(client, users)  # type: ignore[misc]
            await ensure_model(settings, client)  # type: ignore[misc]
            await run_server(settings, settings.api.host, port, FIRST_QUERY)


async def run_server(settings: Settings, host: str, port: int, query: str = "") -> None:
    """Serve until a signal; answers the requests in flight before it ends. `query` is shown as one to try."""
    listener = _bound(host, port)
    with fetching() as progress:
        async with open_app(settings, progress) as app:
            config = uvicorn.Config(
                app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=10
            )
            server = _Server(config, f"http://{host}:{listener.getsockname()[1]}", query)
            gc.collect()
            gc.freeze()
            await server.serve(sockets=[listener])
    say("stopped")


class _Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, url: str, query: str) -> None:
        super().__init__(config)
        self._url, self._query = url, query

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        out.print(f"GraphQL: {self._url}/graphql   GraphiQL: {self._url}/   (Ctrl-C ends it)", soft_wrap=True)
        if self._query:
            out.print(
                f"What to watch after two films; try it in GraphiQL:\n\n{self._query}", soft_wrap=True, markup=False
            )


def _bound(host: str, port: int) -> socket.socket:
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
