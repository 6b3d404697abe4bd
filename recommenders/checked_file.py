"""What a file says, in its shape; where it does not fit, what is wrong: file, line, key, value, and what is allowed."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cinegraph.errors import InvalidInput
from recommenders.yaml_file import Document

T = TypeVar("T", bound=BaseModel)


def validated(document: Document, shape: type[T], schema: Mapping[str, Any] | None = None) -> T:
    """The document's values as `shape`; raises `InvalidInput` with a line for each thing that is wrong, in their order.

    `schema` is the JSON Schema of what may stand there, by default that of the shape.
    """
    try:
        return shape.model_validate_json(json.dumps(document.values, default=str), strict=True)
    except ValidationError as error:
        described = schema or shape.model_json_schema()
        wrong = sorted(_innermost(error.errors()), key=lambda one: document.line(one["loc"]))
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


def _innermost(errors: Sequence[Any]) -> list[Any]:
    """Those that are not only of what others are in: a list is too short for pydantic where a part of it is wrong."""
    ways = [tuple(one["loc"]) for one in errors]
    return [one for one, way in zip(errors, ways, strict=True) if not any(_within(other, way) for other in ways)]


def _within(inner: tuple[Any, ...], way: tuple[Any, ...]) -> bool:
    return len(inner) > len(way) and inner[: len(way)] == way


def _wrong(document: Document, error: Any, schema: Mapping[str, Any]) -> str:
    """One error of pydantic's, with the place in the file and what is allowed there."""
    way = tuple(error["loc"])
    said, there = f"{document.place(way)}: {'.'.join(map(str, way))}", _at(way, schema)
    words = error["msg"].removeprefix("Value error, ")
    meaning = f" ({there['description']})" if there.get("description") else ""
    about = f"{allowed(there)}{meaning}" if way and there else ""
    if error["type"] == "missing":
        return f"{said} is missing: it must be {about}"
    if not way:
        return f"{document.where}: {words}"
    said = f"{said} = {json.dumps(error['input'], default=str)[:80]}"
    if error["type"] == "extra_forbidden":
        known = _at(way[:-1], schema).get("properties", {})
        near = difflib.get_close_matches(str(way[-1]), known, 1)
        meant = f"did you mean {near[0]}? there are" if near else "there are"
        return f"{said}: there is no such key; {meant}: {', '.join(known) or 'none'}"
    if about and error["type"] != "value_error":
        return f"{said}: it must be {about}"
    return f"{said}: {words}"


def _at(way: Sequence[Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is described at a place of the file; nothing where there is no such place."""
    there = _resolved(schema, schema)
    for key in way:
        inner = there.get("items", {}) if isinstance(key, int) else there.get("properties", {}).get(key, {})
        there = _resolved(inner, schema)
    return there


def _resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, or what it refers to."""
    name = str(described.get("$ref", "")).removeprefix("#/$defs/")
    return {**schema["$defs"][name], **described} if name else described
