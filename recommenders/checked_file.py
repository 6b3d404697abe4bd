"""What a file says, in its shape; where it does not fit, what is wrong: file, line, key, value, and what is allowed."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cinegraph.errors import InvalidInput
from recommenders.yaml_file import Document, read_document

T = TypeVar("T", bound=BaseModel)


def read_file(path: Path) -> Document:
    """The document in a YAML file; raises `InvalidInput` for one that is no text, no YAML, or no mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: this is no text in UTF-8: {error}") from error
    return read_document(text, str(path))


def validated(document: Document, shape: type[T], schema: Mapping[str, Any] | None = None) -> T:
    """The document's values as `shape`; raises `InvalidInput` with a line for each thing that is wrong, in their order.

    `schema` is the JSON Schema of what may stand there, by default that of the shape.
    """
    try:
        return shape.model_validate_json(json.dumps(document.values, default=str), strict=True)
    except ValidationError as error:
        described = schema or shape.model_json_schema()
        wrong = sorted(error.errors(), key=lambda one: document.line(one["loc"]))
        raise InvalidInput("\n".join(_wrong(document, one, described) for one in wrong)) from error


def allowed(described: Mapping[str, Any]) -> str:
    """What a value may be, in words, from its JSON Schema."""
    if "anyOf" in described:
        return " or ".join(map(allowed, described["anyOf"]))
    if "const" in described:
        return f"only {described['const']}"
    if "enum" in described:
        return f"one of {', '.join(map(str, described['enum']))}"
    kinds = {
        "integer": "a whole number",
        "number": "a number",
        "string": "a text",
        "array": "a list",
        "object": "keys with values",
        "null": "null",
    }
    bounds = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
        "minLength": "of at least",
        "maxLength": "of at most",
        "minItems": "of at least",
        "maxItems": "of at most",
        "pattern": "that matches",
    }
    words = [kinds.get(described.get("type", ""), "a value")]
    words += [f"{word} {described[bound]}" for bound, word in bounds.items() if bound in described]
    return " ".join(words)


def _wrong(document: Document, error: Any, schema: Mapping[str, Any]) -> str:
    """One error of pydantic's, with the place in the file and what is allowed there."""
    way = tuple(error["loc"])
    said, key = f"{document.place(way)}: {'.'.join(map(str, way))}", way[-1] if way else ""
    known = _at(way[:-1], schema).get("properties", {})
    about = f"{allowed(_resolved(known[key], schema))} ({known[key].get('description', '')})" if key in known else ""
    if error["type"] == "missing":
        return f"{said} is missing: it must be {about}"
    said = f"{said} = {json.dumps(error['input'], default=str)[:80]}" if way else said.removesuffix(": ")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(key), known, 1)
        meant = f"did you mean {near[0]}? there are" if near else "there are"
        return f"{said}: there is no such key; {meant}: {', '.join(known) or 'none'}"
    if about and error["type"] != "value_error":
        return f"{said}: it must be {about}"
    return f"{said}: {error['msg'].removeprefix('Value error, ')}"


def _at(way: Sequence[Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is described at a place of the file."""
    there = _resolved(schema, schema)
    for key in way:
        inner = there.get("items", {}) if isinstance(key, int) else there.get("properties", {}).get(key, {})
        there = _resolved(inner, schema)
    return there


def _resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, or what it refers to."""
    name = str(described.get("$ref", "")).removeprefix("#/$defs/")
    return {**schema["$defs"][name], **described} if name else described
