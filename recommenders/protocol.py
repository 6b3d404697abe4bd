"""How ratings are divided, as a file with a name: `protocols/<name>.yaml`, or one of the user's own.

A run records the name and the fingerprint of the protocol, so that two figures can be compared, or not.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

from cinegraph.errors import InvalidInput, NotEnoughData, NotFound
from cinegraph.types import LIKED
from recommenders import holdouts, splits
from recommenders.checked_file import validated
from recommenders.interactions import Interactions
from recommenders.splits import Split, SplitName
from recommenders.yaml_file import Document, read_document, read_file

FOLDER = resources.files("recommenders") / "protocols"
DEFAULT = "global_time"


class Protocol(BaseModel):
    """A way to divide ratings; shares are parts of 1, what train and validation leave is test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="as in every table; the name of the file")
    about: str = Field(description="what it shows, and what it does not")
    method: SplitName = Field(description="how ratings are divided")
    train: float = Field(0.8, gt=0, lt=1, description="share of the ratings that models learn from")
    validation: float = Field(0.1, gt=0, lt=1, description="share on which hyper-parameters are chosen")
    hidden: float = Field(0.1, gt=0, le=0.4, description="share of the movies or users that test, and validation, hide")
    known: tuple[NonNegativeInt, ...] = Field(
        (0, 1, 3, 5, 10), min_length=1, description="liked movies that are known of a hidden user"
    )
    seed: int = Field(0, description="what random draws depend on, where there are any")
    min_test_users: int = Field(1, ge=1, description="users of validation, and of test, without which it says nothing")
    otherwise: str | None = Field(None, description="the protocol to use where there are fewer")

    @model_validator(mode="after")
    def _leaves_a_test(self) -> "Protocol":
        if self.train + self.validation >= 1:
            raise ValueError(
                f"train = {self.train:g} and validation = {self.validation:g} leave nothing to test with: together "
                "they must be below 1"
            )
        return self

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides who is asked what; the words about it do not matter."""
        return hashlib.sha256(self.model_dump_json(exclude={"about"}).encode()).hexdigest()


def names() -> tuple[str, ...]:
    """The protocols that come with Cinegraph."""
    return tuple(sorted(one.name.removesuffix(".yaml") for one in FOLDER.iterdir() if one.name.endswith(".yaml")))


@cache
def load_protocol(name: str) -> Protocol:
    """The protocol of that name, or in the file of that path; raises `NotFound`, or `InvalidInput` for a bad file."""
    if name in names():
        return _read(read_document((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml"), name)
    path = Path(name)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        missing = f"there is no file {name}" if path.suffix in (".yaml", ".yml") else f"there is no protocol {name!r}"
        raise NotFound(f"{missing}; there are: {', '.join(names())}, or give a .yaml file")
    return _read(read_file(path), path.stem)


def divide(interactions: Interactions, protocol: Protocol) -> tuple[Split, Protocol]:
    """The parts by this protocol, or by the one it names for data that it leaves too few users of, on either part.

    Raises `NotEnoughData` where nobody is left to ask, on validation or on test.
    """
    split = _divided(interactions, protocol)
    enough = min(split.test_users, split.validation_users) >= protocol.min_test_users
    if protocol.otherwise and not enough:
        return divide(interactions, load_protocol(protocol.otherwise))
    if not enough:
        likes, stars = int(np.count_nonzero(interactions.rating >= np.float32(LIKED))), f"of {LIKED:g} stars or more"
        raise NotEnoughData(
            f"{len(interactions)} ratings by {interactions.n_users} users for {interactions.n_movies} movies, {likes} "
            f"of them {stars}, leave {split.test_users} test users under {protocol.name}, which needs "
            f"{protocol.min_test_users} of them, and as many validation users, here {split.validation_users}; a user "
            f"needs at least 10 ratings, some of them {stars}"
        )
    return split, protocol


def _divided(interactions: Interactions, one: Protocol) -> Split:
    match one.method:
        case SplitName.GLOBAL_TIME:
            return splits.global_time(interactions, one.train, one.validation)
        case SplitName.USER_TIME:
            return splits.user_time(interactions, one.train, one.validation)
        case SplitName.USER_RANDOM:
            return splits.user_random(interactions, one.train, one.validation, one.seed)
        case SplitName.LEAVE_LAST_OUT:
            return splits.leave_last_out(interactions)
        case SplitName.COLD_MOVIES:
            return holdouts.cold_movies(interactions, one.hidden, one.seed)
        case SplitName.COLD_USERS:
            return holdouts.cold_users(interactions, one.hidden, one.known, one.seed)


def _read(document: Document, name: str) -> Protocol:
    if "name" in document.values:
        raise InvalidInput(f"{document.place(('name',))}: name: a protocol has the name of its file; leave this out")
    named = Document(document.where, {"name": name, **document.values}, document.lines)
    schema = Protocol.model_json_schema()
    found = validated(named, Protocol, {**schema, "properties": _without_name(schema["properties"])})
    if found.otherwise is not None and found.otherwise not in names():
        known = ", ".join(names())
        place = document.place(("otherwise",))
        raise InvalidInput(f'{place}: otherwise = "{found.otherwise}": it must be one of {known}')
    return found


def _without_name(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a file, as the name is that of the file."""
    return {key: value for key, value in properties.items() if key != "name"}
