"""The beginning of the end of a process: said before anything is refused, so that clients go elsewhere in time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Leaving:
    """Once it has `begun`, readiness says no, and each answer ends its connection; all that comes is still answered."""

    begun: bool = False
