"""What callers have left to spend where several workers share it; `events/redis_points.py` is where they do."""

from typing import NamedTuple, Protocol


class Level(NamedTuple):
    """What a bucket has, after the points were taken where it had `enough`."""

    enough: bool
    level: float


class SharedPoints(Protocol):
    """Buckets that hold `full` points at most, of which `rate` come back a second."""

    async def take(self, caller: str, points: float, rate: float, full: float) -> Level | None:
        """Take points where there are enough; None where that is not known at the moment."""

    def give_back(self, caller: str, points: float, rate: float, full: float) -> None:
        """Return points, some time."""

    async def run(self) -> None:
        """What has to go on meanwhile, until it is cancelled."""
