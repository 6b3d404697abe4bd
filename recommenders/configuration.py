"""Which model to train, with which hyper-parameters and how, as a file: `configs/<model>.yaml`, or one's own.

What a file may say is read off the model's `Config`, so that the JSON Schema, the errors and the files that come with
Cinegraph cannot differ from the code. A model whose file gives hyper-parameters searches nothing.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, create_model

from cinegraph.errors import InvalidInput, NotFound
from recommenders import registry
from recommenders.checked_file import allowed, validated
from recommenders.protocol import DEFAULT
from recommenders.protocol import names as protocol_names
from recommenders.yaml_file import Document, read_document, read_file

FOLDER = resources.files("recommenders") / "configs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARAMETERS = "hyper_parameters"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file asks for; None is what it leaves open. `where` is the file, for messages."""

    model: str
    hyper_parameters: Mapping[str, Any] | None = None
    protocol: str | None = None
    seed: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """What several files, and names beside them, ask for: models in order, what is given of each, and how to train."""

    names: tuple[str, ...]
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    protocol: str = DEFAULT
    seed: int = 0


def load_configuration(name: str) -> Configuration:
    """The configuration in a .yaml file, or the one that comes with the model of that name; raises `NotFound`, or
    `InvalidInput` that names file, line, key, value and what is allowed."""
    if name in registry.names():
        return parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")
    path = Path(name)
    if not path.is_file():
        raise NotFound(
            f"there is no configuration {name!r}; give a .yaml file, or one of: {', '.join(registry.names())}"
        )
    found = _asked(read_file(path))
    beside = path.parent / (found.protocol or "")
    if found.protocol in (None, *protocol_names()) or not beside.is_file():
        return found
    return Configuration(found.model, found.hyper_parameters, str(beside), found.seed, name)


def parse(text: str, where: str) -> Configuration:
    """What the text of a file asks for."""
    return _asked(read_document(text, where))


def _asked(document: Document) -> Configuration:
    shape = _shape(_model_of(document))
    given = validated(document, shape, _described(shape)).model_dump(exclude_unset=True)
    protocol, seed = given.get("protocol"), given.get("seed")
    return Configuration(given["model"], given.get(PARAMETERS), protocol, seed, document.where)


def together(
    names: Sequence[str], files: Iterable[Configuration], protocol: str | None = None, seed: int | None = None
) -> Together:
    """Names and files together; what is given for all (`protocol`, `seed`) is stronger than what a file says.

    Raises `NotFound` for an unknown name, and `InvalidInput` where two files are of one model, or ask for different
    protocols or seeds.
    """
    for name in names:
        registry.entry(name)
    files, by_model = tuple(files), dict[str, Configuration]()
    for one in files:
        other = by_model.setdefault(one.model, one)
        if other is not one:
            raise InvalidInput(f"{other.where} and {one.where} are both of {one.model}; train one at a time")
    return Together(
        names=tuple(dict.fromkeys((*names, *by_model))),
        configs={one.model: one.hyper_parameters for one in files if one.hyper_parameters is not None},
        protocol=protocol or _agreed("protocol", files) or DEFAULT,
        seed=seed if seed is not None else _agreed("seed", files) or 0,
    )


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of files for the model of that name; raises `MissingExtra` where it cannot be loaded."""
    entry = registry.entry(name)
    return {"$schema": DIALECT, **_described(_shape(name)), "title": f"{name}: {entry.description}"}


def schema_of_all(names: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of files for any of these models."""
    return {"$schema": DIALECT, "title": "What cinegraph trains", "oneOf": [schema(name) for name in names]}


def written(one: Configuration, head: Sequence[str] = ()) -> str:
    """The text of a file, all hyper-parameters in it with what they mean; `head` is said first, in comments."""
    config = registry.create(one.model, one.hyper_parameters).config
    lines = [f"# {line}" for line in (f"{one.model}: {registry.entry(one.model).description}", *head)]
    lines += [f"model: {one.model}", f"protocol: {one.protocol or DEFAULT}", f"seed: {one.seed or 0}"]
    values = config.model_dump(mode="json")
    properties = type(config).model_json_schema()["properties"] if values else {}
    lines.append(f"{PARAMETERS}:" if values else f"{PARAMETERS}: {{}}")
    for name, value in values.items():
        about = textwrap.wrap(f"{properties[name]['description']}; {allowed(properties[name])}", 110)
        flow = None if isinstance(value, list | dict) else False
        text = yaml.safe_dump({name: value}, default_flow_style=flow, width=100, sort_keys=False)
        lines += textwrap.indent("\n".join([*(f"# {line}" for line in about), text.rstrip()]), "  ").splitlines()
    return "\n".join(lines) + "\n"


def _shape(name: str) -> type[BaseModel]:
    """What a file for the model of that name may hold."""
    config = registry.model_class(name).config_class
    fields: dict[str, Any] = {
        "model": (Literal[name], Field(description="the model to train")),
        "protocol": (
            str,
            Field(DEFAULT, description=f"{', '.join(protocol_names())}, or a .yaml file beside this one"),
        ),
        "seed": (int, Field(0, ge=0, le=2**32 - 1, description="what random draws depend on")),
        PARAMETERS: (config, Field(config(), description="those that are not given stay at their defaults")),
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def _described(shape: type[BaseModel]) -> dict[str, Any]:
    """Its JSON Schema, with what it refers to in its place, so that it can stand in another."""
    found = shape.model_json_schema()
    config = found.pop("$defs")["Config"]
    described = {name: value for name, value in found["properties"][PARAMETERS].items() if name != "$ref"}
    found["properties"][PARAMETERS] = {**config, **described}
    return found


def _model_of(document: Document) -> str:
    name = document.values.get("model")
    if name not in registry.names():
        known = ", ".join(registry.names())
        said = (
            f"{document.place(('model',))}: there is no model {name!r}"
            if name
            else f"{document.where}: it names no model"
        )
        raise InvalidInput(f"{said}; model is one of: {known}")
    return str(name)


def _agreed(what: str, files: Sequence[Configuration]) -> Any:
    """What all files that say anything of it say."""
    said = {getattr(one, what): one.where for one in files if getattr(one, what) is not None}
    if len(said) > 1:
        (first, there), (second, here), *_ = said.items()
        raise InvalidInput(
            f"{there} has {what} = {first}, and {here} {what} = {second}; figures would not compare: make them the "
            f"same, or say --{what}"
        )
    return next(iter(said), None)
