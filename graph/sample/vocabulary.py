"""The words that films may be described by: a closed list of genres, and the keywords of `keywords.txt`.

Closed lists keep the graph connected: a keyword that only one film has joins nothing.
"""

from functools import cache
from importlib import resources
from typing import Final

GENRES: Final = (
    "Action",
    "Adventure",
    "Animation",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Family",
    "Fantasy",
    "Film-Noir",
    "History",
    "Horror",
    "Music",
    "Musical",
    "Mystery",
    "Romance",
    "Science Fiction",
    "Thriller",
    "War",
    "Western",
)


@cache
def keywords() -> frozenset[str]:
    """Every keyword a film may have: one a line in `keywords.txt`, under `#` headings."""
    text = resources.files("graph.sample").joinpath("keywords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
