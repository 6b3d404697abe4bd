"""Where and when somebody is of whom nothing else is known, as the API takes it."""

import strawberry

from api.ids import key_of
from api.types.filters import IntRangeInput, to_range
from cinegraph.errors import InvalidInput
from cinegraph.types import Label
from recommenders.context import ANYWHERE, Context

MOST: int = 20
"""Countries or languages of somebody."""


@strawberry.input(
    name="Context",
    description="Where and when somebody is of whom nothing else is known: popularity then is that of there and then. "
    "Movies that do not fit stand lower, and are not left out; as soon as anything is known of the caller's taste, it "
    "changes nothing.",
)
class ContextInput:
    countries: list[strawberry.ID] | None = strawberry.field(default=None, description="Countries (US); up to 20.")
    languages: list[strawberry.ID] | None = strawberry.field(default=None, description="Languages (en); up to 20.")
    years: IntRangeInput | None = strawberry.field(default=None, description="Years of release, such as a decade.")
    recency: float | None = strawberry.field(
        default=None, description="The part of popularity that is what is rated and watched lately, 0 (default) to 1."
    )


def to_context(given: ContextInput | None) -> Context:
    """The context of the domain; raises `InvalidInput` for what cannot be."""
    if given is None:
        return ANYWHERE
    recency = given.recency or 0.0
    if not 0 <= recency <= 1:
        raise InvalidInput(f"context.recency is {recency:g}: it goes from 0 to 1")
    return Context(
        _keys("countries", Label.COUNTRY, given.countries),
        _keys("languages", Label.LANGUAGE, given.languages),
        to_range("context.years", vars(given.years) if given.years else None),
        recency,
    )


def _keys(name: str, label: Label, ids: list[strawberry.ID] | None) -> tuple[str, ...]:
    if ids is not None and len(ids) > MOST:
        raise InvalidInput(f"context.{name} has {len(ids)}; {MOST} is the most")
    return tuple(key_of(label, one) for one in ids or ())
