"""What a trace has of a request, and what never; and that it arrives by OTLP where OpenTelemetry's variables say so."""

import asyncio
import http.server
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api.context import Services
from api.documents import Documents
from api.server import build_app
from cinegraph.app import tracing
from cinegraph.errors import InvalidInput
from cinegraph.logs import JsonLines
from cinegraph.settings import ApiSettings, TracesSettings
from cinegraph.tracing import OpenTelemetry
from graph.catalog import read_statement
from graph.client import Address, GraphClient
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import RATE, SECRET, TITLE, bearer, client_of
from tests.conftest import GRAPH_SETTINGS

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LIST = (
    "query Watch($liked: [ID!]) "
    "{ recommendations(first: 2, liked: $liked) { edges { node { title } why { sentence } } } }"
)


class Traced:
    """An application and its spans."""

    def __init__(self, services: Services, documents: Documents | None = None) -> None:
        self._exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.app = build_app(services, ApiSettings(budget_ms=0), SECRET, documents, OpenTelemetry(provider))

    async def ask(self, query: str, headers: dict[str, str] | None = None, **body: Any) -> list[ReadableSpan]:
        """The spans of one request, in the order of their beginnings."""
        self._exporter.clear()
        async with client_of(self.app) as client:
            await client.post("/graphql", json={"query": query, **body}, headers=headers)
        return sorted(self._exporter.get_finished_spans(), key=lambda one: one.start_time or 0)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_trace_has_the_operation_what_was_compiled_the_statements_and_the_model(services: Services) -> None:
    """The compiler works where the plan is new alone."""
    traced = Traced(services, Documents({"watch": LIST}))
    asked = {"variables": {"liked": ["1"]}, "headers": bearer("3")}
    operation, *parts = await traced.ask(LIST, **asked)
    assert sorted(one.name for one in parts) == [
        "compile",
        "cypher Query.recommendations",
        "cypher path/edges_by_id",
        "cypher user/history",
        "rank",
        "reasons",
    ]
    assert (operation.name, operation.kind, operation.parent) == ("query Watch", SpanKind.SERVER, None)
    assert operation.context is not None
    for one in parts:
        assert one.parent is not None
        assert one.parent.span_id == operation.context.span_id
        assert one.kind == (SpanKind.CLIENT if one.name.startswith("cypher") else SpanKind.INTERNAL)
        assert (operation.start_time or 0) <= (one.start_time or 0) <= (one.end_time or 0) <= (operation.end_time or 0)
        assert one.status.status_code is StatusCode.UNSET
    again = await traced.ask(LIST, **asked)
    assert "compile" not in {one.name for one in again}


async def test_attributes_are_those_of_the_conventions(services: Services) -> None:
    traced = Traced(services, Documents({"watch": LIST}))
    variables, headers = {"liked": ["1"]}, {**bearer("3"), "X-Request-Id": "request-1"}
    spans = {one.name: attributes(one) for one in await traced.ask(LIST, headers, variables=variables)}
    assert spans["query Watch"] == {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Watch",
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "cinegraph.request.id": "request-1",
    }
    assert spans["cypher path/edges_by_id"] == {
        "db.system.name": "neo4j",
        "db.query.summary": "path/edges_by_id",
        "db.query.text": read_statement("path/edges_by_id").text,
        "cinegraph.field": "Query.recommendations",
    }
    assert spans["rank"] == spans["reasons"] == {"cinegraph.model.version": services.serving.model_version}


async def test_an_operation_that_anybody_may_send_has_no_name(services: Services) -> None:
    first, *_ = await Traced(services).ask(f"query Mine {TITLE}")
    assert (first.name, "graphql.operation.name" in attributes(first)) == ("query", False)
    (refused,) = await Traced(services).ask("{" * 100)
    assert refused.name == "GraphQL Operation"
    assert attributes(refused)["error.type"] == "LIMIT_EXCEEDED"
    assert attributes(refused)["http.response.status_code"] == 400
    assert refused.status.status_code is StatusCode.UNSET, "the client's fault is no fault of the server's"


async def test_the_trace_that_a_request_names_goes_on(services: Services) -> None:
    traced = Traced(services)
    spans = await traced.ask(TITLE, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert {f"{one.context.trace_id:032x}" for one in spans if one.context} == {TRACE}
    assert spans[0].parent is not None
    assert f"{spans[0].parent.span_id:016x}" == PARENT
    assert len(spans) > 1
    assert await traced.ask(TITLE, {"traceparent": f"00-{TRACE}-{PARENT}-00"}) == [], "one that is not sampled"
    for wrong in ("nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"):
        begun = await traced.ask(TITLE, {"traceparent": wrong})
        assert begun[0].parent is None


async def test_the_log_of_a_request_names_its_trace(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cinegraph.requests"):
        await Traced(services).ask(TITLE, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    (record,) = [one for one in caplog.records if one.name == "cinegraph.requests"]
    assert f'"traceId":"{TRACE}"' in JsonLines().format(record)


async def test_requests_at_once_have_traces_of_their_own(services: Services) -> None:
    traced = Traced(services)
    async with client_of(traced.app) as client:
        bodies = [{"query": f"query Q{number} {TITLE}"} for number in range(10)]
        await asyncio.gather(*(client.post("/graphql", json=body) for body in bodies))
    spans = traced._exporter.get_finished_spans()
    traces = {one.context.trace_id: one for one in spans if one.context and one.parent is None}
    assert len(traces) == 10
    for one in spans:
        assert one.context is not None
        root = traces[one.context.trace_id].context
        assert one.parent is None or (root is not None and one.parent.span_id == root.span_id)


async def test_what_fails_on_our_side_is_an_error_with_its_code(tmp_path: Path) -> None:
    async with GraphClient(Address("bolt://127.0.0.1:1", "neo4j", "password", "neo4j"), GRAPH_SETTINGS) as client:
        spans = await Traced(api_over(client, Serving(client.reader, tmp_path)).services).ask(TITLE)
    operation, *statements = [one for one in spans if one.name != "compile"]
    assert len(statements) == 2, "tried twice"
    for one in (operation, *statements):
        assert one.status.status_code is StatusCode.ERROR
        assert attributes(one)["error.type"] == "GRAPH_UNAVAILABLE"
        assert (one.status.description, one.events) == (None, ())


async def test_nothing_that_a_client_sent_is_in_a_span(services: Services) -> None:
    """Values, names that it chose, tokens."""
    traced, headers = Traced(services), {**bearer("canary-user"), "X-Forwarded-For": "203.0.113.77"}
    sent: list[dict[str, Any]] = [
        {"query": "query Canary($t: String!) { search(query: $t) { totalCount } }", "variables": {"t": "canary text"}},
        {"query": '{ canary: movie(id: "canary text") { canary: title } }'},
        {"query": RATE.replace('"5"', '"canary text"')},
        {"query": RATE},
        {"query": "{ canary }"},
    ]
    spans = [one for body in sent for one in await traced.ask(headers=headers, **body)]
    assert len(spans) > 2 * len(sent)
    assert {one.name for one in spans} >= {"query", "mutation", "cypher user/rate", "cypher Query.search"}
    written = "".join(one.to_json() for one in spans).lower()
    for canary in ("canary", "203.0.113.77", headers["Authorization"][7:].lower()):
        assert canary not in written


# -- by OTLP ---------------------------------------------------------------------------------------------------------


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what OTLP's exporter sends over HTTP, or does not answer until it may."""

    def __init__(self, answers: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.received = list[tuple[str, dict[str, str], bytes]]()
        self.may = threading.Event()
        if answers:
            self.may.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Receiving(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.may.wait()
        self.server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, content))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver(getattr(request, "param", True))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
    yield server
    server.may.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_are_sent_by_otlp_where_the_variables_say_so(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "films")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=cinema")
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    async with (
        tracing(TracesSettings()) as tracer,
        client_of(build_app(services, ApiSettings(budget_ms=0), SECRET, tracer=tracer)) as client,
    ):
        await client.post("/graphql", json={"query": TITLE}, headers=headers)
    ((path, headers, content),) = receiver.received
    assert (path, headers["content-type"], headers["x-tenant"]) == ("/v1/traces", "application/x-protobuf", "cinema")
    (sent,) = ExportTraceServiceRequest.FromString(content).resource_spans
    resource = {one.key: one.value.string_value for one in sent.resource.attributes}
    assert resource["service.name"] == "films"
    (scope,) = sent.scope_spans
    assert {one.name for one in scope.spans} >= {"query", "cypher Query.movie"}
    assert {one.trace_id.hex() for one in scope.spans} == {TRACE}


async def test_the_service_is_called_cinegraph_unless_it_is_told(receiver: Receiver) -> None:
    async with tracing(TracesSettings()) as tracer:
        assert tracer is not None
        with tracer.operation({}):
            pass
    ((_, _, content),) = receiver.received
    (sent,) = ExportTraceServiceRequest.FromString(content).resource_spans
    assert {one.key: one.value.string_value for one in sent.resource.attributes}["service.name"] == "cinegraph"


@pytest.mark.parametrize("receiver", [False], indirect=True)
async def test_the_end_does_not_wait_for_a_receiver_that_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cinegraph.tracing.LAST_SECONDS", 0.1)
    async with tracing(TracesSettings()) as tracer:
        assert tracer is not None
        with tracer.operation({}):
            pass
    assert receiver.received == []
    assert "traces could not be sent in 0.1 s, and the last ones are lost" in caplog.text


@pytest.mark.parametrize(
    ("given", "exporters"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "films"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://there:4318/v1/traces"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_TRACES_EXPORTER": "none"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_SDK_DISABLED": "true"}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ("otlp", "console")),
    ],
)
def test_traces_are_made_where_an_exporter_or_an_endpoint_is_named(
    given: dict[str, str], exporters: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert TracesSettings().exporters == exporters


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER='zipkin': otlp, console or none"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL='grpc': traces are sent by http/protobuf",
        ),
    ],
)
async def test_what_there_is_not_is_named(given: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as raised:
        async with tracing(TracesSettings()):
            pass
    assert str(raised.value) == words
