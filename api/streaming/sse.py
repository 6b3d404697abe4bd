"""GraphQL as server-sent events: `graphql-sse` in its "distinct connections" mode, one operation a request.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Caller, caller_of
from api.budget import caller_key
from api.caching import PRIVATE
from api.errors import failed, refused, shown
from api.http import Endpoint
from api.observing import Observer, Seen
from api.origins import check_origin
from api.streaming.answers import EVERY, READING, Answers, NotRun, text_of
from api.streaming.streams import Streams, expired, reason_of
from cinegraph.errors import CinegraphError, NotSignedIn
from cinegraph.settings import ApiSettings

EVENTS: Final = "text/event-stream"
HEADERS: Final = PRIVATE | {"X-Accel-Buffering": "no"}
COMPLETE: Final = "event: complete\ndata: \n\n"
ALIVE: Final = ":\n\n"
LAST_SECONDS: Final = 1.0


def takes_events(request: Request, *, alone: bool = False) -> bool:
    """Whether a client takes events; `alone`: nothing of JSON beside them, as some name all that they can read."""
    accepted = request.headers.get("accept", "").lower()
    types = {part.partition(";")[0].strip() for part in accepted.split(",")}
    return EVENTS in types and not (alone and any("json" in one or one == "*/*" for one in types))


class Over(Exception):
    """A stream ends; `last` is what its client is told."""

    def __init__(self, last: str = "") -> None:
        super().__init__()
        self.last = last


class Events:
    """The endpoint for those who ask for events."""

    def __init__(
        self, answers: Answers, endpoint: Endpoint, streams: Streams, settings: ApiSettings, secret: bytes
    ) -> None:
        self._answers, self._endpoint, self._streams = answers, endpoint, streams
        self._settings, self._secret = settings, secret

    async def __call__(self, request: Request, seen: Seen) -> Response:
        request_id = seen.request_id
        try:
            check_origin(request, self._settings.origins)
            operation = await self._endpoint.read(request)
            ready = self._answers.checked(operation)
            caller = caller_of(self._secret, request.headers.get("authorization"))
            key = caller_key(caller.user_id, request.client and request.client.host)
            self._streams.check(key)
        except CinegraphError as error:
            return refused(error, request_id)
        except Exception as error:
            return failed(error, request_id)
        allowed = EVERY if request.method == "POST" else READING
        answers = self._answers.stream(ready, operation, caller, request_id, request.client, allowed)
        seen.streams = True
        return EventStream(answers, caller, key, self._streams, self._settings, request_id, self._answers.observer)


class EventStream(Response):
    """The answers of one operation as events."""

    media_type = EVENTS

    def __init__(
        self,
        answers: AsyncGenerator[str, None],
        caller: Caller,
        key: str,
        streams: Streams,
        settings: ApiSettings,
        request_id: str,
        observer: Observer,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._answers, self._caller, self._key, self._streams = answers, caller, key, streams
        self._settings, self._request_id, self._observer = settings, request_id, observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        last, taken = "", True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            with self._streams.one(self._key):
                async with aclosing(self._answers), asyncio.TaskGroup() as group:
                    for part in (self._answer(), self._stay(), self._keep_time(), self._go_away(), _gone(receive)):
                        group.create_task(part)
        except* Over as errors:
            last = reason_of(errors).last
        except* TimeoutError:
            taken = False
        try:
            if taken:
                await self._write(last, LAST_SECONDS, more=False)
        except TimeoutError:
            taken = False
        if not taken:
            _let_go(scope)

    async def _answer(self) -> None:
        last = ""
        with self._observer.streamed(self._request_id):
            try:
                async for answer in self._answers:
                    await self._write(_next(answer))
            except NotRun as error:
                last = _next(text_of({"errors": error.errors}))
        raise Over(last + COMPLETE)

    async def _stay(self) -> None:
        """A sign of life again and again, so that nobody between takes a quiet stream for a dead one."""
        while True:
            await asyncio.sleep(self._settings.ping_seconds)
            await self._write(ALIVE)

    async def _keep_time(self) -> None:
        """The end of the token is the end of the stream."""
        await expired(self._caller)
        error = GraphQLError("the token has expired; ask with a new one", extensions={"code": NotSignedIn.code})
        raise Over(_next(text_of({"errors": shown([error], self._request_id)})) + COMPLETE)

    async def _go_away(self) -> None:
        """Without `complete`, so that clients ask again."""
        await self._streams.ended()
        raise Over

    async def _write(self, text: str, seconds: float | None = None, *, more: bool = True) -> None:
        async with asyncio.timeout(seconds or self._settings.slow_seconds):
            await self._send({"type": "http.response.body", "body": text.encode(), "more_body": more})


async def _gone(receive: Receive) -> None:
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    raise Over


def _let_go(scope: Scope) -> None:
    """Close the socket of a client that takes nothing: it cannot be told, and what waits for it would stay."""
    abort: Callable[[], None] | None = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()


def _next(data: str) -> str:
    return f"event: next\ndata: {data}\n\n"
