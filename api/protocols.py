"""uvicorn's connections, which can be let go of, and which wait for nobody without end.

uvicorn closes a socket once all that was written is taken. A client that reads nothing never takes it, so the socket
and what waits for it would stay for ever; and the reason why it is dropped would wait behind that. Nor does uvicorn
limit for how long a request comes, or how much of headers; here both are limited, and what is past a limit is answered
and closed, with no more of it read. Operations beyond what can be answered in time are turned away here, too.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, cast

from starlette.applications import Starlette
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.gate import ADMITTED, METHODS, PATH, Gate
from api.leaving import Leaving
from api.metrics import Metrics
from api.observing import HEADER, REQUEST_ID, id_or_new
from api.wire import LATE, refusal_bytes
from cinegraph.settings import ApiSettings

PONG_SECONDS: Final = 20.0
ID: Final = HEADER.lower().encode()
MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 32_768
"""Bytes of a request's line and headers together."""
LINGER_BYTES: Final = 1_048_576
"""Bytes of a body that are thrown away once its request was answered, so that the answer is read; then it is closed."""


REFUSALS: Final = {
    400: ("BAD_REQUEST", "this is no request of HTTP/1.1"),
    408: ("REQUEST_TIMEOUT", "the request did not come whole in time"),
    414: ("URI_TOO_LONG", f"the address has more than {MAX_HEAD_BYTES} bytes; send the operation by POST"),
    431: ("HEADERS_TOO_LARGE", f"send at most {MAX_HEADERS} headers, of {MAX_HEAD_BYTES} bytes with the line"),
}
"""Code and message of what is refused on the connection, by HTTP's status."""


class TooLarge(Exception):
    """More of a request's line and headers than is read."""


class Droppable(HttpToolsProtocol):
    """Gives the application, in its state, a way to drop the connection; what is upgraded from it has it too.

    A request has to come whole within `request_seconds` of its first byte, the first one of the connection's start.
    Where the process is leaving, an answer says that its connection ends with it: a client's next request is not sent
    on a connection that is being closed.
    """

    def __init__(
        self, *args: Any, request_seconds: float, gate: Gate, leaving: Leaving, metrics: Metrics, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._leaving, self._metrics = leaving, metrics
        self._gate, self._turned_away = gate, False
        self._seconds, self._timer = request_seconds, cast(asyncio.TimerHandle | None, None)
        self._in_head, self._head, self._fed, self._left = True, 0, 0, 0
        self._refusal = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": transport.abort}
        self._timer = self.loop.call_later(self._seconds, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._seconds, self._late)
        if self._in_head:
            self._fed += len(data)
        super().data_received(data)
        if self._in_head and self._fed > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.refuse(431)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url), 414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4, 431)
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._count(MAX_HEAD_BYTES + 1, 431)

    def on_headers_complete(self) -> None:
        self._in_head, self._fed, self._left = False, 0, 0
        free = self.cycle is None or self.cycle.response_complete
        self._turned_away = free and self._is_operation() and self._gate.is_full
        if self._turned_away:
            return
        super().on_headers_complete()
        if self._leaving.begun and self.cycle is not None:
            self.cycle.keep_alive = False

    def _is_operation(self) -> bool:
        """Whether it is one as all clients send it, which can be told before anything is made for it."""
        return (
            self.url.partition(b"?")[0] == PATH.encode()
            and self.parser.get_method().decode() in METHODS
            and not self.parser.should_upgrade()
        )

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer a request. An operation goes through the gate here, however its address is written, and where
        it has waited for the answers before it on its connection: not while it waits, since it may never be begun."""
        if cycle.scope["path"] == PATH and cycle.scope["method"] in METHODS:
            if self._gate.is_full:
                app = cast(ASGI3Application, self._gate.refusing(_id_in(cycle.scope["headers"])))
            else:
                cycle.scope["state"][ADMITTED] = None
                if not cycle.more_body:
                    self._enter(cycle)
        super()._start_asgi_task(cycle, app)

    def _enter(self, cycle: RequestResponseCycle | None) -> None:
        """Count an operation that was let in, once its body is there: who sends slowly takes nobody's place."""
        if cycle is not None and not cycle.response_started and cycle.scope["state"].get(ADMITTED, 0.0) is None:
            cycle.scope["state"][ADMITTED] = self._gate.enter()

    def on_body(self, body: bytes) -> None:
        if not self._turned_away:
            super().on_body(body)
        if self._turned_away or (self.cycle is not None and self.cycle.response_complete):
            self._left += len(body)
            if self._left > LINGER_BYTES:
                self.transport.close()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._stop()
        if not self._turned_away:
            super().on_message_complete()
            self._enter(self.cycle)
            return
        self._turned_away = False
        self.transport.write(self._gate.refusal(_id_in(self.headers)))
        if self.parser.should_keep_alive() and not self._leaving.begun:
            self.on_response_complete()
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.refuse(self._refusal)

    def refuse(self, status: int) -> None:
        """Answer what is no request that is read, and close; nothing is said where another answer is due first."""
        self._stop()
        (code, message), request_id = REFUSALS[status], id_or_new("")
        answering = self.cycle is not None and not self.cycle.response_complete
        begun = answering and not self._in_head and not self.pipeline
        if begun:  # the application has its head, and counts it
            state = self.cycle.scope["state"]
            state[LATE], request_id = status == 408, state.get(REQUEST_ID, request_id)
        else:
            self._metrics.refused(code)
        if not answering or (begun and not self.cycle.response_started):
            self.transport.write(refusal_bytes(status, code, message, request_id))
        self.transport.close()

    def _count(self, more: int, refusal: int) -> None:
        """So many bytes more of the line and the headers; one that is too many ends the parser's work."""
        self._head += more
        if self._head > MAX_HEAD_BYTES:
            self._refusal = refusal
            raise TooLarge

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """The request is not there: it waits behind another that is being answered, or it is given up."""
        answering = self.cycle is not None and not self.cycle.response_complete
        self._timer = None
        if self.pipeline or (self._in_head and answering):
            self._timer = self.loop.call_later(self._seconds, self._late)
        elif (self._in_head and self._fed) or (answering and not self.cycle.response_started):
            self.refuse(408)
        else:
            self.transport.close()


class Outspoken(WebSocketsSansIOProtocol):
    """Says why it closes even to a client that has not taken what was said before."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)


def _id_in(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the client gave the request, or a new one."""
    given = next((value for name, value in headers if name == ID), b"")
    return id_or_new(given.decode("latin-1"))


def protocols(settings: ApiSettings, app: Starlette) -> dict[str, Any]:
    """What `uvicorn.Config` takes for connections of these limits to an application of `build_app`: its gate lets
    operations in, its metrics count what is refused here, and connections end when it is leaving. Only proxies that
    are named are believed whom they speak for."""
    seconds, proxies, state = settings.request_seconds, list(settings.proxies), app.state
    mine = {"gate": state.gate, "leaving": state.leaving, "metrics": state.metrics}
    droppable = partial(Droppable, request_seconds=seconds, **mine)
    return {
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": proxies,
        "http": cast(Any, droppable),
        "ws": cast(Any, Outspoken),
        "ws_max_size": settings.max_bytes,
        "ws_ping_interval": settings.ping_seconds,
        "ws_ping_timeout": PONG_SECONDS,
        "ws_per_message_deflate": False,
        "server_header": False,  # what serves, and in which version, is nobody's business
    }
