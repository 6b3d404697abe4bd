"""Spans by OpenTelemetry: the only file that knows it, loaded where its variables ask for traces.

The SDK reads its own variables: the service's name and resource, the sampler, the endpoint, headers and timeouts of the
exporter, the limits of the queue. Of errors a span has the code alone, since messages may hold values.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cinegraph import __version__
from cinegraph.telemetry import Value, code_of

log = logging.getLogger(__name__)

LAST_SECONDS: Final = 3.0
"""How long the end of a server waits for spans to be sent."""


class Spanned:
    """A span; as a context manager it ends with its block."""

    __slots__ = ("span",)

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return trace.format_trace_id(self.span.get_span_context().trace_id)

    def name(self, name: str) -> None:
        """Call it so."""
        self.span.update_name(name)

    def put(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self.span.set_attribute(name, value)

    def fail(self) -> None:
        """Say that it failed."""
        self.span.set_status(StatusCode.ERROR)

    def __enter__(self) -> "Spanned":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.put("error.type", code_of(error))
            self.fail()
        self.span.end()


class OpenTelemetry:
    """Makes spans of a provider."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer("cinegraph", __version__)

    @contextmanager
    def operation(self, headers: Mapping[str, str]) -> Iterator[Spanned]:
        """A request, within the trace that its headers name (W3C's `traceparent`)."""
        span = self._tracer.start_span("GraphQL Operation", extract(headers), SpanKind.SERVER)
        with (
            Spanned(span) as spanned,
            trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False),
        ):
            yield spanned

    def span(self, name: str, attributes: Mapping[str, Value], outward: bool) -> Spanned:
        """A part of the operation; nothing is within it, so that tasks and threads begin and end it as they like."""
        kind = SpanKind.CLIENT if outward else SpanKind.INTERNAL
        return Spanned(self._tracer.start_span(name, kind=kind, attributes=attributes))


@asynccontextmanager
async def sending_to(exporters: Sequence[str]) -> AsyncIterator[OpenTelemetry]:
    """Spans that are sent by `otlp` or written by `console`; at the end those that wait, as far as that takes no longer
    than some seconds."""
    ours = Resource({"service.name": "cinegraph", "service.version": __version__})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    for name in exporters:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    try:
        yield OpenTelemetry(provider)
    finally:
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, LAST_SECONDS)
        if ending.is_alive():
            log.warning("traces could not be sent in %g s, and the last ones are lost", LAST_SECONDS)


def _exporter(name: str) -> SpanExporter:
    return OTLPSpanExporter() if name == "otlp" else ConsoleSpanExporter()
