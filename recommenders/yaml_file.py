"""A YAML file whose every value has a line, so that an error can say where it is.

Numbers are those of YAML 1.2: `1e-4` is one, where PyYAML alone would read a text. A key that stands twice is refused.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cinegraph.errors import InvalidInput

NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")


class _Loader(yaml.SafeLoader):
    """Like `SafeLoader`, with the numbers of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: `values` by key, and the line of each, from 1 on, by its way from the top."""

    where: str
    values: dict[str, Any]
    lines: dict[tuple[Hashable, ...], int] = field(default_factory=dict)

    def line(self, way: Sequence[Hashable]) -> int:
        """The line of what is there, or of the nearest thing around it; 0 where there is none."""
        found = (self.lines.get(tuple(way[:length]), 0) for length in range(len(way), 0, -1))
        return next(filter(None, found), 0)

    def place(self, way: Sequence[Hashable]) -> str:
        """The file, and the line where there is one."""
        line = self.line(way)
        return f"{self.where}, line {line}" if line else self.where


def read_file(path: Path) -> Document:
    """The document in a YAML file; raises `InvalidInput` for one that is no text, no YAML, or no mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: this is no text in UTF-8: {error}") from error
    return read_document(text, str(path))


def read_document(text: str, where: str) -> Document:
    """The document; raises `InvalidInput` for text that is no YAML, or no mapping, or has a key twice."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines = dict[tuple[Hashable, ...], int]()
        _walk(node, (), lines, where)
        values = loader.construct_document(node) if node else None
    except yaml.YAMLError as error:
        raise InvalidInput(_no_yaml(error, where)) from error
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise InvalidInput(f"{where}: it holds {_kind(values)}, and must hold keys with values")
    return Document(where, values, lines)


def _walk(
    node: yaml.Node | None, way: tuple[Hashable, ...], lines: dict[tuple[Hashable, ...], int], where: str
) -> None:
    """Note the line of everything under a node."""
    if isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            lines[(*way, place)] = value.start_mark.line + 1
            _walk(value, (*way, place), lines, where)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line, inner = key.start_mark.line + 1, (*way, key.value)
            if not isinstance(key, yaml.ScalarNode):
                raise InvalidInput(f"{where}, line {line}: a key must be a name")
            if inner in lines:
                raise InvalidInput(f"{where}, line {line}: {key.value} stands in line {lines[inner]} too; keep one")
            lines[inner] = line
            _walk(value, inner, lines, where)


def _no_yaml(error: yaml.YAMLError, where: str) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{where}, line {mark.line + 1}" if mark else where
    return f"{place}: this is no YAML: {getattr(error, 'problem', None) or error}"


def _kind(values: Any) -> str:
    return "nothing" if values is None else "a list" if isinstance(values, list) else f"only {values!r}"
