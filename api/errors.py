"""Errors as the client sees them: a code, a message of ours, the request's id; never a stack, a statement or a host."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from graphql import GraphQLError
from starlette.responses import JSONResponse

from api.caching import PRIVATE
from api.observing import note_error
from cinegraph.errors import (
    CinegraphError,
    GraphAuthFailed,
    GraphAway,
    GraphBusy,
    GraphError,
    GraphFull,
    GraphTimeout,
    GraphUnavailable,
    ModelError,
    NotSignedIn,
    OutcomeUnknown,
    TimeBudgetSpent,
    UsageError,
)

log = logging.getLogger("cinegraph.api")

WORDS: dict[type[CinegraphError], str] = {
    GraphUnavailable: "the graph does not answer at the moment; try again in some seconds",
    GraphBusy: "the graph is busy at the moment; try again in a second",
    GraphAuthFailed: "the graph refuses the server's credentials; the operator has to set them right",
    GraphTimeout: "the graph took too long for this; ask for less",
    GraphFull: "the graph has no space left for writes; reading goes on",
    GraphError: "the graph could not answer this",
    ModelError: "there is no model that could answer this; the operator has to train one with cinegraph train",
    CinegraphError: "the server is not able to do this; the request id helps to find the reason in its log",
}
"""What the client is told of an error that is not about what was asked, by the first kind that fits: the words of the
error itself name hosts, files and statements, and are for the log."""
PLAIN: Final = (UsageError, GraphAway, OutcomeUnknown, TimeBudgetSpent)
"""Errors in words that the client may read."""
INTERNAL: Final = "something went wrong on the server; the request id helps to find it in its log"


class Refused(UsageError):
    """A request that cannot be run; `status` is HTTP's, `again` the seconds after which it may be sent once more."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, *, again: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.reason, self.headers, self.again = status, code, headers, again


def shown(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """Errors for the answer; what is not ours is logged with its stack and shown as INTERNAL."""
    return [_shown(error, request_id) for error in errors]


def _shown(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = error.original_error
    if isinstance(cause, GraphQLError):
        cause = cause.original_error
    message, code = _words(error, cause, request_id)
    note_error(code)
    if code == "INTERNAL":
        log.error("request %s failed", request_id, exc_info=cause)
    formatted = dict(error.formatted)
    formatted["message"] = message
    again = again_of(cause) if isinstance(cause, CinegraphError) else None
    formatted["extensions"] = {**(error.extensions or {}), **_extensions(code, request_id, again)}
    return formatted


def _extensions(code: str, request_id: str, again: int | None) -> dict[str, Any]:
    """Of every error; `retryAfter` only where trying again may help."""
    return {"code": code, "requestId": request_id, **({} if again is None else {"retryAfter": again})}


def _words(error: GraphQLError, cause: BaseException | None, request_id: str) -> tuple[str, str]:
    if cause is None:
        return error.message, str((error.extensions or {}).get("code", "GRAPHQL_VALIDATION_FAILED"))
    if isinstance(cause, CinegraphError):
        return _words_of(cause, request_id), code_of(cause)
    return INTERNAL, CinegraphError.code


def _words_of(error: CinegraphError, request_id: str) -> str:
    """What a client may read of an error of ours; what is left out goes to the log."""
    if not isinstance(error, UsageError):
        log.warning("request %s: %s %s: %s", request_id, type(error).__name__, error.code, error)
    if isinstance(error, PLAIN):
        return str(error)
    return next(text for kind, text in WORDS.items() if isinstance(error, kind))


def code_of(error: CinegraphError) -> str:
    """An error's code; that of a request that cannot be run says why."""
    return error.reason if isinstance(error, Refused) else error.code


def again_of(error: CinegraphError) -> int | None:
    """Seconds after which the same call may work; None where it will not by itself."""
    return error.again if isinstance(error, Refused) else error.retry_after


def refusal(
    status: int,
    code: str,
    message: str,
    request_id: str,
    headers: dict[str, str] | None = None,
    again: int | None = None,
) -> JSONResponse:
    """An answer to a request that was not run at all, and that no cache keeps: some statuses it may, unless told."""
    note_error(code, refused=True)
    head = {**PRIVATE, **(headers or {}), **({} if again is None else {"Retry-After": str(again)})}
    return JSONResponse(refusal_body(code, message, request_id, again), status, headers=head)


def refusal_body(code: str, message: str, request_id: str, again: int | None = None) -> dict[str, Any]:
    """What is said of a request that was not run at all; the seconds are those of its `Retry-After`."""
    return {"errors": [{"message": message, "extensions": _extensions(code, request_id, again)}]}


def told(error: CinegraphError, request_id: str) -> list[dict[str, Any]]:
    """An error of ours that kept an operation from running, for where there is no status of HTTP."""
    return shown([GraphQLError(str(error), original_error=error)], request_id)


def refused(error: CinegraphError, request_id: str) -> JSONResponse:
    """The answer to a request that an error of ours kept from running."""
    words, code, again = _words_of(error, request_id), code_of(error), again_of(error)
    if isinstance(error, Refused):
        return refusal(error.status, code, words, request_id, error.headers, again)
    if isinstance(error, NotSignedIn):
        return refusal(401, code, words, request_id, {"WWW-Authenticate": "Bearer"})
    if isinstance(error, UsageError):
        return refusal(400, code, words, request_id)
    return refusal(500 if again is None else 503, code, words, request_id, again=again)


def failed(error: Exception, request_id: str) -> JSONResponse:
    """The answer to a request that a bug of ours kept from being answered."""
    log.error("request %s failed", request_id, exc_info=error)
    return refusal(500, CinegraphError.code, INTERNAL, request_id)
