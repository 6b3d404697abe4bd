"""Which values of hyper-parameters are worth trying: they stand beside the fields of each model's `Config`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both of them too; whole numbers where both are. With `log` each power is as likely."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these."""

    values: tuple[Any, ...]

    def __contains__(self, value: object) -> bool:
        return value in self.values


SearchSpace: TypeAlias = Mapping[str, Range | Choice]
"""By hyper-parameter; those that are not in it stay at their defaults."""
