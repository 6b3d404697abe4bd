"""GraphQL over WebSocket: the protocol `graphql-transport-ws`, and no other.

Strawberry's own handler knows neither our limits nor documents by id, and lets a reader who takes nothing hold on to
memory; so the protocol is spoken here. Every operation of a connection is a task. Each waits until what it has to say
is taken, so at most one answer of each is in memory; a client that takes nothing for a while is told, and dropped.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth import Caller, caller_of
from api.budget import caller_key
from api.errors import Refused, refused, told
from api.http import Operation, operation_of
from api.operations import Ready
from api.origins import check_origin
from api.streaming.answers import Answers, NotRun, text_of, unforeseen
from api.streaming.messages import PROTOCOL, Closed, Code, Message, read_message
from api.streaming.streams import Stream, Streams, expired, reason_of
from cinegraph.errors import CinegraphError, NotSignedIn
from cinegraph.settings import ApiSettings

log = logging.getLogger("cinegraph.api")

LAST_SECONDS: Final = 5.0
"""How long a client that was told why the connection ends has to take it."""
CLOSE_SECONDS: Final = 1.0
GONE: Final = (WebSocketDisconnect, OSError)
"""The client is not there any more."""


class Connections:
    """The WebSocket endpoint."""

    def __init__(self, answers: Answers, streams: Streams, settings: ApiSettings, secret: bytes) -> None:
        self._answers, self._streams, self._settings, self._secret = answers, streams, settings, secret

    async def serve(self, websocket: WebSocket) -> None:
        """Speak with one client, where it is let in. Until it says who it is, it counts among those of its address
        that have not said so, who would keep nobody else out."""
        key = f"unknown {caller_key(None, websocket.client and websocket.client.host)}"
        try:
            check_origin(websocket, self._settings.origins)
            self._streams.check(key)
        except Refused as error:
            await _deny(websocket, error)
        else:
            with self._streams.one(key) as stream:
                await self._serve(websocket, stream)

    async def _serve(self, websocket: WebSocket, stream: Stream) -> None:
        if PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(Code.WRONG_PROTOCOL, f"the protocol spoken here is {PROTOCOL}")
            return
        await websocket.accept(PROTOCOL)
        await Connection(websocket, stream, self._answers, self._streams, self._settings, self._secret).run()


async def _deny(websocket: WebSocket, error: Refused) -> None:
    """Refuse a handshake, with a body where the server can send one."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(refused(error, secrets.token_hex(8)))
    else:
        await websocket.close()


class Connection:
    """One connection: its caller, and the operations that are running."""

    def __init__(
        self,
        websocket: WebSocket,
        stream: Stream,
        answers: Answers,
        streams: Streams,
        settings: ApiSettings,
        secret: bytes,
    ) -> None:
        self._socket, self._stream, self._answers, self._streams = websocket, stream, answers, streams
        self._settings, self._secret = settings, secret
        self._caller: Caller | None = None
        self._initialised = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Speak until one side ends it."""
        end: Closed | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for part in (self._read(group), self._keep_time(), self._ping(), self._go_away()):
                    group.create_task(part)
        except* Closed as errors:
            end = reason_of(errors)
        except* GONE:
            pass
        except* Exception:
            request_id = secrets.token_hex(8)
            log.exception("request %s failed: a connection, which is closed", request_id)
            end = Closed(Code.FAILED, f"something went wrong on the server; its log has request {request_id}")
        await self._close(end)

    async def _close(self, end: Closed | None) -> None:
        """Tell why, and let go of a socket that does not take it."""
        with suppress(TimeoutError, RuntimeError, *GONE):
            if end is not None:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._socket.close(end.code, end.reason)
        abort: Callable[[], None] | None = getattr(self._socket.state, "abort", None)
        if abort is not None:
            asyncio.get_running_loop().call_later(LAST_SECONDS, abort)

    # -- what ends a connection ----------------------------------------------------------------------------------

    async def _go_away(self) -> None:
        await self._streams.ended()
        raise Closed(Code.GOING_AWAY, "the server is going away")

    async def _keep_time(self) -> None:
        """The time to say who one is, then that of the token."""
        try:
            async with asyncio.timeout(self._settings.init_seconds):
                await self._initialised.wait()
        except TimeoutError:
            seconds = self._settings.init_seconds
            raise Closed(Code.INIT_TIMEOUT, f"connection_init did not come within {seconds:g} seconds") from None
        assert self._caller is not None
        await expired(self._caller)
        raise Closed(Code.FORBIDDEN, "the token has expired; connect with a new one")

    async def _ping(self) -> None:
        await self._initialised.wait()
        while True:
            await asyncio.sleep(self._settings.ping_seconds)
            await self._send('{"type":"ping"}')

    # -- what a client says --------------------------------------------------------------------------------------

    async def _read(self, group: asyncio.TaskGroup) -> None:
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(event.get("code", 1006))
            await self._take(read_message(event.get("text"), self._settings.max_bytes), group)

    async def _take(self, message: Message, group: asyncio.TaskGroup) -> None:
        if message.kind == "connection_init":
            await self._initialise(message.payload or {})
        elif message.kind == "ping":
            await self._send(text_of({"type": "pong", **({"payload": message.payload} if message.payload else {})}))
        elif message.kind == "subscribe":
            await self._subscribe(message, group)
        elif message.kind == "complete":
            running = self._running.pop(message.id, None)
            if running is not None:
                running.cancel()

    async def _initialise(self, payload: dict[str, Any]) -> None:
        if self._initialised.is_set():
            raise Closed(Code.TOO_MANY_INITS, "there was a connection_init already")
        named = {str(name).lower(): value for name, value in payload.items()}
        given = named.get("authorization") or self._socket.headers.get("authorization")
        if given is not None and not isinstance(given, str):
            raise Closed(Code.FORBIDDEN, "Authorization is a text: Bearer TOKEN")
        try:
            caller = caller_of(self._secret, given)
            self._stream.belongs_to(caller_key(caller.user_id, self._socket.client and self._socket.client.host))
        except NotSignedIn as error:
            raise Closed(Code.FORBIDDEN, str(error)) from error
        except Refused as error:
            raise Closed(Code.TRY_AGAIN, str(error)) from error
        self._caller = caller
        self._initialised.set()
        await self._send('{"type":"connection_ack"}')

    async def _subscribe(self, message: Message, group: asyncio.TaskGroup) -> None:
        if self._caller is None:
            raise Closed(Code.NOT_INITIALISED, "send connection_init first, and wait for connection_ack")
        if message.id in self._running:
            raise Closed(Code.TAKEN, f"an operation with the id {message.id[:60]} is running")
        most = self._settings.max_subscriptions
        if len(self._running) >= most:
            words = f"{most} operations are running on this connection, the most that one may have; complete one first"
            await self._refuse(message.id, Refused(429, "TOO_MANY_SUBSCRIPTIONS", words), secrets.token_hex(8))
            return
        while len(self._tasks) >= 2 * most:  # those that end have to say so first
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = self._running[message.id] = group.create_task(self._operate(message, self._caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what it is answered -------------------------------------------------------------------------------------

    async def _operate(self, message: Message, caller: Caller) -> None:
        """Run an operation to its end, or until its client completes it."""
        request_id = secrets.token_hex(8)
        with self._answers.observer.streamed(request_id):
            await self._run(message, caller, request_id)

    async def _run(self, message: Message, caller: Caller, request_id: str) -> None:
        id_ = json.dumps(message.id)
        try:
            operation, ready = self._checked(message, request_id)
            answers = self._answers.stream(ready, operation, caller, request_id, self._socket.client)
            async with aclosing(answers):
                async for answer in answers:
                    await self._send(f'{{"id":{id_},"type":"next","payload":{answer}}}')
        except NotRun as error:
            await self._end(message.id, {"id": message.id, "type": "error", "payload": error.errors})
        except CinegraphError as error:
            self._running.pop(message.id, None)
            await self._refuse(message.id, error, request_id)
        else:
            await self._end(message.id, {"id": message.id, "type": "complete"})

    def _checked(self, message: Message, request_id: str) -> tuple[Operation, Ready]:
        """What is to be run; raises `CinegraphError` where it must not be, `NotRun` where that cannot be told."""
        try:
            operation = operation_of(message.payload)
            return operation, self._answers.checked(operation)
        except CinegraphError:
            raise
        except Exception as error:
            raise unforeseen(error, request_id) from error

    async def _refuse(self, id_: str, error: CinegraphError, request_id: str) -> None:
        await self._send(text_of({"id": id_, "type": "error", "payload": told(error, request_id)}))

    async def _end(self, id_: str, last: dict[str, Any]) -> None:
        """Say the last of an operation; its id is free before the client knows."""
        self._running.pop(id_, None)
        await self._send(text_of(last))

    async def _send(self, text: str) -> None:
        seconds = self._settings.slow_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._socket.send_text(text)
        except TimeoutError:
            raise Closed(Code.TRY_AGAIN, f"nothing was taken for {seconds:g} seconds; connect again") from None
        except RuntimeError as error:  # what servers raise where the connection was closed meanwhile
            raise WebSocketDisconnect from error
