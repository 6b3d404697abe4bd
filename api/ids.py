"""Ids and cursors as the API shows them.

An id is `Label:key` ("Movie:1"); where the label is known ("movie(id:)") the key alone will do. A cursor is sealed with
the server's secret: it may hold the key of a user that the caller must not see, and a cursor from elsewhere is refused.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cinegraph.errors import InvalidInput
from cinegraph.types import LABELS, Label, NodeRef

MAX_ID = 200


def parse_id(text: str, labels: Iterable[Label] = Label) -> NodeRef:
    """The node that a global id names; `labels` are those that make sense where it is asked for."""
    label, colon, key = text.partition(":")
    if not colon or not key or len(text) > MAX_ID or label not in LABELS:
        known = ", ".join(label.value for label in labels)
        raise InvalidInput(f"{text[:MAX_ID]!r} is not an id; an id looks like Movie:1, and its label is one of {known}")
    return NodeRef(Label(label), key)


def key_of(label: Label, text: str) -> str:
    """The key in an id of a known label: `Movie:1` or `1`."""
    prefix = f"{label}:"
    if text.startswith(prefix):
        text = text[len(prefix) :]
    elif ":" in text and text.partition(":")[0] in LABELS:
        raise InvalidInput(f"{text[:MAX_ID]!r} is not the id of a {label}; one looks like {prefix}1")
    if not text or len(text) > MAX_ID:
        raise InvalidInput(f"{text[:MAX_ID]!r} is not the id of a {label}; one looks like {prefix}1")
    return text


class Cursors:
    """Seals and opens cursors. The same values give the same cursor, so answers can be compared byte for byte."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(hashlib.sha512(b"cursor" + secret).digest()[:32])

    def seal(self, kind: str, values: list[Any]) -> str:
        """A cursor for these sort values of a connection of this kind."""
        return self.seal_bytes(kind, json.dumps(values, separators=(",", ":")).encode())

    def seal_bytes(self, kind: str, text: bytes) -> str:
        """The same for whatever is to be kept."""
        return base64.urlsafe_b64encode(self._cipher.encrypt(text, [kind.encode()])).decode().rstrip("=")

    def open(self, kind: str, cursor: str) -> list[Any]:
        """The sort values in a cursor of this kind; `InvalidInput` for anything else."""
        try:
            values: list[Any] = json.loads(self.open_bytes(kind, cursor))
        except ValueError as error:
            raise _foreign(cursor) from error
        return values

    def open_bytes(self, kind: str, sealed: str) -> bytes:
        """What was sealed as this kind; `InvalidInput` for anything else."""
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return self._cipher.decrypt(raw, [kind.encode()])
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise _foreign(sealed) from error


def _foreign(cursor: str) -> InvalidInput:
    return InvalidInput(
        f"the cursor {cursor[:60]!r} is not of this connection and order; use an endCursor that it gave"
    )
