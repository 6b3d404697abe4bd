"""The statements of this project: files of Cypher, loaded once, that know their parameters.

Each lies in `graph/cypher/<noun>/<verb>.cypher`, can be pasted by an analyst, and begins with a line
`// what it answers, and who uses it`. What reads and what writes are different types, so that the type checker refuses
to hand a writing statement to a `Reader`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from cinegraph.errors import InvalidInput

_QUOTED = re.compile(
    r"//[^\n]*|/\*.*?\*/"  # comments; what begins first holds all in it: a quote in a comment, a comment in a string
    r"|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`",
    re.S,
)
_PARAMETER = re.compile(r"\$(\w+)")
_WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP|FOREACH|LOAD\s+CSV|ALTER|IN\s+TRANSACTIONS)\b", re.I)


_NAMES: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Statement:
    """One text of Cypher with the parameters it needs."""

    name: str
    text: str
    parameters: frozenset[str]

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse missing and extra parameters by name."""
        missing, extra = self.parameters - given.keys(), given.keys() - self.parameters
        if missing or extra:
            raise InvalidInput(
                f"{self.name}: missing parameters {sorted(missing)}, unknown parameters {sorted(extra)}; "
                f"it takes {sorted(self.parameters)}"
            )


@dataclass(frozen=True, slots=True)
class ReadStatement(Statement):
    """A statement that changes nothing."""


@dataclass(frozen=True, slots=True)
class WriteStatement(Statement):
    """A statement that changes the graph."""


def bare(text: str) -> str:
    """The text without comments, strings and quoted names: what is left is the language itself."""
    return _QUOTED.sub(lambda found: " " if found[0].startswith("/") else "''", text)


def parameters_of(text: str) -> frozenset[str]:
    """The names of all `$parameters` outside strings and comments."""
    return frozenset(_PARAMETER.findall(bare(text)))


def writes(text: str) -> bool:
    """Whether a clause of the text writes; the plan decides where it matters (`graph/readonly.py`)."""
    return bool(_WRITES.search(bare(text)))


def folder() -> Traversable:
    """Where the catalogue lies, also inside a wheel."""
    return resources.files("graph") / "cypher"


@cache
def read_statement(name: str) -> ReadStatement:
    """The reading statement `<noun>/<verb>`; refuses one that writes."""
    text = _load(name)
    if writes(text):
        raise InvalidInput(f"{name}.cypher writes: load it with write_statement")
    return ReadStatement(name, text, parameters_of(text))


@cache
def write_statement(name: str) -> WriteStatement:
    """The writing statement `<noun>/<verb>`."""
    text = _load(name)
    return WriteStatement(name, text, parameters_of(text))


def _load(name: str) -> str:
    file = folder() / f"{name}.cypher"
    if not file.is_file():
        raise InvalidInput(f"there is no statement {name!r} in graph/cypher")
    text = file.read_text(encoding="utf-8")
    _NAMES[text] = name
    return text


def name_of(text: str) -> str:
    """The name of a statement of the catalogue that was loaded, by its text; "" for any other."""
    return _NAMES.get(text, "")
