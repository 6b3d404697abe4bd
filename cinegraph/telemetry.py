"""What happens inside, as it is seen from outside: one seam for metrics, traces and the log of slow statements.

Whoever wants to see sets a `Watch` for what is done from there on, a request or the work beside requests; it is in a
context variable, so that it follows into tasks and threads. The graph's client says what it sends, the planner which
field it sends it for. Where nobody watches, nothing is noted.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Protocol, TypeAlias

from cinegraph.errors import CinegraphError

log = logging.getLogger("cinegraph.slow")

NOTHING: Final[AbstractContextManager[object]] = nullcontext()

FIELD: Final = "cinegraph.field"
"""The attribute of a span that names the field of the schema which it works for."""
MODEL: Final = "cinegraph.model.version"
"""The attribute of a span that names the model which answers."""

CANCELLED: Final = "CANCELLED"
"""The code of what nobody waited for to its end."""


def code_of(error: BaseException | None) -> str:
    """An error's code: never its message, which may hold values."""
    if isinstance(error, CinegraphError):
        return error.code
    return CinegraphError.code if isinstance(error, Exception) else CANCELLED


Place: TypeAlias = Callable[[], tuple[str, str]]
"""A field of the schema, and a path of the answer."""


@dataclass(slots=True)
class Sent:
    """A statement that was sent to the graph: its text, which holds no values, the values of its parameters, and what
    it was sent for: a `field` of the schema (`Query.movie`), at a `path` of the answer, which are the client's words.
    `name` is that of the catalogue (`user/history`), "" for one that was compiled."""

    name: str
    text: str
    parameters: Mapping[str, Any]
    writes: bool
    place: Place
    began: float = 0.0
    """On a clock of its own (`perf_counter`)."""
    seconds: float = 0.0
    code: str | None = None
    """Of the error that it ended with."""

    @property
    def field(self) -> str:
        """The field of the schema; "" where it was sent for none."""
        return self.place()[0]

    @property
    def path(self) -> str:
        """The path of the answer: response keys with dots between, without places in lists."""
        return self.place()[1]


Listener: TypeAlias = Callable[[Sent], None]
Value: TypeAlias = str | int | float | bool


class Span(Protocol):
    """A part of a trace that is under way; it ends with its block, and of an error it has the code alone."""

    @property
    def trace_id(self) -> str:
        """Of the whole trace, 32 hexadecimal digits."""

    def name(self, name: str) -> None:
        """Call it so, in the place of how it was called at its beginning."""

    def put(self, name: str, value: Value) -> None:
        """Set an attribute."""

    def fail(self) -> None:
        """Say that it failed."""


class Tracer(Protocol):
    """Makes spans; `cinegraph/tracing.py` does."""

    def operation(self, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """A request with these headers, within the trace that they name; what begins meanwhile is within it."""

    def span(self, name: str, attributes: Mapping[str, Value], outward: bool) -> AbstractContextManager[Span]:
        """A part of the operation; `outward` where another server does the work."""


@dataclass(slots=True)
class Watch:
    """Who is told of each statement, once it has ended; for a request its id, which is in each line of the log, and who
    makes its spans."""

    listeners: tuple[Listener, ...] = ()
    request_id: str = ""
    tracer: Tracer | None = None


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
_PLACE: ContextVar[Place] = ContextVar("place", default=lambda: ("", ""))


def watched() -> Watch | None:
    """Who sees what is done at this moment."""
    return _WATCH.get()


@contextmanager
def watching(watch: Watch | None) -> Iterator[None]:
    """Let it see what is done within; what was set before is set again after, in whatever context that ends."""
    before = _WATCH.get()
    _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.set(before)


class _At:
    """See `at`."""

    __slots__ = ("before", "place")

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> None:
        self.before = _PLACE.get()
        _PLACE.set(self.place)

    def __exit__(self, *_: object) -> None:
        _PLACE.set(self.before)


def at(place: Place) -> AbstractContextManager[None]:
    """What is sent within is for that place, which is asked for its names where somebody wants to know them."""
    return _At(place)


def span(name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[object]:
    """A part of the trace of the request that is under way, where it has one."""
    watch = _WATCH.get()
    return NOTHING if watch is None or watch.tracer is None else watch.tracer.span(name, attributes, False)


def sending(
    name: str, text: str, parameters: Mapping[str, Any], *, writes: bool = False, slow_ms: float = 0
) -> AbstractContextManager[object]:
    """Around one statement, from asking for a connection to its last row; one of a request that takes as long as that
    is logged, 0: none."""
    watch = _WATCH.get()
    return NOTHING if watch is None else _Sending(watch, Sent(name, text, parameters, writes, _PLACE.get()), slow_ms)


class _Sending:
    """See `sending`."""

    __slots__ = ("sent", "slow_ms", "span", "watch")

    def __init__(self, watch: Watch, sent: Sent, slow_ms: float) -> None:
        self.watch, self.sent, self.slow_ms = watch, sent, slow_ms

    def __enter__(self) -> None:
        self.span = _span_of(self.watch.tracer, self.sent) if self.watch.tracer else NOTHING
        self.span.__enter__()
        self.sent.began = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sent.seconds = perf_counter() - self.sent.began
        self.span.__exit__(kind, error, trace)
        if kind is not None:
            self.sent.code = code_of(error)
        for listener in self.watch.listeners:
            listener(self.sent)
        if self.watch.request_id and 0 < self.slow_ms <= self.sent.seconds * 1000:
            _log_slow(self.sent, self.slow_ms)


def _span_of(tracer: Tracer, sent: Sent) -> AbstractContextManager[object]:
    """Named by OpenTelemetry's conventions for databases; the text has no values."""
    what = sent.name or sent.field
    attributes = {"db.system.name": "neo4j", "db.query.summary": what, "db.query.text": sent.text, FIELD: sent.field}
    return tracer.span(f"cypher {what}", attributes, True)


def _log_slow(sent: Sent, slow_ms: float) -> None:
    took, what, text = sent.seconds * 1000, sent.name or "compiled", " ".join(sent.text.split())
    fields = {
        "message": "slow statement",
        "durationMs": round(took, 3),
        "field": sent.field,
        "statement": what,
        "access": "write" if sent.writes else "read",
        "code": sent.code or "OK",
        "cypher": sent.text,
    }
    words = "a statement of %s took %.0f ms, %g is slow (%s): %s"
    log.warning(words, sent.field or "a request", took, slow_ms, what, text, extra={"fields": fields})
