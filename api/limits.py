"""What a request may be, checked before it is parsed or validated, in time linear in its size.

graphql-core can take 200 ms for a valid document of 2.4 KB, so the document is first read by a tokeniser
that does nothing but count; it sees the tokens that graphql-core sees, or something could be hidden from it. Fragments
are counted where they are spread, each once, so a document that grows when it is expanded is refused by what it would
become. A level is a selection within a field: fragments add none.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cinegraph.errors import UsageError
from cinegraph.settings import ApiSettings

_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\"""|\\|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]++|\\.)*+"?'  # strings, also those that do not end
    r"|#[^\n\r]*+|[\s,\ufeff]++|\.\.\.|[A-Za-z_][A-Za-z0-9_]*+|-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|.",
    re.S,
)
_NAME = re.compile(r"[A-Za-z_]")
_BRACKETS = frozenset("()[]{}")

INTROSPECTION_DEPTH = 20
"""Levels of a question about the schema, which costs no statement; GraphiQL's has 15."""

MAX_MUTATIONS = 4
"""Root fields of a mutation."""

MAX_NESTING = 64
"""Brackets of any kind within each other: each takes some frames of Python's stack when it is parsed."""

MAX_VARIABLES: Final = 200
"""Variables of a document, each counted where it is declared and wherever it is used."""

MAX_NUMBER: Final = 300
"""Characters of a number in a document: Python makes none of more than 4,300 digits, and fails at it."""

MAX_OBJECTS: Final = 200
"""Objects as values, in a document and in a request's variables each: a filter of 40 conditions has up to 81, entities
for a gateway are 100. Each is coerced with all members that it might have: a filter by 50 calls."""

MAX_VALUES: Final = 2_000
"""Values in a request's variables: the members of lists and objects, and again with each variable's as often as it is
used. A hundred entities for a gateway have some 300, the 100 movies that a visitor likes 101; a list of 1,000 movies
leaves room for as many. Each costs ten calls, and more wherever it is used."""


class LimitExceeded(UsageError):
    """A request that is larger than the server takes."""

    code = "LIMIT_EXCEEDED"


@dataclass(slots=True)
class Definition:
    """One operation or fragment: its kind and name, its own depth and fields, and where it spreads which fragments; of
    its root fields `meta_fields` ask about the schema."""

    kind: str = "query"
    name: str | None = None
    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    meta_fields: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)
    uses: Counter[str] = field(default_factory=Counter)
    """How often each variable is used in its selections."""

    @property
    def mutates(self) -> bool:
        """Whether it is a mutation."""
        return self.kind == "mutation"

    @property
    def introspects(self) -> bool:
        """Whether every root field asks about the schema."""
        return self.meta_fields == self.root_fields


@dataclass(slots=True)
class Counted:
    """What a document has of everything that is limited."""

    tokens: int = 0
    aliases: int = 0
    directives: int = 0
    variables: int = 0
    objects: int = 0
    duplicates: int = 0
    definitions: int = 0
    operations: list[Definition] = field(default_factory=list)
    """Those of a document that was checked have their fragments in place."""
    fragments: dict[str, Definition] = field(default_factory=dict)


def check_document(text: str, limits: ApiSettings) -> Counted:
    """What a document has; refuses one that is past a limit: which, how much it has and may have."""
    _refuse("characters", len(text), limits.max_characters)
    counted = count(text, limits.max_tokens)
    _refuse("aliases", counted.aliases, limits.max_aliases)
    _refuse("variables and uses of them", counted.variables, MAX_VARIABLES)
    _refuse("objects as values", counted.objects, MAX_OBJECTS)
    _refuse("directives", counted.directives, limits.max_directives)
    _refuse("repetitions of one field in one selection", counted.duplicates, limits.max_duplicates)
    _refuse("operations and fragments", counted.definitions, limits.max_definitions)
    counted.operations = expanded(counted)
    for one in counted.operations:
        _refuse("levels of fields", one.depth, INTROSPECTION_DEPTH if one.introspects else limits.max_depth)
        _refuse("fields after its fragments are expanded", one.fields, limits.max_tokens)
        _refuse("root fields", one.root_fields, limits.max_root_fields)
        if one.mutates:
            _refuse("mutations", one.root_fields, MAX_MUTATIONS)
    return counted


def check_variables(variables: Mapping[str, Any] | None) -> None:
    """Refuse values that are nested deeper than any value of a document may be, and too many of them; each level is
    counted before it is looked at."""
    values, nesting, objects = 0, 0, -1  # what holds the variables is none of theirs
    for level in _levels(variables or {}):
        nesting, values = nesting + 1, values + sum(map(len, level))
        _refuse("values in its variables", values, MAX_VALUES)
        _refuse("levels of values in its variables", nesting, MAX_NESTING)
        objects += sum(isinstance(one, dict) for one in level)
        _refuse("objects in its variables", objects, MAX_OBJECTS)


def check_uses(uses: Mapping[str, int], variables: Mapping[str, Any]) -> None:
    """Refuse too many values where variables are used, each as often as it is: one list may stand in many fields."""
    values = 0
    for name, often in uses.items():
        if often > 1:
            values += often * sum(sum(map(len, level)) for level in _levels(variables.get(name)))
            _refuse("values where it uses its variables", values, MAX_VALUES)


def _levels(value: Any) -> Iterator[list[Any]]:
    """The lists and objects that a value is and has, level by level."""
    level = [value] if isinstance(value, dict | list) else []
    while level:
        yield level
        level = [member for one in level for member in _members(one) if isinstance(member, dict | list)]


def _members(value: Any) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value


def _refuse(what: str, has: int, most: int) -> None:
    if has > most:
        raise LimitExceeded(f"the document has {has} {what}; {most} is the most")


def expanded(counted: Counted) -> list[Definition]:
    """Each operation with its fragments in place; each fragment is worked out once."""
    known: dict[str, Definition] = {}
    return [_expanded(one, counted.fragments, known, ()) for one in counted.operations]


def _expanded(
    one: Definition, fragments: Mapping[str, Definition], known: dict[str, Definition], within: tuple[str, ...]
) -> Definition:
    whole = replace(one, spreads=[], uses=one.uses.copy())
    for name, level in one.spreads:
        if name in within:
            raise LimitExceeded(f"the fragment {name} spreads itself; a document may not have a cycle of fragments")
        if name not in known and name in fragments:
            known[name] = _expanded(fragments[name], fragments, known, (*within, name))
        inner = known.get(name, Definition())
        whole.depth = max(whole.depth, level + inner.depth)
        whole.fields += inner.fields
        whole.uses.update(inner.uses)
        if level == 0:
            whole.root_fields += inner.root_fields
            whole.meta_fields += inner.meta_fields
    return whole


def count(text: str, max_tokens: int) -> Counted:
    """Count a document's parts; stops with `LimitExceeded` at the first token too many."""
    counter = _Counter()
    for number, token in enumerate(tokens(text), 1):
        if number > max_tokens:
            _refuse("tokens", number, max_tokens)
        if len(token) > MAX_NUMBER and token[0] in "-0123456789":
            _refuse("characters in one number", len(token), MAX_NUMBER)
        counter.take(token)
        counter.counted.tokens = number
    return counter.counted


def tokens(text: str) -> Iterator[str]:
    """The tokens that graphql-core sees in a text that it can read."""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if not token[0].isspace() and token[0] not in ",#\ufeff":
            yield token


@dataclass(slots=True)
class _Selection:
    """An open selection: how many fields it lies within, and its own fields by name."""

    level: int
    names: Counter[str] = field(default_factory=Counter)


class _Counter:
    """A state machine over tokens; knows nothing of types."""

    def __init__(self) -> None:
        self.counted = Counted()
        self.one = Definition()
        self.open: list[_Selection] = []
        self.nesting = 0
        self.parentheses = 0
        self.fragment = False
        self.last = ""
        self.before = ""
        self.head: list[str] = []

    def take(self, token: str) -> None:
        if self.last == "$" and self.open:
            self.one.uses[token] += 1
        if token in _BRACKETS:
            self._nest(token)
        if token == "(":
            self.parentheses += 1
        elif token == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif token == "@":
            self.counted.directives += 1
        elif token == "$":
            self.counted.variables += 1
        elif not self.parentheses:
            self._in_selection(token)
        elif token == "{":
            self.counted.objects += 1
        self.before, self.last = self.last, token

    def _nest(self, token: str) -> None:
        if token in ("(", "[", "{"):
            self.nesting += 1
            _refuse("brackets within each other", self.nesting, MAX_NESTING)
        elif token in (")", "]", "}"):
            self.nesting = max(0, self.nesting - 1)

    def _in_selection(self, token: str) -> None:
        if token == "{":
            self._open()
        elif token == "}":
            self._close()
        elif token == "...":
            self.fragment = True
        elif token == ":" and self.open:
            self.counted.aliases += 1
            self._field(self.last, -1)
        elif _NAME.match(token):
            self._word(token)

    def _open(self) -> None:
        if not self.open:
            self._begin()
        level = self.open[-1].level if self.open else 0
        self.open.append(_Selection(level if self.fragment else level + 1))
        self.one.depth = max(self.one.depth, self.open[-1].level)
        self.fragment = False

    def _begin(self) -> None:
        kind, name = [*self.head[:2], None, None][:2]
        self.counted.definitions += 1
        self.one = Definition(kind or "query", name)
        if self.one.kind == "fragment" and self.one.name:
            self.counted.fragments[self.one.name] = self.one
        else:
            self.counted.operations.append(self.one)
        self.head = []
        self.fragment = False

    def _close(self) -> None:
        if self.open:
            self.open.pop()

    def _word(self, token: str) -> None:
        if not self.open:
            if self.last != "@":
                self.head.append(token)
        elif self.last == "...":
            if token != "on":
                self.one.spreads.append((token, self.open[-1].level - 1))
                self.fragment = False
        elif self.last not in ("@", "$") and not (self.last == "on" and self.before == "..."):
            self._field(token, 1)

    def _field(self, name: str, step: int) -> None:
        """A field more; one less when a colon shows that the name was an alias."""
        self.one.fields += step
        if self.open[-1].level == 1:
            self.one.root_fields += step
            self.one.meta_fields += step * name.startswith("__")
        names = self.open[-1].names
        names[name] += step
        self.counted.duplicates = max(self.counted.duplicates, names[name])
