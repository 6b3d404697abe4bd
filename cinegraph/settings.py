"""Every setting, in frozen groups; built once in an entry point and handed down as arguments.

A setting is read from the environment (`CINEGRAPH_GRAPH__URI=bolt://…`) or from a file `.env`. `.env.example` is
generated from this file by `make schema`.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cinegraph.errors import InvalidInput


class Group(BaseModel):
    """A group of settings: frozen, and nothing that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphSettings(Group):
    """Where the graph is, and how long we wait for it."""

    uri: str | None = Field(None, description="Bolt URI of a Neo4j to use; empty: the local one that we run ourselves")
    user: str = Field("neo4j", description="user name at the graph")
    password: SecretStr | None = Field(None, description="password at the graph; the local one has its own, generated")
    database: str = Field("neo4j", description="name of the database")
    acquisition_timeout: float = Field(1.0, gt=0, description="seconds to wait for a free connection")
    retry_time: float = Field(2.0, ge=0, description="seconds in which a write is tried again after a passing fault")
    connect_timeout: float = Field(2.0, gt=0, description="seconds to wait for a connection to open")
    query_timeout: float = Field(5.0, gt=0, description="seconds after which the graph ends a reading statement")
    slow_ms: float = Field(
        100.0, ge=0, description="milliseconds from which a statement of a request is logged as slow; 0: none is"
    )
    pool_size: int = Field(32, ge=1, description="connections at most")
    local_port: int = Field(0, ge=0, le=65535, description="Bolt port of the local Neo4j; 0: a free one")
    local_heap_mb: int = Field(1024, ge=256, description="heap of the local Neo4j, MB")
    local_pagecache_mb: int = Field(256, ge=16, description="page cache of the local Neo4j, MB")
    start_timeout: float = Field(120.0, gt=0, description="seconds in which the local Neo4j must answer")


def _named(given: str) -> list[str]:
    """What a list names, separated by commas."""
    return [one.strip() for one in given.split(",") if one.strip()]


class ApiSettings(Group):
    """The GraphQL server and its limits."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0: a free one")
    workers: int = Field(1, ge=1, le=256, description="processes that answer, each with model and catalogue in memory")
    drain_seconds: float = Field(
        1.0, ge=0, description="seconds between the signal to end, when readiness says no, and the last new request"
    )
    trusted_proxies: str = Field(
        "",
        description="addresses or networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, "
        "separated by commas: 10.0.0.5, fd00::/64; empty: nobody's are",
    )
    graphiql: bool = Field(True, description="serve GraphiQL and answer introspection")
    federation: bool = Field(
        False, description="be a subgraph of Apollo Federation 2: answer _service and _entities, to whoever asks"
    )
    metrics: bool = Field(True, description="serve figures for Prometheus at /metrics, to whoever reaches this port")
    budget_ms: float = Field(300.0, ge=0, description="milliseconds that a request may take at most; 0: no limit")
    planning_ms: float = Field(
        3_000.0, ge=0, description="milliseconds that one may take for which the graph has to plan a statement first"
    )
    overload_ms: float = Field(
        100.0, ge=0, description="milliseconds: if half of the answers take longer, requests are turned away; 0: never"
    )
    max_bytes: int = Field(100_000, ge=1, description="bytes of a request body at most")
    request_seconds: float = Field(10.0, gt=0, description="seconds in which a request must have come whole")
    max_characters: int = Field(10_000, ge=1, description="characters of a GraphQL document at most")
    max_definitions: int = Field(50, ge=1, description="operations and fragments of a document at most, together")
    max_tokens: int = Field(1_000, ge=1, description="tokens of a GraphQL document at most")
    max_depth: int = Field(10, ge=1, description="levels of nested fields at most")
    max_aliases: int = Field(15, ge=0, description="aliases in a document at most")
    max_root_fields: int = Field(20, ge=1, description="fields of an operation's root at most")
    max_directives: int = Field(50, ge=0, description="directives in a document at most")
    max_duplicates: int = Field(10, ge=1, description="repetitions of one field in one selection at most")
    max_nodes: int = Field(10_000, ge=1, description="nodes that one request may reach by its page sizes")
    anonymous_points: int = Field(1_000, ge=1, description="points that a request without a token may cost")
    user_points: int = Field(5_000, ge=1, description="points that a request with a token may cost")
    anonymous_rate: float = Field(
        1_000.0, ge=0, description="points that an address without a token gets back each second; 0: it spends freely"
    )
    user_rate: float = Field(
        5_000.0, ge=0, description="points that a signed-in caller gets back each second; 0: they spend freely"
    )
    burst_seconds: float = Field(10.0, gt=0, description="seconds of points that a caller may spend at once")
    trusted_documents: Path | None = Field(
        None, description="manifest of the documents of a frontend's build, which clients may name by id"
    )
    only_trusted: bool = Field(False, description="answer the documents of that manifest alone")
    cache_seconds: int = Field(
        10, ge=0, description="seconds for which answers to GET without a token may be kept; 0: ask each time"
    )
    origins: tuple[str, ...] = Field(
        (),
        description='origins whose pages may send operations and open streams, beside the server\'s own: ["https://films.example"]',
    )
    max_subscriptions: int = Field(20, ge=1, description="operations of one WebSocket at the same time, at most")
    max_streams: int = Field(1_000, ge=1, description="WebSockets and event streams open in one process, at most")
    max_streams_of_one: int = Field(
        50, ge=1, description="of these, those of one caller at most: a user, or an address without a token"
    )
    init_seconds: float = Field(10.0, gt=0, description="seconds in which a WebSocket must say who it is")
    ping_seconds: float = Field(15.0, gt=0, description="seconds between signs of life of an open stream")
    slow_seconds: float = Field(15.0, gt=0, description="seconds after which a client that takes nothing is dropped")
    token_days: int = Field(30, ge=1, description="days for which a development token is valid")

    @property
    def proxies(self) -> tuple[str, ...]:
        """The networks of `trusted_proxies`; of IPv4 also as a socket for both kinds of addresses names them."""
        found = [ip_network(one) for one in _named(self.trusted_proxies)]
        mapped = [f"::ffff:{one.network_address}/{96 + one.prefixlen}" for one in found if one.version == 4]
        return (*map(str, found), *mapped)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        for one in _named(given):
            try:
                ip_network(one)
            except ValueError as error:
                raise ValueError(f"{error}; name addresses or networks, such as 10.0.0.5 or 10.0.0.0/8") from error
        return given

    @model_validator(mode="after")
    def _knows_what_it_trusts(self) -> Self:
        if self.only_trusted and self.trusted_documents is None:
            raise ValueError(
                "CINEGRAPH_API__ONLY_TRUSTED = true, and there is no manifest: "
                "set CINEGRAPH_API__TRUSTED_DOCUMENTS to its file"
            )
        return self


class LogSettings(Group):
    """What a server writes to standard error."""

    format: Literal["text", "json"] = Field("text", description="lines of text, or of JSON: text or json")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="debug, info, warning or error; from info on, a line for each request"
    )


class ServingSettings(Group):
    """How recommendations are made."""

    refresh_seconds: float = Field(0.5, gt=0, description="seconds between looks for a new model or catalogue")
    judge_seconds: float = Field(
        60.0, gt=0, description="seconds between looks at the running experiment; a broken guardrail stops its arm"
    )
    histories: int = Field(100_000, ge=1, description="user histories kept in memory at most")
    history_entries: int = Field(
        2_000_000, ge=1, description="ratings, views and the like in these histories at most, some 300 bytes each"
    )
    kept_catalogues: int = Field(
        20, ge=0, description="catalogues that served, kept so that their answers can be replayed; 0: none"
    )
    why: int = Field(3, ge=0, le=10, description="reasons for each recommendation, unless the query says otherwise")
    diversity: float = Field(0.0, ge=0, le=1, description="how unlike each other movies of a list are, unless asked")
    novelty: float = Field(0.0, ge=0, le=1, description="how little known movies of a list are, unless asked")
    calibration: float = Field(0.0, ge=0, le=1, description="how much a list has the user's genres, unless asked")
    fresh: float = Field(0.0, ge=0, le=1, description="share of places kept for new movies, unless asked")
    exploration: float = Field(0.0, ge=0, le=1, description="share of places kept for movies to try, unless asked")

    @model_validator(mode="after")
    def _leaves_places(self) -> Self:
        if self.fresh + self.exploration > 1:
            raise ValueError(f"fresh = {self.fresh:g} and exploration = {self.exploration:g} are more than all places")
        return self


class GateSettings(Group):
    """What a newly trained model must hold to be served; parts of 1 are of the live model's own figure."""

    margin: float = Field(0.05, ge=0, le=1, description="part of the live NDCG@10 that a model may surely not lose")
    cold_margin: float = Field(0.1, ge=0, le=1, description="part that may be lost on users and movies with few likes")
    diversity_fall: float = Field(0.25, ge=0, le=1, description="part of coverage, or of diversity, that may be lost")
    score_ms: float = Field(50.0, gt=0, description="milliseconds of CPU time in which a user must be scored")


class TrainingSettings(Group):
    """What models are trained from."""

    texts: bool = Field(
        True, description="encode what is written about movies, for models that read it: minutes for 10,000, once"
    )


class TrustSettings(Group):
    """Whose ratings are trained on: of what new accounts like of one movie, as much as others bear out."""

    new_account_days: int = Field(
        30, ge=0, description="days in which a new account gave most of its ratings; 0: none is new"
    )
    new_account_likes: int = Field(3, ge=0, description="likes of a movie by new accounts that count in any case")


class IngestSettings(Group):
    """Where data comes from."""

    tmdb_key: SecretStr | None = Field(None, description="TMDB's API key (v3) or read access token (v4)")


class EventsSettings(Group):
    """How subscriptions learn of changes, and what workers share."""

    redis: SecretStr | None = Field(
        None,
        description="URL of a Redis over which workers tell each other of changes, and count callers' points together; "
        "empty: each finds out by looking, and counts alone",
    )
    poll_seconds: float = Field(1.0, gt=0, description="seconds between looks at what others may have written")


class Settings(BaseSettings):
    """All of it. `home` is the one folder that holds all state: graph data, caches, logs, artefacts."""

    model_config = SettingsConfigDict(
        env_prefix="CINEGRAPH_", env_nested_delimiter="__", env_file=".env", frozen=True, extra="ignore"
    )

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("cinegraph", appauthor=False)),
        description="folder of all state; by default the platform's folder for user data",
    )
    cache: Path | None = Field(None, description="folder of fetched files; by default the platform's user cache")
    graph: GraphSettings = GraphSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
    serving: ServingSettings = ServingSettings()
    gate: GateSettings = GateSettings()
    training: TrainingSettings = TrainingSettings()
    trust: TrustSettings = TrustSettings()
    ingest: IngestSettings = IngestSettings()
    events: EventsSettings = EventsSettings()

    @property
    def cache_dir(self) -> Path:
        """Where fetched files lie: the same for every home, so that a second home fetches nothing."""
        return self.cache or Path(platformdirs.user_cache_dir("cinegraph", appauthor=False))


class TracesSettings(BaseSettings):
    """OpenTelemetry's own variables, as far as they say whether there are traces; its SDK reads the others."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", env_ignore_empty=True, frozen=True, extra="ignore")

    sdk_disabled: bool = False
    traces_exporter: str | None = None
    exporter_otlp_endpoint: str | None = None
    exporter_otlp_traces_endpoint: str | None = None
    exporter_otlp_protocol: str | None = None
    exporter_otlp_traces_protocol: str | None = None

    @property
    def exporters(self) -> tuple[str, ...]:
        """Where traces go: nowhere, unless an exporter is named, or an endpoint is given; `InvalidInput` for what there
        is not here."""
        endpoint = self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint
        given = self.traces_exporter or ("otlp" if endpoint else "none")
        names = tuple(dict.fromkeys(one.strip() for one in given.split(",")))
        if self.sdk_disabled or names == ("none",):
            return ()
        for one in names:
            if one not in TRACES_EXPORTERS:
                raise InvalidInput(f"OTEL_TRACES_EXPORTER={given!r}: otlp, console or none")
        protocol = self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol or TRACES_PROTOCOL
        if "otlp" in names and protocol != TRACES_PROTOCOL:
            raise InvalidInput(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r}: traces are sent by {TRACES_PROTOCOL}")
        return names


class FiguresSettings(BaseSettings):
    """The variable of Prometheus' own library, which workers that share their figures are started with."""

    model_config = SettingsConfigDict(env_prefix="PROMETHEUS_", env_ignore_empty=True, frozen=True, extra="ignore")

    multiproc_dir: Path | None = None


TRACES_EXPORTERS = ("otlp", "console")
TRACES_PROTOCOL = "http/protobuf"


def environment(**more: str) -> dict[str, str]:
    """The environment for a process that we start, with more variables."""
    return {**os.environ, **more}  # noqa: TID251


def load_settings(env_file: str | None = ".env") -> Settings:
    """The settings of this process; `InvalidInput` names each wrong one."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        wrong = "; ".join(
            f"CINEGRAPH_{'__'.join(str(part).upper() for part in problem['loc'])}={problem.get('input')!r}: "
            f"{problem['msg']}"
            for problem in error.errors()
        )
        raise InvalidInput(f"wrong settings: {wrong}. See .env.example for what each may be") from error
