"""What is known of movies beside ratings, by the positions of a data set: for figures, slates and cold movies."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from cinegraph.types import Label, NodeRef
from graph.snapshot import Snapshot
from recommenders.arrays import Csr, DoubleArray, FloatArray, IdArray, IntArray
from recommenders.content import content_rows
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge, knowledge_of
from recommenders.told import told_of

DIMENSIONS = 32


@dataclass(frozen=True, slots=True, eq=False)
class MovieFacts:
    """Of each movie its genres (movies, genres), 1 where it has one, by `genre_names`, its year (movies,), 0 where that
    is not known, and what the catalogue says of it (movies, entities), of length 1; and all of that as a graph."""

    genres: Csr
    genre_names: tuple[str, ...]
    years: IntArray
    content: Csr
    knowledge: Knowledge = field(default_factory=lambda: Knowledge({}))

    @classmethod
    def from_genres(
        cls, genres: list[tuple[str, ...]], years: list[int | None], content: Csr | None = None
    ) -> "MovieFacts":
        """From the names of each movie's genres, and its year; without content no movie is like any other."""
        names = tuple(sorted({name for one in genres for name in one}))
        place = {name: i for i, name in enumerate(names)}
        rows = np.repeat(np.arange(len(genres)), [len(one) for one in genres])
        columns = np.array([place[name] for one in genres for name in one], dtype=np.int32)
        ones = np.ones(len(columns), dtype=np.float64)
        matrix = sparse.coo_array((ones, (rows, columns)), shape=(len(genres), len(names))).tocsr()
        nothing = Csr((len(genres), 0))
        known_years = np.array([year or 0 for year in years], dtype=np.int32)
        return cls(Csr(matrix), names, known_years, nothing if content is None else content)


def facts_of(snapshot: Snapshot, movies: IdArray, texts: FloatArray | None = None) -> MovieFacts:
    """Of these movies, in their order; one that is not in the catalogue has no genre and no year. `texts` (movies, d)
    are vectors of what they are about."""
    genres: list[tuple[str, ...]] = []
    years: list[int | None] = []
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in movies.tolist()], dtype=np.int32)
    for number in columns.tolist():
        near = snapshot.ways(number) if number >= 0 else {}
        genres.append(tuple(snapshot.names[one] for one in near if snapshot.labels[one] is Label.GENRE))
        years.append(int(snapshot.year[number]) if number >= 0 and snapshot.year[number] > 0 else None)
    found = MovieFacts.from_genres(genres, years, content_rows(snapshot, told_of(snapshot), columns))
    return replace(found, knowledge=knowledge_of(snapshot, movies, texts))


def taste_vectors(known: Interactions, dimensions: int = DIMENSIONS) -> DoubleArray:
    """A space to measure distances in, the same for all models (movies, d): the right singular vectors of the likes,
    each like divided by the roots of both degrees, times their singular values."""
    liked = known.liked.astype(np.float64)
    by_user, by_movie = np.diff(liked.indptr), np.bincount(liked.indices, minlength=known.n_movies)
    scale = sparse.diags_array(1 / np.sqrt(np.maximum(by_user, 1)))
    scaled = Csr(scale @ liked @ sparse.diags_array(1 / np.sqrt(np.maximum(by_movie, 1))))
    k = min(dimensions, min(scaled.shape) - 1)
    if k < 1:
        return np.zeros((known.n_movies, 1))
    _, values, right = svds(scaled, k=k, v0=np.ones(min(scaled.shape)))
    found: DoubleArray = np.asarray(right.T * values)
    return found
