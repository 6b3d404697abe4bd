"""What a nightly training goes on from: what the live version learnt of movies and of the catalogue, nothing of a user.

Rows are kept by the ids of what they are of, never by position. Users begin anew, from the movies that they like. Where
somebody whom the version had learnt from is not there any more, it is not gone on from: nobody who was erased lives on.

How an increment is measured. The live version learnt from every rating up to its moment, those that a protocol would
hold back included: a network that goes on from it has seen them, and its figures there would be too good. So only
ratings that came after that moment are asked about (`since`): the first half of them is validation, the second half
test, and each model is fitted on all that came before what it is asked. What is measured is the recipe: go on from a
version of the moment T, learn the ratings up to T2, and be asked about those after T2, as it will be asked tomorrow.
The live version stands beside it as it is, for it has seen none of these ratings either; baselines are fitted anew.
Early stopping would need another part of so few ratings, so the number of epochs is a hyper-parameter. What is
published has learnt all ratings, from the same start.

One thing escapes this: a movie that is rated a second time after the moment has one rating, the later one, and the
version had learnt the first.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from cinegraph.errors import ModelError, NotEnoughData
from cinegraph.types import Millis
from recommenders.arrays import AnyArray, IdArray
from recommenders.artifacts import load_artifact, load_start
from recommenders.interactions import Interactions
from recommenders.protocol import DEFAULT, Protocol, load_protocol
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import Scorer
from recommenders.splits import SplitName, global_time

FORMAT: Final = 1
ABOUT, USERS, IDS = "about", "users", "ids."


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A version with its recipe, and what it learnt by the names of its network, the ids of rows as `ids.<kind>`;
    `until` is the moment of the last rating it knows. `scorer` is the version as it is served, over `movies`."""

    version: str
    model: str
    config: Mapping[str, Any]
    until: Millis
    learnt: Mapping[str, AnyArray]
    scorer: Scorer
    movies: IdArray

    def served(self, movies: IdArray) -> Scorer:
        """The version as it is, over other movies: of those that it does not know it knows nothing."""
        place = {id_: number for number, id_ in enumerate(self.movies.tolist())}
        pairs = np.array([(new, place[id_]) for new, id_ in enumerate(movies.tolist()) if id_ in place]).reshape(-1, 2)
        arrays = {}
        for name, old in self.scorer.arrays().items():
            arrays[name] = np.zeros((len(movies), *old.shape[1:]), dtype=old.dtype)
            arrays[name][pairs[:, 0]] = old[pairs[:, 1]]
        return scorer_from(self.scorer.kind, arrays)


def packed(learnt: Mapping[str, AnyArray], interactions: Interactions) -> dict[str, AnyArray]:
    """What is kept beside a version that learnt this from these ratings; {} for a model that cannot be gone on from."""
    if not learnt:
        return {}
    until = int(interactions.at.max())
    about = np.array([FORMAT, until], dtype=np.int64)
    return {ABOUT: about, USERS: np.array([_digest(interactions, until)]), **learnt}


def find_start(artifacts: Path, version: str, interactions: Interactions) -> Start:
    """What a training on these ratings may go on from; raises `ModelError` that says why it may not, where so."""
    arrays = load_start(artifacts, version)
    if not arrays:
        raise ModelError(f"{version} keeps nothing to go on from")
    about, users = arrays.pop(ABOUT, np.zeros(2, np.int64)), arrays.pop(USERS, np.array([""]))
    if about[0] != FORMAT:
        raise ModelError(f"{version} was kept by another Cinegraph (format {about[0]}, and this one reads {FORMAT})")
    until = int(about[1])
    if users[0] != _digest(interactions, until):
        raise ModelError(
            f"those who have ratings up to {moment(until)} are not those whom {version} learnt from: nothing of "
            "somebody who is gone may live on"
        )
    artifact = load_artifact(artifacts, version)
    return Start(version, artifact.model, artifact.config, until, arrays, artifact.scorer, artifact.movie_ids)


def since(interactions: Interactions, start: Start) -> Protocol:
    """The protocol of an increment: a cut of all ratings at the version's moment, and one in the middle of what came
    after it. Raises `NotEnoughData` where these are too few to ask about."""
    fewest, n = load_protocol(DEFAULT).min_test_users, len(interactions)
    new, users = int(np.count_nonzero(interactions.at > start.until)), 0
    train, validation = (n - new + 0.5) / n, (new // 2) / n  # half a rating away from where rounding would matter
    if new > 1:
        split = global_time(interactions, train, validation)
        users = min(split.validation_users, split.test_users)
    if users < fewest:
        raise NotEnoughData(
            f"{new:,} ratings came after {moment(start.until)}, the last that {start.version} knows, and one half of "
            f"them has {users} users to ask about, where {fewest} are needed to judge what is trained. It keeps "
            "serving, and what its users rate counts in their next answer; train when there are more, or in full: "
            "without --incremental"
        )
    about = f"Ratings after {moment(start.until)}, of which {start.version} knows none: half validation, half test."
    method = SplitName.GLOBAL_TIME
    return Protocol(name="since", about=about, method=method, train=train, validation=validation, min_test_users=fewest)


def moment(at: Millis) -> str:
    """A moment in words."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _digest(interactions: Interactions, until: Millis) -> str:
    """A hash over all users with a rating up to a moment: it tells that one is gone, and not who was there."""
    users = interactions.users[np.unique(interactions.user_index[interactions.at <= until])]
    return hashlib.sha256("\0".join(users.tolist()).encode()).hexdigest()
