"""Models that are made of other models: which, and how these are fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator

from cinegraph.errors import ModelTooLarge, NotEnoughData, NotFound
from recommenders import registry
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Progress
from recommenders.scorers import Scorer

MADE_OF_OTHERS = ("ensemble", "blend")


def checked(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each name once; raises `ValueError` for one that is no model, or is made of others itself."""
    for name in names:
        if name in MADE_OF_OTHERS:
            raise ValueError(f"{name} is made of other models itself; name other models")
        try:
            registry.entry(name)
        except NotFound as error:
            raise ValueError(str(error)) from error
    return tuple(dict.fromkeys(names))


Members = Annotated[tuple[str, ...], AfterValidator(checked)]
"""Names of models that are not made of others."""


def fitted(
    whole: str,
    names: Sequence[str],
    configs: Mapping[str, Mapping[str, Any]],
    ratings: Interactions,
    options: FitOptions,
    what: str,
) -> dict[str, Scorer]:
    """Members by name, those left out that have too little to learn from, as content without a catalogue; `what` says
    what they are fitted on. Raises `NotEnoughData` where none is left."""
    found, reasons = dict[str, Scorer](), list[str]()
    for place, name in enumerate(names, 1):
        try:
            own, scorer = _member(name, configs, ratings, replace(options, validation=None))
            found[own] = scorer
        except NotEnoughData as error:
            reasons.append(f"{name}: {error}")
        options.progress(Progress(f"members, {what}", place, len(names), name))
    if not found:
        raise NotEnoughData(f"no member of the {whole} can be fitted; {'; '.join(reasons)}")
    return found


def _member(
    name: str, configs: Mapping[str, Mapping[str, Any]], ratings: Interactions, options: FitOptions
) -> tuple[str, Scorer]:
    """A member, or what stands in for one that is too large, by name."""
    try:
        return name, registry.create(name, configs.get(name)).fit(ratings, options).scorer()
    except ModelTooLarge:
        stand_in = registry.entry(name).stand_in
        if not stand_in:
            raise
        return _member(stand_in, configs, ratings, options)
