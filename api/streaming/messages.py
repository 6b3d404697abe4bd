"""The messages of `graphql-transport-ws`: what a client may send, and the codes that a connection is closed with.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from api.parsing import parsed

PROTOCOL: Final = "graphql-transport-ws"
LONGEST_ID: Final = 200
KINDS: Final = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})
OF_ONE: Final = frozenset({"subscribe", "complete"})
"""Messages about one operation, which name it by its id."""


class Code(IntEnum):
    """Why the server closes a connection; clients connect again after those below 4000."""

    GOING_AWAY = 1001
    TRY_AGAIN = 1013
    FAILED = 1011
    BAD_MESSAGE = 4400
    NOT_INITIALISED = 4401
    FORBIDDEN = 4403
    WRONG_PROTOCOL = 4406
    INIT_TIMEOUT = 4408
    TAKEN = 4409
    TOO_MANY_INITS = 4429


class Closed(Exception):
    """The connection is to be closed by the server."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Message:
    """What a client sends."""

    kind: str
    id: str
    payload: dict[str, Any] | None


def read_message(text: str | None, most: int) -> Message:
    """A message; raises `Closed` for anything else, or one of more than `most` bytes."""
    if text is None:
        raise Closed(Code.BAD_MESSAGE, "messages are texts, not bytes")
    if len(text) > most or len(text.encode(errors="replace")) > most:
        raise Closed(Code.BAD_MESSAGE, f"a message has {most} bytes at most")
    try:
        given = parsed(text)
    except (ValueError, RecursionError) as error:
        raise Closed(Code.BAD_MESSAGE, "a message is an object of JSON") from error
    if not isinstance(given, dict) or given.get("type") not in tuple(KINDS):
        raise Closed(Code.BAD_MESSAGE, f"a message is an object whose type is one of {', '.join(sorted(KINDS))}")
    kind, id_, payload = given["type"], given.get("id"), given.get("payload")
    if kind in OF_ONE and not (isinstance(id_, str) and 1 <= len(id_) <= LONGEST_ID):
        raise Closed(Code.BAD_MESSAGE, f"{kind} needs an id of 1 to {LONGEST_ID} characters")
    if not isinstance(payload, dict) and (payload is not None or kind == "subscribe"):
        raise Closed(Code.BAD_MESSAGE, f"the payload of {kind} is an object")
    return Message(kind, str(id_) if kind in OF_ONE else "", payload)
