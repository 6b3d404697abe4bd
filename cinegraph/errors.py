"""Every error that Cinegraph raises on purpose.

    CinegraphError
    ├── UsageError                 the caller asked for something that cannot be (exit code 2)
    │   ├── InvalidInput           a value that is wrong in itself
    │   ├── NotFound               an id that nothing has
    │   ├── NotSignedIn            a question about "me" without a user
    │   ├── Forbidden              what is for administrators alone
    │   └── WriteRefused           a writing statement where only reading is allowed
    ├── GraphError                 the graph could not do it (exit code 1, as all below)
    │   ├── GraphUnavailable       no connection, or it broke
    │   │   ├── GraphAway          it has not answered for a while, and was not asked
    │   │   └── OutcomeUnknown     a write whose commit was sent and not answered
    │   ├── GraphBusy              every connection was in use for too long
    │   ├── GraphAuthFailed        wrong user or password
    │   ├── GraphTimeout           a statement took longer than its limit
    │   ├── TimeBudgetSpent        a request had no time left; nothing was written
    │   ├── GraphConflict          a constraint, or a deadlock that did not resolve
    │   ├── GraphFull              no space left for a write
    │   ├── GraphStatementFailed   the server refused the statement
    │   ├── MigrationFailed        a migration that changed after it was applied, or broke
    │   └── SchemaMissing          a graph that was not made ready by us, where we only read
    ├── LocalServerError           the Neo4j that we run ourselves
    │   ├── PortInUse
    │   ├── DownloadFailed
    │   ├── ChecksumMismatch
    │   ├── ServerInUse            others use what was to be stopped
    │   └── StartFailed
    ├── WorkerFailed               a process that was to answer beside others cannot
    ├── IngestError                files that are to become a graph
    │   ├── SourceMalformed        not the format it claims to be
    │   └── QualityTooLow          more bad rows than the threshold allows
    ├── ModelError                 training, publishing, serving
    │   ├── NotEnoughData
    │   ├── ModelTooLarge          a model whose matrices do not fit
    │   ├── ModelRefused           a model that must not be served
    │   └── ArtifactCorrupt        an artefact that is truncated, foreign or changed
    ├── RunsUnavailable            the record of runs cannot be read or written
    ├── SecretBroken               a password or key in a file that was cut short
    └── MissingExtra               an optional part that is not installed

`code` is stable and goes to `extensions.code`, `retry_after` to `extensions.retryAfter`: the seconds after which the
same call may work, None where it will not by itself.
"""

import errno
from typing import ClassVar

FULL = (errno.ENOSPC, errno.EDQUOT)
"""A full disk, a quota that is used up."""


def is_full(error: BaseException | None) -> bool:
    """Whether there was no space left to write, also where that was the cause of another error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


class CinegraphError(Exception):
    """The root of the tree; the message says what is wrong, with which value, and what to do."""

    code: ClassVar[str] = "INTERNAL"
    retry_after: ClassVar[int | None] = None
    exit_code: ClassVar[int] = 1


class UsageError(CinegraphError):
    """The caller asked for something that cannot be."""

    code = "BAD_REQUEST"
    exit_code = 2


class InvalidInput(UsageError):
    """A value that is wrong in itself."""

    code = "INVALID_INPUT"


class NotFound(UsageError):
    """An id that nothing has."""

    code = "NOT_FOUND"


class NotSignedIn(UsageError):
    """A question about "me" without a user."""

    code = "NOT_SIGNED_IN"


class Forbidden(UsageError):
    """What is for administrators alone."""

    code = "FORBIDDEN"


class WriteRefused(UsageError):
    """A writing statement where only reading is allowed."""

    code = "WRITE_REFUSED"


class GraphError(CinegraphError):
    """The graph could not do it."""

    code = "GRAPH_ERROR"


class GraphUnavailable(GraphError):
    """No connection to the graph, or it broke."""

    code = "GRAPH_UNAVAILABLE"
    retry_after: ClassVar[int | None] = 5


class GraphAway(GraphUnavailable):
    """The graph has not answered for a while, and was not asked this time; nothing was written."""


class OutcomeUnknown(GraphUnavailable):
    """The commit of a write was sent, and its answer did not come: it may have been done or not."""

    code = "OUTCOME_UNKNOWN"
    retry_after = None


class GraphBusy(GraphError):
    """Every connection to the graph was in use for longer than we wait."""

    code = "GRAPH_BUSY"
    retry_after = 1


class GraphAuthFailed(GraphError):
    """Wrong user or password."""

    code = "GRAPH_AUTH_FAILED"


class GraphTimeout(GraphError):
    """A statement took longer than its limit."""

    code = "GRAPH_TIMEOUT"


class TimeBudgetSpent(GraphError):
    """The request had no time left; nothing was written by what it ended."""

    code = "TIME_BUDGET_SPENT"
    retry_after = 1


class GraphConflict(GraphError):
    """A constraint was violated, or a deadlock did not resolve."""

    code = "GRAPH_CONFLICT"
    retry_after = 1


class GraphFull(GraphError):
    """No space left for a write; reads go on."""

    code = "GRAPH_FULL"
    retry_after = 60


class GraphStatementFailed(GraphError):
    """The server refused the statement."""

    code = "GRAPH_STATEMENT_FAILED"


class MigrationFailed(GraphError):
    """A migration changed after it was applied, or broke."""

    code = "MIGRATION_FAILED"


class SchemaMissing(GraphError):
    """A graph that was not made ready by us, where we only read."""

    code = "SCHEMA_MISSING"


class LocalServerError(CinegraphError):
    """The Neo4j that we run ourselves."""

    code = "LOCAL_SERVER"


class PortInUse(LocalServerError):
    """Somebody else listens on the port."""

    code = "PORT_IN_USE"


class DownloadFailed(LocalServerError):
    """A part could not be fetched."""

    code = "DOWNLOAD_FAILED"
    retry_after = 5


class ChecksumMismatch(LocalServerError):
    """What was fetched is not what the lock names."""

    code = "CHECKSUM_MISMATCH"


class ServerInUse(LocalServerError):
    """Others use what was to be stopped."""

    code = "SERVER_IN_USE"


class StartFailed(LocalServerError):
    """The server ended, or did not answer in time."""

    code = "START_FAILED"


class WorkerFailed(CinegraphError):
    """A process that was to answer beside others ended before it did, or again and again."""

    code = "WORKER_FAILED"


class IngestError(CinegraphError):
    """Files that are to become a graph."""

    code = "INGEST_FAILED"


class SourceMalformed(IngestError):
    """Not the format it claims to be."""

    code = "SOURCE_MALFORMED"


class QualityTooLow(IngestError):
    """More bad rows than the threshold allows."""

    code = "QUALITY_TOO_LOW"


class ModelError(CinegraphError):
    """Training, publishing, serving."""

    code = "MODEL_ERROR"


class NotEnoughData(ModelError):
    """Too few users, movies or interactions for what was asked."""

    code = "NOT_ENOUGH_DATA"


class ModelTooLarge(ModelError):
    """A model whose matrices would take more memory than it may have."""

    code = "MODEL_TOO_LARGE"


class ModelRefused(ModelError):
    """A model that must not be served; the old one keeps serving."""

    code = "MODEL_REFUSED"


class ArtifactCorrupt(ModelError):
    """An artefact that is truncated, foreign or changed."""

    code = "ARTIFACT_CORRUPT"


class RunsUnavailable(CinegraphError):
    """The record of runs cannot be read or written."""

    code = "RUNS_UNAVAILABLE"


class SecretBroken(CinegraphError):
    """A password or key in a file that was cut short."""

    code = "SECRET_BROKEN"


class MissingExtra(CinegraphError):
    """An optional part that is not installed."""

    code = "MISSING_EXTRA"
