"""What a request may be, checked before it is parsed or validated, in time linear in its size.

graphql-core's validation can take 200 ms for a valid document of 2.4 KB, so the document is first read by a tokeniser
that does nothing but count. Fragments are counted where they are spread, each once, so a document that grows when it
is expanded is refused by what it would become.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cinegraph.errors import UsageError
from cinegraph.settings import ApiSettings

_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?|"(?:[^"\\\n]++|\\.)*+"?'  # strings, also those that do not end
    r"|#[^\n]*+|[\s,\ufeff]++|\.\.\.|[A-Za-z_]\w*+|-?\d[\w.+-]*+|.",
    re.S,
)
_NAME = re.compile(r"[A-Za-z_]")


class LimitExceeded(UsageError):
    """A request that is larger than the server takes."""

    code = "LIMIT_EXCEEDED"


@dataclass(slots=True)
class Definition:
    """One operation or fragment: its own depth and fields, and where it spreads which fragments."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Counted:
    """What a document has of everything that is limited."""

    tokens: int = 0
    aliases: int = 0
    directives: int = 0
    duplicates: int = 0
    operations: list[Definition] = field(default_factory=list)
    fragments: dict[str, Definition] = field(default_factory=dict)


def check_document(text: str, limits: ApiSettings) -> None:
    """Refuse a document that is past a limit; says which, how much it has, and how much it may have."""
    counted = count(text, limits.max_tokens)
    _refuse("aliases", counted.aliases, limits.max_aliases)
    _refuse("directives", counted.directives, limits.max_directives)
    _refuse("repetitions of one field in one selection", counted.duplicates, limits.max_duplicates)
    sizes: dict[str, tuple[int, int]] = {}
    for operation in counted.operations:
        _refuse("root fields", operation.root_fields, limits.max_root_fields)
        depth, fields = _expanded(operation, counted.fragments, sizes, ())
        _refuse("levels of fields", depth, limits.max_depth)
        _refuse("fields after its fragments are expanded", fields, limits.max_tokens)


def _refuse(what: str, has: int, most: int) -> None:
    if has > most:
        raise LimitExceeded(f"the document has {has} {what}; {most} is the most")


def _expanded(
    one: Definition, fragments: Mapping[str, Definition], sizes: dict[str, tuple[int, int]], within: tuple[str, ...]
) -> tuple[int, int]:
    """Depth and fields of a definition with its fragments in place; each fragment is worked out once."""
    depth, fields = one.depth, one.fields
    for name, level in one.spreads:
        if name in within:
            raise LimitExceeded(f"the fragment {name} spreads itself; a document may not have a cycle of fragments")
        if name not in sizes and name in fragments:
            sizes[name] = _expanded(fragments[name], fragments, sizes, (*within, name))
        inner_depth, inner_fields = sizes.get(name, (0, 0))
        depth, fields = max(depth, level + inner_depth), fields + inner_fields
    return depth, fields


def count(text: str, max_tokens: int) -> Counted:
    """Count a document's parts; stops with `LimitExceeded` at the first token too many."""
    counter = _Counter()
    for token in _tokens(text):
        counter.counted.tokens += 1
        _refuse("tokens", counter.counted.tokens, max_tokens)
        counter.take(token)
    return counter.counted


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match.group()
        if not token[0].isspace() and token[0] not in ",#\ufeff":
            yield token


class _Counter:
    """A state machine over tokens; knows nothing of types."""

    def __init__(self) -> None:
        self.counted = Counted()
        self.one = Definition()
        self.level = 0
        self.parentheses = 0
        self.last = ""
        self.before = ""
        self.head: list[str] = []
        self.names: list[Counter[str]] = []

    def take(self, token: str) -> None:
        if token == "(":
            self.parentheses += 1
        elif token == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif token == "@":
            self.counted.directives += 1
        elif not self.parentheses:
            self._in_selection(token)
        self.before, self.last = self.last, token

    def _in_selection(self, token: str) -> None:
        if token == "{":
            self._open()
        elif token == "}":
            self._close()
        elif token == ":" and self.level:
            self.counted.aliases += 1
            self.one.fields -= 1
            self.one.root_fields -= self.level == 1
            self._name(self.last, -1)
        elif _NAME.match(token):
            self._word(token)

    def _open(self) -> None:
        if self.level == 0:
            self._begin()
        self.level += 1
        self.names.append(Counter())
        self.one.depth = max(self.one.depth, self.level)

    def _begin(self) -> None:
        self.one = Definition()
        if self.head[:1] == ["fragment"] and len(self.head) > 1:
            self.counted.fragments[self.head[1]] = self.one
        else:
            self.counted.operations.append(self.one)
        self.head = []

    def _close(self) -> None:
        if self.level:
            self.level -= 1
            self.names.pop()

    def _word(self, token: str) -> None:
        if self.level == 0:
            self.head.append(token)
        elif self.last == "...":
            if token != "on":
                self.one.spreads.append((token, self.level - 1))
        elif self.last not in ("@", "$") and not (self.last == "on" and self.before == "..."):
            self.one.fields += 1
            self.one.root_fields += self.level == 1
            self._name(token, 1)

    def _name(self, name: str, step: int) -> None:
        names = self.names[-1]
        names[name] += step
        self.counted.duplicates = max(self.counted.duplicates, names[name])
