"""The dials of a slate, as the API takes them."""

from typing import Any

import strawberry

from api.types.build import enumeration
from cinegraph.errors import InvalidInput
from recommenders.slate import Spread, Tuning

enumeration(
    Spread,
    "How diversity is measured.",
    {"MMR": "By the nearest movie above in the list.", "DPP": "By the volume that all movies of the list span."},
)

DIALS = ("diversity", "novelty", "calibration", "fresh", "exploration")


@strawberry.input(
    name="Tuning",
    description="What a list should be beside relevant: dials from 0 (nothing) to 1. What is left out is as the server "
    "is set. The first 60 places are composed; scores stay those of the model.",
)
class TuningInput:
    diversity: float | None = strawberry.field(default=None, description="Movies that are unlike each other.")
    novelty: float | None = strawberry.field(default=None, description="Movies that fewer people know.")
    calibration: float | None = strawberry.field(default=None, description="The user's own shares of genres.")
    per_collection: int | None = strawberry.field(default=None, description="Most movies of one series.")
    per_director: int | None = strawberry.field(default=None, description="Most movies by one director.")
    spread: Spread | None = strawberry.field(
        default=None, description="By the nearest movie above (MMR), or by the volume that all span (DPP)."
    )
    fresh: float | None = strawberry.field(
        default=None, description="Share of the places that is kept for new movies; .1 keeps the 5th, 15th, …"
    )
    exploration: float | None = strawberry.field(
        default=None,
        description="Share of the places that is kept for movies that are worth a try, drawn anew each day; .1 keeps "
        "the 10th, 20th, …",
    )


def given_dials(given: TuningInput | None) -> frozenset[str]:
    """The dials that the query itself sets."""
    return frozenset(name for name in DIALS if given is not None and getattr(given, name) is not None)


def to_tuning(given: TuningInput | None, default: Tuning) -> Tuning:
    """The tuning of the domain; raises `InvalidInput` for a dial or a limit that cannot be."""
    if given is None:
        return default
    values: dict[str, Any] = {}
    for name in (*DIALS, "per_collection", "per_director", "spread"):
        value = getattr(given, name)
        values[name] = getattr(default, name) if value is None else value
    for name in DIALS:
        if not 0 <= values[name] <= 1:
            raise InvalidInput(f"tuning.{name} is {values[name]:g}: a dial goes from 0 to 1")
    _share(given, values)
    for name, field in (("per_collection", "perCollection"), ("per_director", "perDirector")):
        if values[name] is not None and values[name] < 1:
            raise InvalidInput(f"tuning.{field} is {values[name]}: a limit is 1 or more")
    return Tuning(**values)


def _share(given: TuningInput, values: dict[str, Any]) -> None:
    """What is kept for new movies and for those worth a try is no more than all places; a share that the query gives
    leaves of the server's other one what there is room for."""
    kept = values["fresh"] + values["exploration"]
    if kept <= 1:
        return
    if given.fresh is not None and given.exploration is not None:
        raise InvalidInput(
            f"tuning.fresh is {given.fresh:g} and tuning.exploration {given.exploration:g}: together they keep "
            f"{kept:g} of the places, and 1 is all"
        )
    asked, other = ("exploration", "fresh") if given.fresh is None else ("fresh", "exploration")
    values[other] = 1 - values[asked]
