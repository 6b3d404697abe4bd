"""Refusals as they are written to a connection itself, where no application answers."""

from http.client import responses
from typing import Final

import orjson

from api.caching import PRIVATE
from api.errors import refusal_body

LATE: Final = "late"
"""In a request's state: it did not come whole in time, and the connection has told the client so."""
SAME: Final = "".join(
    f"{name.lower()}: {value}\r\n" for name, value in {"Content-Type": "application/json", **PRIVATE}.items()
)
"""The headers of every refusal."""


def refusal_bytes(status: int, code: str, message: str, request_id: str, again: int | None = None) -> bytes:
    """The whole answer to a request that the application does not see, in the form of all refusals. It says when to
    come again, or that the connection ends with it."""
    header = "connection: close" if again is None else f"retry-after: {again}"
    body = orjson.dumps(refusal_body(code, message, request_id, again))
    own = f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n{header}"
    return f"HTTP/1.1 {status} {responses[status]}\r\n{SAME}{own}\r\n\r\n".encode() + body
