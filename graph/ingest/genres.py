"""One id and one name for each genre, whether MovieLens or TMDB calls it so."""

from collections.abc import Iterable
from typing import Final

from graph.slugs import slug

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


def genres_of(names: Iterable[str]) -> list[tuple[str, str]]:
    """Ids and names, each once, in the order of the ids."""
    found = {}
    for name in names:
        name = _CANONICAL.get(name.strip().casefold(), name.strip())
        id_ = slug(name) or name.casefold()  # a name in other letters is its own id
        if name not in {"", NONE, "unknown"}:
            found[id_] = name
    return sorted(found.items())
