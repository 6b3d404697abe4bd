"""Errors as the client sees them: a code, a message of ours, the request's id; never a stack, a statement or a host."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError
from starlette.responses import JSONResponse

from cinegraph.errors import (
    CinegraphError,
    GraphAuthFailed,
    GraphBusy,
    GraphError,
    GraphFull,
    GraphTimeout,
    GraphUnavailable,
    UsageError,
)

log = logging.getLogger("cinegraph.api")

WORDS: dict[type[GraphError], str] = {
    GraphUnavailable: "the graph does not answer at the moment; try again in some seconds",
    GraphBusy: "the graph is busy at the moment; try again in a second",
    GraphAuthFailed: "the graph refuses the server's credentials; the operator has to set them right",
    GraphTimeout: "the graph took too long for this; ask for less",
    GraphFull: "the graph has no space left for writes; reading goes on",
}
"""What the client is told in place of the graph's own words."""


class Refused(UsageError):
    """A request that cannot be run; `status` is HTTP's."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.headers = status, code, headers


def shown(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """Errors for the answer; what is not ours is logged with its stack and shown as INTERNAL."""
    return [_shown(error, request_id) for error in errors]


def _shown(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = error.original_error
    if isinstance(cause, GraphQLError):
        cause = cause.original_error
    message, code = _words(error, cause, request_id)
    if code == "INTERNAL":
        log.error("request %s failed", request_id, exc_info=cause)
    formatted = dict(error.formatted)
    formatted["message"] = message
    formatted["extensions"] = {**(error.extensions or {}), "code": code, "requestId": request_id}
    return formatted


def _words(error: GraphQLError, cause: BaseException | None, request_id: str) -> tuple[str, str]:
    if cause is None:
        return error.message, str((error.extensions or {}).get("code", "GRAPHQL_VALIDATION_FAILED"))
    if isinstance(cause, GraphError):
        text = next(
            (text for kind, text in WORDS.items() if isinstance(cause, kind)), "the graph could not answer this"
        )
        log.warning("request %s: graph error %s: %s", request_id, cause.code, cause)
        return text, cause.code
    if isinstance(cause, CinegraphError):
        return str(cause), cause.code
    return "something went wrong on the server; the request id helps to find it in its log", "INTERNAL"


def refusal(
    status: int, code: str, message: str, request_id: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An answer to a request that was not run at all."""
    body = {"errors": [{"message": message, "extensions": {"code": code, "requestId": request_id}}]}
    return JSONResponse(body, status, headers=headers)
