"""What was learnt with a model and published beside its scorer: the chance behind a score, and what to ask a stranger.

An artefact of an earlier Cinegraph has neither; nothing then is said of chances, and the most popular movies are asked.
"""

import logging
from dataclasses import dataclass, field
from typing import Final

from recommenders.artifacts import Artifact
from recommenders.calibration import Calibration
from recommenders.questions import Questions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """The calibration, the questions, None for a model without, and the names of an ensemble's members."""

    calibration: Calibration = field(default_factory=Calibration)
    questions: Questions | None = None
    members: tuple[str, ...] = ()


NOTHING: Final = Learnt()


def learnt_with(artifact: Artifact) -> Learnt:
    """What an artefact has beside its scorer. Questions that do not fit the model are left out, and logged."""
    questions = None
    try:
        questions = Questions.from_arrays(artifact.beside, len(artifact.movie_ids))
    except (KeyError, ValueError) as error:
        log.error("the questions of model %s cannot be used, popular movies are asked: %s", artifact.version, error)
    members = artifact.config.get("members", ())
    calibration = Calibration.from_json(artifact.metrics.get("calibration", {}))
    return Learnt(calibration, questions, tuple(str(name) for name in members))
