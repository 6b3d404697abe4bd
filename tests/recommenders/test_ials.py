"""iALS: its solutions are those of the normal equations, folding in is one more half sweep, parts of a score add up."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from cinegraph.errors import InvalidInput
from recommenders import least_squares
from recommenders.interactions import Interactions
from recommenders.least_squares import inverse, solved
from recommenders.least_squares_scorer import LeastSquaresScorer
from recommenders.model import FitOptions, Progress
from recommenders.models.ials import IALS, Config
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import History
from tests.recommenders.planted import planted

SMALL = Config(embedding_dim=8, l2=0.1, sweeps=4)


def fitted(config: Config = SMALL, data: Interactions | None = None) -> tuple[IALS, LeastSquaresScorer]:
    """The model, and what serves it."""
    model = IALS(config).fit(data or planted())
    scorer = model.scorer()
    assert isinstance(scorer, LeastSquaresScorer)
    return model, scorer


def formula(x: np.ndarray, y: np.ndarray, config: Config) -> np.ndarray:
    """The vector of one user by the normal equations: x (movies,) are the weights, y (movies, d) the vectors."""
    unobserved = config.unobserved
    penalty = config.l2 * (x.sum() + unobserved * len(y)) ** config.exponent
    return np.linalg.solve((x + unobserved) * y.T @ y + penalty * np.eye(y.shape[1]), y.T @ x)


def loss(x: np.ndarray, users: np.ndarray, movies: np.ndarray, config: Config) -> float:
    """What training makes small, written out over all pairs."""
    product, unobserved = users @ movies.T, config.unobserved
    squares = (x * (product - 1) ** 2).sum() + unobserved * (product**2).sum()
    of_users = (x.sum(axis=1) + unobserved * len(movies)) ** config.exponent @ (users**2).sum(axis=1)
    of_movies = (x.sum(axis=0) + unobserved * len(users)) ** config.exponent @ (movies**2).sum(axis=1)
    return float(squares + config.l2 * (of_users + of_movies))


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("width", [3, 8, 40], ids=["wide histories", "both", "narrow histories"])
def test_every_row_solves_its_normal_equations(width: int, exponent: float) -> None:
    rng = np.random.default_rng(1)
    weights = rng.random((30, 25)) * (rng.random((30, 25)) < 0.4)
    weights[3], items = 0, rng.standard_normal((25, width))
    config = Config(unobserved=0.3, l2=0.2, exponent=exponent)
    regularisation = np.array([0.2, exponent, 0.3 * 25])
    found = solved(sparse.csr_array(weights), items, 0.3 * items.T @ items, regularisation)
    assert found == pytest.approx(np.stack([formula(row, items, config) for row in weights]), abs=1e-9)
    assert not found[3].any()


def test_small_batches_give_the_same_solutions(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted()[1]
    monkeypatch.setattr(least_squares, "NUMBERS_AT_ONCE", 1000)
    assert fitted()[1].item_factors == pytest.approx(whole.item_factors, abs=1e-6)


def test_the_inverse_without_blas_is_the_inverse() -> None:
    rows = np.random.default_rng(2).standard_normal((60, 40))
    matrix = rows.T @ rows + np.eye(40)
    assert inverse(matrix.copy()) == pytest.approx(np.linalg.inv(matrix), abs=1e-10)


def test_folding_in_a_training_user_is_one_more_half_sweep() -> None:
    """By the normal equations, by training, and as served: one and the same vector."""
    model, scorer = fitted()
    embeddings, x = model.embeddings(), planted().liked.toarray().astype(np.float64)
    assert embeddings is not None
    vectors = scorer.item_factors.astype(np.float64)
    half_sweep = solved(planted().liked, vectors, *model._given(vectors))
    for user in range(0, planted().n_users, 8):
        served = scorer.user_vector(planted().history(user))
        assert served == pytest.approx(formula(x[user], vectors, SMALL), abs=1e-6)
        assert served == pytest.approx(half_sweep[user], abs=1e-6)
        assert served == pytest.approx(embeddings.users[user], abs=1e-6)


def test_the_loss_falls_with_every_sweep() -> None:
    x, losses = planted().liked.toarray().astype(np.float64), []
    for sweeps in range(1, 7):
        model, _ = fitted(SMALL.model_copy(update={"sweeps": sweeps}))
        found = model.embeddings()
        assert found is not None
        losses.append(loss(x, found.users.astype(np.float64), found.movies.astype(np.float64), SMALL))
    assert losses == sorted(set(losses), reverse=True)


def test_a_contribution_is_the_weighted_movie_seen_through_the_users_least_squares() -> None:
    """Hu et al. 2008, section 5."""
    _, scorer = fitted()
    vectors, history = scorer.item_factors.astype(np.float64), planted().history(5)
    own = vectors[history.items]
    penalty = SMALL.l2 * (len(history) + 0.1 * len(vectors)) ** SMALL.exponent
    seen = np.linalg.inv(0.1 * vectors.T @ vectors + own.T @ own + penalty * np.eye(8))
    for movie in (0, 40, 117):
        parts = scorer.contributions(history, movie)
        assert parts == pytest.approx(own @ seen @ vectors[movie], abs=1e-6)
        assert parts.sum() == pytest.approx(scorer.score(history)[movie], abs=1e-5)


def test_a_movie_that_nobody_likes_has_no_vector_and_does_not_count() -> None:
    whole = planted()
    _, scorer = fitted(data=whole.subset(~((whole.movie_index == 9) & (whole.rating >= 4))))
    history = whole.history(3)
    more = History.from_ratings([*history.items.tolist(), 9], [5.0] * (len(history) + 1))
    assert not scorer.item_factors[9].any()
    assert scorer.score(more).tobytes() == scorer.score(history).tobytes()


def test_each_sweep_is_told() -> None:
    told = list[Progress]()
    IALS(SMALL).fit(planted(), FitOptions(progress=told.append))
    assert [(one.task, one.done, one.total) for one in told] == [("sweeps", n, 4) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gram": np.eye(7)}, r"gram has shape \(7, 7\), not \(8, 8\)"),
        ({"regularisation": np.ones(2)}, r"regularisation has shape \(2,\), not \(3,\)"),
        ({"regularisation": np.array([0.0, 1, 1])}, r"l2, exponent and offset: \[0.0, 1.0, 1.0\] is not that"),
        ({"item_factors": np.zeros((6, 8), np.float32)}, r"item_factors has shape \(6, 8\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        scorer_from("least_squares", {**fitted()[1].arrays(), **change})


THREADS = """
import hashlib
from recommenders.models.ials import IALS, Config
from recommenders.scorers import History
from tests.recommenders.planted import planted
scorer, digest = IALS(Config(embedding_dim=130, sweeps=1)).fit(planted()).scorer(), hashlib.sha256()
for array in (*scorer.arrays().values(), scorer.score(History.from_ratings(range(0, 118), [5.0] * 118))):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_training_and_serving_give_the_same_bytes_whatever_threads_blas_has() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", THREADS],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1
