"""Documents that clients name by an id in place of sending them.

Trusted ones come as a manifest from the frontend's build, are known from the start, and may be all that is answered.
Any other document may be sent once with its SHA-256, after which the hash is enough (automatic persisted queries, as
Apollo's clients ask for them): that saves bytes, and trusts nobody, since what is kept is checked as what is sent.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api.errors import Refused
from cinegraph.errors import InvalidInput

FORMAT: Final = "apollo-persisted-query-manifest"
KEPT_CHARACTERS: Final = 8_000_000
"""Characters of documents that clients have sent with their hash, at most; the least recently named go first."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a request says of its document: the text, the id that it names it by, or both."""

    text: str | None
    id: str | None = None
    hashed: bool = False
    """Whether the id is the SHA-256 of an automatic persisted query."""


@dataclass
class Documents:
    """Documents by id: the trusted ones, and those that clients have sent with their hash."""

    trusted: Mapping[str, str] = field(default_factory=dict)
    only_trusted: bool = False
    _texts: frozenset[str] = field(init=False)
    _sent: OrderedDict[str, str] = field(init=False, default_factory=OrderedDict)
    _characters: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._texts = frozenset(self.trusted.values())

    def find(self, named: Named) -> str:
        """The text of a document; raises `Refused` where it is not known, or must not be run."""
        if named.id is not None and named.id in self.trusted:
            return self._same(named, self.trusted[named.id])
        if self.only_trusted and (named.text not in self._texts or (named.id is not None and not named.hashed)):
            raise Refused(403, "DOCUMENT_NOT_TRUSTED", _not_trusted(named))
        if named.text is None:
            return self._found(named)
        if named.hashed and hashlib.sha256(named.text.encode()).hexdigest() != named.id:
            raise Refused(400, "BAD_REQUEST", f"sha256Hash is {named.id}, which is not the SHA-256 of the query")
        return named.text

    def keep(self, named: Named) -> None:
        """Remember a document that was sent with its hash, once it is known to be within the limits."""
        if not named.hashed or named.text is None or named.id is None or named.id in self.trusted:
            return
        if named.id not in self._sent:
            self._sent[named.id] = named.text
            self._characters += len(named.text)
        while self._characters > KEPT_CHARACTERS:
            self._characters -= len(self._sent.popitem(last=False)[1])

    def _found(self, named: Named) -> str:
        assert named.id is not None
        if not named.hashed:
            raise Refused(404, "DOCUMENT_NOT_FOUND", f"documentId {named.id[:100]!r} is not in the manifest")
        if named.id not in self._sent:
            # clients look for this message; a cache that kept it would keep them from sending the document
            raise Refused(200, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        self._sent.move_to_end(named.id)
        return self._sent[named.id]

    @staticmethod
    def _same(named: Named, trusted: str) -> str:
        if named.text is not None and named.text != trusted:
            raise Refused(400, "BAD_REQUEST", f"the query is not the document that is {named.id} in the manifest")
        return trusted


def _not_trusted(named: Named) -> str:
    what = f"the document {named.id[:100]!r}" if named.id else "this query"
    return f"{what} is not in the manifest of the frontend's build, and no other is run here"


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest by id: Apollo's format, or an object of ids and texts as GraphQL Code Generator and
    Relay's compiler write it. Raises `InvalidInput` for anything else."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path}: the manifest of trusted documents cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InvalidInput(f"{path}: the manifest of trusted documents is not JSON ({error})") from error
    if not isinstance(given, dict):
        raise InvalidInput(f"{path}: an object of ids and documents is wanted, or one of {FORMAT}")
    found = _of_apollo(path, given) if "operations" in given or "format" in given else given
    for id_, text in found.items():
        if not id_ or not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"{path}: {id_!r} has no text of a document")
    return found


def _of_apollo(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("format") != FORMAT or given.get("version") != 1 or not isinstance(given.get("operations"), list):
        what = f"format {given.get('format')!r}, version {given.get('version')!r}"
        raise InvalidInput(f"{path}: {what}; a list of operations of {FORMAT!r}, version 1, is read here")
    found = dict[str, Any]()
    for place, one in enumerate(given["operations"]):
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            raise InvalidInput(f"{path}: operation {place} has no id")
        if one["id"] in found:
            raise InvalidInput(f"{path}: two operations have the id {one['id']!r}")
        found[one["id"]] = one.get("body")
    return found
