"""Content: a movie is as good as the movies in the history share telling people, keywords, a series with it.

Each entity counts by how rare it is (`content.telling`) times what its relationship says about taste
(`told.WEIGHTS`); likeness is the cosine of two movies. To it comes, where texts were encoded, the cosine of what is
written about them as far as it is above `USUAL`, `text_weight` times: alone it says little, beside the rest it helps. A
movie that nobody likes is found as any other is, and says
nothing about a user, as in every model.
"""

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
from pydantic import Field
from scipy import sparse

from cinegraph.errors import NotEnoughData
from recommenders.arrays import BoolArray, Csr, FloatArray, IntArray
from recommenders.content import of_length_one, telling
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.scorers import ItemItemScorer
from recommenders.search_space import Range, SearchSpace
from recommenders.told import WEIGHTS

BLOCK = 512
"""Movies whose likeness to all others is computed at once."""
USUAL = 0.1
"""A cosine of two texts that says nothing: those of most movies have one of .1 or so."""
Likeness: TypeAlias = Callable[[int, int], Csr]
"""From the first movie and the one after the last, how much like each other movie they are (rows, movies)."""


class Config(ModelConfig):
    """Hyper-parameters of Content."""

    neighbours: int = Field(50, ge=1, le=10_000, description="how many movies most like it a movie speaks for")
    text_weight: float = Field(0.2, ge=0, le=10, description="how much likeness of texts counts, beside that of facts")

    search_space: ClassVar[SearchSpace] = {
        "neighbours": Range(5, 500, log=True),
        "text_weight": Range(0.0, 1.0),
    }


class Content(Model[Config]):
    """Likeness by the catalogue alone."""

    config_class = Config

    def _learn(self, interactions: Interactions, options: FitOptions) -> ItemItemScorer:
        likes = interactions.likes()
        rows, texts = telling_rows(options.knowledge), options.knowledge.texts if options.knowledge else None
        if texts is not None and self.config.text_weight:
            written = of_texts(rows, texts, self.config.text_weight)
            near = nearest(written, len(likes), likes > 0, self.config.neighbours)
        else:
            near = nearest(of_facts(rows), len(likes), likes > 0, self.config.neighbours)
        if not near.nnz:
            raise NotEnoughData("the catalogue connects no movie that is liked with another; train another model")
        return ItemItemScorer(near, np.arange(len(likes), dtype=np.int32), likes)


def telling_rows(knowledge: Knowledge | None) -> Csr:
    """What tells of each movie, of length 1 (movies, entities); raises `NotEnoughData` where nothing does."""
    weighted = []
    for relation, (_, matrix) in (knowledge.links if knowledge else {}).items():
        count = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1)
        information = np.log2(matrix.shape[0] / count)
        weighted.append(matrix @ sparse.diags_array(telling(information) * WEIGHTS[relation]))
    if not sum(one.nnz for one in weighted):
        raise NotEnoughData("the catalogue connects no movies; content needs people, keywords or series of them")
    return of_length_one(Csr(sparse.hstack(weighted, format="csr")))


def of_facts(rows: Csr) -> Likeness:
    """The cosine of what the catalogue says."""
    columns = Csr(rows.T.tocsr())

    def likeness(start: int, end: int) -> Csr:
        block = Csr(rows[start:end] @ columns)
        block.sort_indices()
        return block

    return likeness


def of_texts(rows: Csr, texts: FloatArray, weight: float) -> Likeness:
    """The same, and that of what is written."""
    facts = of_facts(rows)

    def likeness(start: int, end: int) -> Csr:
        written = np.maximum(texts[start:end] @ texts.T - np.float32(USUAL), 0) * np.float32(weight)
        return Csr(sparse.csr_array(facts(start, end).toarray() + written))

    return likeness


def nearest(likeness: Likeness, movies: int, speaking: BoolArray, neighbours: int) -> Csr:
    """Of each movie that speaks, how much like it those are that are most like it (movies, movies)."""
    data, indices, counts = list[FloatArray](), list[IntArray](), np.zeros(movies, dtype=np.int64)
    for start in range(0, movies, BLOCK):
        block = likeness(start, start + BLOCK)
        for place in range(block.shape[0]):
            movie, part = start + place, slice(block.indptr[place], block.indptr[place + 1])
            if speaking[movie]:
                values, items = _best(block.data[part], block.indices[part], movie, neighbours)
                data.append(values)
                indices.append(items)
                counts[movie] = len(items)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Csr((np.concatenate(data), np.concatenate(indices), indptr), shape=(movies, movies))


def _best(values: FloatArray, items: IntArray, movie: int, neighbours: int) -> tuple[FloatArray, IntArray]:
    others = (items != movie) & (values > 0)
    values, items = values[others], items[others]
    kept = np.sort(np.argsort(-values, kind="stable")[:neighbours])
    return values[kept].astype(np.float32), items[kept].astype(np.int32)
