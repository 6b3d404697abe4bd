"""One id and one name for each genre, whether MovieLens or TMDB calls it so."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

NONE: Final = "(no genres listed)"

_CANONICAL: Final = {
    "sci-fi": "Science Fiction",
    "children": "Family",
    "children's": "Family",
    "musical": "Musical",
    "imax": "IMAX",
    "film-noir": "Film-Noir",
    "film noir": "Film-Noir",
    "tv movie": "TV Movie",
}


def slug(name: str) -> str:
    """ "Science Fiction" as `science-fiction`: ASCII letters and digits, joined by hyphens."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "-".join(re.findall(r"[a-z0-9]+", letters.encode("ascii", "ignore").decode()))


def genres_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """Ids and names, each once, in the order of the ids."""
    found = {}
    for name in names:
        name = _CANONICAL.get(name.strip().casefold(), name.strip())
        if name not in {"", NONE, "unknown"} and slug(name):
            found[slug(name)] = name
    return sorted(found.items())
