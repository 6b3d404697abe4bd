"""Figures for Prometheus, each application's own. Labels have few values: none is what a client sent."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.context import Services
from api.gauges import GAUGES, Now
from api.lacking import Part
from api.metrics_of_workers import StateOfWorker, registry_of_workers
from cinegraph import __version__
from cinegraph.errors import CinegraphError, UsageError
from cinegraph.telemetry import CANCELLED, Sent

OK: Final = "OK"
"""The code of what ended without an error."""
ELSE: Final = "OTHER"
"""The code of an error whose own is not known here."""
REFUSALS: Final = frozenset(
    {
        "BODY_TOO_LARGE",
        "DOCUMENT_NOT_FOUND",
        "DOCUMENT_NOT_TRUSTED",
        "GRAPHQL_VALIDATION_FAILED",
        "HEADERS_TOO_LARGE",
        "METHOD_NOT_ALLOWED",
        "NOT_ACCEPTABLE",
        "OVERLOADED",
        "PERSISTED_QUERY_NOT_FOUND",
        "RATE_LIMITED",
        "REQUEST_TIMEOUT",
        "TOO_MANY_STREAMS",
        "TOO_MANY_SUBSCRIPTIONS",
        "UNSUPPORTED_MEDIA_TYPE",
        "URI_TOO_LONG",
    }
)
"""Codes that no class of an error of ours has."""
OURS: Final = frozenset({"OVERLOADED"})
"""Those that are not about what was asked."""
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the classes of the histograms."""

# a second series for each counter, which says when it began, is of no use here
disable_created_metrics()  # type: ignore[no-untyped-call]


def codes() -> frozenset[str]:
    """Every code that an error may have."""
    return frozenset({OK, CANCELLED, *REFUSALS, *(kind.code for kind in _kinds(CinegraphError))})


def is_the_clients(code: str) -> bool:
    """Whether an error of that code is about what was asked, and not about what we are."""
    return code in REFUSALS - OURS or any(kind.code == code for kind in _kinds(UsageError))


def _kinds(kind: type[CinegraphError]) -> Iterator[type[CinegraphError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)


def _series(figure: Counter | Histogram, *labels: str) -> Any:
    return figure.labels(*labels)


class Metrics:
    """The figures of one application, and what is read of its services when they are asked for; where it is one of
    several workers, they share a `folder`, and each shows those of all."""

    def __init__(self, services: Services, folder: Path | None = None) -> None:
        self._registry = registry = CollectorRegistry()
        self._codes = codes()
        # of each application, since a cache beside it would keep its figures alive; it has no more entries than series
        self._series: Callable[..., Any] = cache(_series)
        self._requests = Counter(
            "cinegraph_requests",
            "Requests that were answered, by operation (its name where its document is trusted), kind, HTTP status and "
            "code of the first error.",
            ("operation", "kind", "status", "code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "cinegraph_request_duration_seconds",
            "Seconds from the end of a request's head to its answer.",
            ("operation", "kind"),
            buckets=SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "cinegraph_requests_refused",
            "Requests that were turned away before anything ran, by code.",
            ("code",),
            registry=registry,
        )
        self._in_flight = Gauge(
            "cinegraph_requests_in_flight", "Requests under way.", registry=registry, multiprocess_mode="livesum"
        )
        self._sent = Histogram(
            "cinegraph_statement_duration_seconds",
            "Seconds of statements sent to the graph, from asking for a connection to the last row, for requests and "
            "beside them.",
            ("access", "origin"),
            buckets=SECONDS,
            registry=registry,
        )
        self._failed = Counter(
            "cinegraph_statements_failed", "Statements that ended with an error, by code.", ("code",), registry=registry
        )
        self._degraded = Counter(
            "cinegraph_degraded_answers",
            "Answers that were given without what did not answer: the graph, the caller's history, the model.",
            ("without",),
            registry=registry,
        )
        for part in Part:
            self._degraded.labels(part.value)
        self.now = Now(services)
        self._state: StateOfWorker | None = None
        if folder is None:
            registry.register(_State(self.now))
            ProcessCollector(registry=registry)
        else:
            self._state = StateOfWorker(self.now, registry)
            self._registry = registry_of_workers(folder)

    async def watch(self) -> None:
        """What has to go on meanwhile, until it is cancelled."""
        if self._state is not None:
            await self._state.watch()

    def began(self) -> None:
        """A request is under way."""
        self._in_flight.inc()

    def left(self) -> None:
        """A request is no longer under way, and what it began is counted by itself."""
        self._in_flight.dec()

    def ended(self, operation: str, kind: str, status: int, code: str | None, seconds: float) -> None:
        """A request is answered; `code` is that of its first error."""
        self._in_flight.dec()
        self._series(self._requests, operation, kind, str(status), self._bounded(code or OK)).inc()
        self._series(self._seconds, operation, kind).observe(seconds)

    def refused(self, code: str) -> None:
        """A request was turned away."""
        self._refused.labels(self._bounded(code)).inc()

    def degraded(self, without: Sequence[str]) -> None:
        """A request was answered without these."""
        for part in without:
            self._degraded.labels(part).inc()

    def sent(self, sent: Sent) -> None:
        """A statement was sent for a request."""
        self._note(sent, "request")

    def sent_beside(self, sent: Sent) -> None:
        """A statement was sent beside requests: looking for what is new, writing what is noted."""
        self._note(sent, "background")

    def _note(self, sent: Sent, origin: str) -> None:
        self._series(self._sent, "write" if sent.writes else "read", origin).observe(sent.seconds)
        if sent.code is not None:
            self._failed.labels(self._bounded(sent.code)).inc()

    def _bounded(self, code: str) -> str:
        return code if code in self._codes else ELSE

    def shown(self, accept: str) -> tuple[bytes, str]:
        """All figures, and their media type: OpenMetrics where that is accepted, Prometheus' own text otherwise."""
        if self._state is not None:
            self._state.note()
        encode, media = choose_encoder(accept)
        return encode(self._registry), media


class _State(Collector):
    """What is served, as it is when it is asked for."""

    def __init__(self, now: Now) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks for nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        model = self._now.services.serving.model_version
        yield InfoMetricFamily("cinegraph_build", "The version of Cinegraph.", {"version": __version__})
        yield InfoMetricFamily("cinegraph_model", "The model that is served.", {"version": model})
        for one in GAUGES:
            yield GaugeMetricFamily(one.name, one.about, one.read(self._now))
