"""What is seen of each request: its id, what ran, how it ended, and how long it took; told to the metrics and the log.

A client can send any text as the name of an operation. Names are shown where the document is one of the manifest's, and
are `other` for all that anybody may send, so that no label and no line of the log is the client's own words.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from api.metrics import Metrics, is_the_clients
from api.operations import Operations, Ready
from cinegraph.telemetry import Sent, Span, Tracer, Watch, code_of, watched, watching

log = logging.getLogger("cinegraph.requests")

OTHER: Final = "other"
"""The name of every operation that is not of a trusted document."""
NONE: Final = "none"
"""The kind of a request in which no operation was found."""
KINDS: Final = frozenset({"query", "mutation", "subscription"})
HEADER: Final = "X-Request-Id"
REQUEST_ID: Final = "request_id"
"""In a request's state: its id, once the application has the request."""

_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(slots=True)
class Seen(Watch):
    """One request. `codes` are those of its errors, `refused` is whether it was turned away before anything ran."""

    operation: str = OTHER
    kind: str = NONE
    codes: list[str] = field(default_factory=list)
    refused: bool = False
    statements: int = 0
    graph_seconds: float = 0.0
    """The sum over its statements, which may have been under way at the same time."""
    kept: list[Sent] | None = None
    """Its statements, where somebody asked to see them."""
    span: Span | None = None
    """The one that all of it is in, where it is traced."""
    cost: float | None = None
    """What it was reckoned to cost, where that is known."""
    without: Sequence[str] = ()
    """What its answer is given without."""
    streams: bool = False
    """Whether its answers are still to come, and what runs for them is seen by itself."""

    def __post_init__(self) -> None:
        self.listeners = (*self.listeners, self._count)

    def forget(self) -> None:
        """Leave out its errors, since it is answered in another way."""
        self.codes, self.refused = [], False

    def _count(self, sent: Sent) -> None:
        self.statements += 1
        self.graph_seconds += sent.seconds
        if self.kept is not None:
            self.kept.append(sent)


def seen() -> Seen | None:
    """The request that runs at this moment, where one is seen."""
    watch = watched()
    return watch if isinstance(watch, Seen) else None


def note_error(code: str, *, refused: bool = False) -> None:
    """An error of the request that runs at this moment."""
    if (one := seen()) is not None:
        one.codes.append(code)
        one.refused |= refused


def request_id_of(request: Request) -> str:
    """The id that the client, or a proxy before us, gave the request; a new one where that is none."""
    return id_or_new(request.headers.get(HEADER, ""))


def id_or_new(given: str) -> str:
    """An id that was given, where it is one; else a new one."""
    return given if _GIVEN.fullmatch(given) else secrets.token_hex(8)


class OperationNames:
    """What an operation is called: its own name where its document is trusted."""

    def __init__(self, trusted: Mapping[str, str], operations: Operations) -> None:
        self._names: dict[tuple[str, str | None], str] = {}
        for id_, text in trusted.items():
            found = operations.ready(text).operations
            for name in found:
                self._names[text, name] = name or id_
                if len(found) == 1:
                    self._names[text, None] = name or id_

    def note(self, one: Seen, ready: Ready, name: str | None) -> None:
        """Say of a request which operation it runs."""
        one.operation = self._names.get((ready.text, name), OTHER)
        first = ready.definitions[0] if ready.definitions else None
        asked = next((each for each in ready.definitions if each.name == name), first)
        if asked is not None and asked.kind in KINDS:
            one.kind = asked.kind


class Observer:
    """Tells the metrics, the log and the traces of what ran."""

    def __init__(self, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._metrics, self._tracer = metrics, tracer

    @contextmanager
    def streamed(self, request_id: str) -> Iterator[Seen]:
        """Around an operation of a stream, to its last answer; that its client leaves is no failure."""
        one = Seen((self._metrics.sent,), request_id)
        began = perf_counter()
        self._metrics.began()
        try:
            with watching(one):
                yield one
        except Exception as error:
            one.codes.append(code_of(error))
            raise
        finally:
            self.tell(one, 200, perf_counter() - began)

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Around what an operation of a stream computes, where it is traced."""
        one = seen()
        if one is None or self._tracer is None:
            yield
            return
        with self._tracer.operation({}) as span:
            one.span, one.tracer = span, self._tracer
            try:
                yield
            finally:
                _describe(span, "", one, 200)

    def tell(self, one: Seen, status: int, seconds: float) -> None:
        """What ended, and how."""
        outcome = one.codes[0] if one.codes else None
        self._metrics.ended(one.operation, one.kind, status, outcome, seconds)
        if one.refused and outcome:
            self._metrics.refused(outcome)
        self._metrics.degraded(one.without)
        if log.isEnabledFor(logging.INFO):
            _log(one, status, seconds * 1000)


Answering: TypeAlias = Callable[[Request, Seen], Awaitable[Response]]


class Observed(Observer):
    """The endpoint, as it is seen."""

    def __init__(self, answer: Answering, metrics: Metrics, tracer: Tracer | None = None) -> None:
        super().__init__(metrics, tracer)
        self._answer = answer

    async def __call__(self, request: Request) -> Response:
        """Answer a request; whatever happens to it is told."""
        one = Seen((self._metrics.sent,), request_id_of(request), self._tracer)
        setattr(request.state, REQUEST_ID, one.request_id)
        with watching(one):
            if self._tracer is None:
                response = await self._answered(request, one)
            else:
                with self._tracer.operation(request.headers) as span:
                    one.span = span
                    response = await self._answered(request, one)
        response.headers[HEADER] = one.request_id
        return response

    async def _answered(self, request: Request, one: Seen) -> Response:
        began, status = perf_counter(), 500
        self._metrics.began()
        try:
            response = await self._answer(request, one)
            status = response.status_code
            return response
        except BaseException as error:
            one.codes.append(code_of(error))
            raise
        finally:
            if one.streams:
                self._metrics.left()
            else:
                self.tell(one, status, perf_counter() - began)
            if one.span is not None:
                _describe(one.span, request.method, one, status)


def _describe(span: Span, method: str, one: Seen, status: int) -> None:
    """The span of a request, by OpenTelemetry's conventions for GraphQL and HTTP."""
    kind = one.kind if one.kind != NONE else ""
    name = one.operation if one.operation != OTHER else ""
    span.name(f"{kind} {name}".strip() or "GraphQL Operation")
    given = {
        "graphql.operation.type": kind,
        "graphql.operation.name": name,
        "error.type": one.codes[0] if one.codes else "",
    }
    for attribute, value in given.items():
        if value:
            span.put(attribute, value)
    if method:
        span.put("http.request.method", method)
    span.put("http.route", "/graphql")
    span.put("http.response.status_code", status)
    span.put("cinegraph.request.id", one.request_id)
    if status >= 500 or any(not is_the_clients(code) for code in one.codes):
        span.fail()


def _log(one: Seen, status: int, milliseconds: float) -> None:
    """The line of a request: nothing in it is the client's own words, but an id of the form that is taken."""
    codes = list(dict.fromkeys(one.codes))
    fields = {
        "message": "request",
        "operation": one.operation,
        "kind": one.kind,
        "status": status,
        "codes": codes,
        "durationMs": round(milliseconds, 3),
        "statements": one.statements,
        "graphMs": round(one.graph_seconds * 1000, 3),
    }
    if one.cost is not None:
        fields["cost"] = one.cost
    if one.without:
        fields["without"] = list(one.without)
    if one.span is not None:
        fields["traceId"] = one.span.trace_id
    words = "%s %s %d %s in %.1f ms with %d statements, request %s"
    how = ",".join(codes) or "OK"
    log.info(
        words,
        one.kind,
        one.operation,
        status,
        how,
        milliseconds,
        one.statements,
        one.request_id,
        extra={"fields": fields},
    )
