"""Somebody of whom nothing is known but where and when they are: popularity as it is there.

Of a movie that does not fit what is said (a country, a language, years) the popularity counts less, for each kind of
what is said; with `recency` a part of popularity is what is rated and watched lately (`activity.py`). As soon as the
model knows anything of the person, its scores stand as they are: what somebody likes tells more than where they are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cinegraph.types import IntRange, MovieFilter
from graph.snapshot import Floats, Ints, Snapshot

AWAY: Final = 0.7
"""What popularity counts of a movie that does not fit. Told the decade that most of a user's likes are of, popularity
is surely better at .7 than without it; at .5 it may be a little better still, at .35 nothing is left of that
(`python -m benchmarks.context`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """Ids of countries and languages, years of release, and the part of popularity that is recent, 0 to 1."""

    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    years: IntRange | None = None
    recency: float = 0.0

    def fits(self) -> list[MovieFilter]:
        """What is said, one condition each."""
        found = []
        if self.countries:
            found.append(MovieFilter(countries=self.countries))
        if self.languages:
            found.append(MovieFilter(languages=self.languages))
        if self.years:
            found.append(MovieFilter(year=self.years))
        return found


ANYWHERE: Final = Context()
"""Nothing is said."""


def in_context(
    popularity: Floats, snapshot: Snapshot, columns: Ints, heat: Floats, context: Context, away: float = AWAY
) -> Floats:
    """Popularity (M,) as it is in a context; `columns` (M,) holds the catalogue's number of each movie, -1 for one that
    is gone, and `heat` (movies,) how much each is rated and watched lately."""
    found = popularity
    if context.recency > 0:
        lately = np.append(heat, 0.0)[columns]
        lately *= float(popularity.max(initial=0.0)) / max(float(lately.max(initial=0.0)), 1e-12)
        found = (1 - context.recency) * popularity + context.recency * lately
    for one in context.fits():
        found = found * np.where(np.append(snapshot.mask(one), False)[columns], 1.0, away)
    return found
