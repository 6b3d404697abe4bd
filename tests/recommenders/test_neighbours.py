"""Drawn neighbours: no more than asked for, by the dice, and on average the product with the whole matrix."""

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from recommenders import registry
from recommenders.arrays import Csr
from recommenders.evaluation import measure
from recommenders.model import FitOptions
from recommenders.models import spreading
from recommenders.models.kgnn import KGNN, KnowledgeTraining
from recommenders.models.lightgcn import LightGCN, SoftmaxTraining
from recommenders.models.neighbours import Some, drawn
from recommenders.models.propagation import Links, torch_csr
from recommenders.splits import user_time
from tests.recommenders.planted import SMALL, catalogue, groups, planted

CPU = torch.device("cpu")
EVERY = 10_000
"""More neighbours than any node has."""
DEGREES = (0, 1, 2, 5, 6, 7, 13, 60)
FEW = 5
NETWORKS = ("lightgcn", "xsimgcl", "kgnn")


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_links() -> Links:
    """A matrix (8, 80) whose rows have so many links, at random columns, of random weights."""
    rng = np.random.default_rng(3)
    rows = np.repeat(np.arange(len(DEGREES)), DEGREES)
    columns = np.concatenate([rng.choice(80, degree, replace=False) for degree in DEGREES])
    weights = rng.random(len(rows)).astype(np.float32)
    matrix = Csr(sparse.csr_array((weights, (rows, columns)), shape=(len(DEGREES), 80)))
    return Links(torch_csr(matrix), torch_csr(Csr(matrix.T.tocsr())))


def drawn_dense(links: Links, at_most: int, dice: torch.Generator) -> Tensor:
    """The whole matrix with what was drawn of each row (8, 80)."""
    found = drawn(links, torch.arange(links.matrix.shape[0]), at_most, dice)
    columns = Some.of(links.matrix.shape[1], found.columns)
    dense = torch.zeros(links.matrix.shape)
    dense[:, columns.ids] = found.among(columns).matrix.to_dense()
    return dense


def test_of_a_node_with_few_neighbours_all_are_taken_once_as_they_are() -> None:
    links = some_links()
    few = torch.tensor(DEGREES) <= FEW
    assert torch.equal(drawn_dense(links, FEW, dice())[few], links.matrix.to_dense()[few])


def test_of_a_node_with_more_exactly_so_many_are_drawn_of_its_own() -> None:
    links = some_links()
    whole = links.matrix.to_dense()
    for seed in range(20):
        found = drawn(links, torch.arange(8), FEW, dice(seed))
        assert found.starts.diff().tolist() == [0, 1, 2, 5, 5, 5, 5, 5]
        rows = torch.repeat_interleave(torch.arange(8), found.starts.diff())
        stands_for = torch.tensor(DEGREES)[rows].clamp(min=FEW) / FEW
        own = whole[rows, found.columns] > 0
        assert own.all()
        expected = whole[rows, found.columns] * stands_for
        more = torch.tensor(DEGREES)[rows] > FEW
        assert torch.allclose(found.weights[more], expected[more])


def drawn_often(links: Links, times: int) -> tuple[Tensor, Tensor]:
    """How often each link was drawn, and the mean of its weight (8, 80), when all rows were drawn so many times."""
    rows = torch.arange(len(DEGREES)).repeat(times)
    found = drawn(links, rows, FEW, dice(1))
    places = torch.repeat_interleave(rows, found.starts.diff()) * 80 + found.columns
    counts = torch.bincount(places, minlength=640).view(8, 80)
    weights = torch.zeros(640, dtype=torch.float64).index_add_(0, places, found.weights.double())
    return counts, (weights / times).float().view(8, 80)


def test_on_average_the_product_is_that_with_the_whole_matrix() -> None:
    links = some_links()
    _, mean = drawn_often(links, 40_000)
    assert torch.allclose(mean, links.matrix.to_dense(), atol=0.08), "of a link drawn 1 time in 12: 4.8 deviations"
    x = torch.randn(80, 16, generator=dice(2)) + 1
    assert torch.allclose(mean @ x, links.times(x), rtol=0.02, atol=0.3)


def test_without_scaled_weights_it_is_not() -> None:
    """The mutant of the test above."""
    links = some_links()
    counts, _ = drawn_often(links, 40_000)
    assert not torch.allclose(counts / 40_000 * links.matrix.to_dense(), links.matrix.to_dense(), atol=0.08)


def test_each_neighbour_is_drawn_as_often_as_any_other() -> None:
    links = some_links()
    counts, _ = drawn_often(links, 40_000)
    own = links.matrix.to_dense() > 0
    assert counts[~own].sum() == 0
    for row, degree in enumerate(DEGREES):
        assert (counts[row][own[row]] / 40_000).numpy() == pytest.approx(min(1, FEW / max(degree, 1)), abs=0.02)


def test_the_same_dice_draw_the_same_and_others_draw_others() -> None:
    links = some_links()
    one, again, other = (drawn(links, torch.arange(8), FEW, dice(seed)).columns for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_gradients_go_back_by_what_was_drawn() -> None:
    found = drawn(some_links(), torch.tensor([7, 3, 6]), FEW, dice())
    columns = Some.of(80, found.columns)
    links = found.among(columns)
    assert torch.equal(links.transposed.to_dense(), links.matrix.to_dense().T)
    x = torch.randn(len(columns.ids), 4, generator=dice(), requires_grad=True)
    links.times(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, links.matrix.to_dense().sum(0)[:, None].expand(-1, 4), atol=1e-5)


def test_a_node_without_neighbours_is_told_nothing() -> None:
    links = some_links()
    found = drawn(links, torch.tensor([0]), FEW, dice())
    nothing = found.among(Some.of(80, found.columns))
    assert nothing.matrix.shape == (1, 0)
    assert nothing.times(torch.zeros(0, 3)).tolist() == [[0.0, 0.0, 0.0]]


def small(name: str, neighbours: int | None, **config: object) -> LightGCN | KGNN:
    made = registry.create(name, {**SMALL[name], "neighbours": neighbours, **config})
    assert isinstance(made, LightGCN | KGNN)
    return made


@pytest.mark.parametrize("first_layer", [0, 1])
def test_lightgcn_with_every_neighbour_is_that_of_the_whole_graph(first_layer: int) -> None:
    nodes = torch.tensor([5, 170, 5, 200, 3])
    finals = []
    for neighbours in (None, EVERY):
        model = small("lightgcn", neighbours, first_layer=first_layer, layers=3)
        training = model._training(planted(), CPU, FitOptions(device="cpu"))
        assert isinstance(training, SoftmaxTraining)
        finals.append(training.final(nodes))
        finals[-1].square().sum().backward()
        finals.append(training.network.embedding.weight.grad)
    assert torch.allclose(finals[0], finals[2], atol=1e-6)
    assert torch.allclose(finals[1], finals[3], atol=1e-5)


@pytest.mark.parametrize("hops", [0, 1, 2])
@pytest.mark.parametrize("layers", [1, 3])
def test_kgnn_with_every_neighbour_is_that_of_the_whole_graph(hops: int, layers: int) -> None:
    users, movies = torch.tensor([5, 9, 5]), torch.tensor([7, 40, 7, 2])
    found = []
    for neighbours in (None, EVERY):
        model = small("kgnn", neighbours, hops=hops, layers=layers)
        training = model._training(planted(), CPU, FitOptions(device="cpu", knowledge=catalogue()))
        assert isinstance(training, KnowledgeTraining)
        has = torch.ones(planted().n_movies, 1)
        has[::5] = 0
        embedded = training._embedded(users, movies, has)
        sum(one.square().sum() for one in embedded).backward()
        found.append([*embedded, *(one.grad for one in training.network.parameters() if one.grad is not None)])
    assert len(found[0]) == len(found[1])
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(*found, strict=True))


def test_a_batch_needs_no_more_than_it_reaches() -> None:
    """Of a user three movies, of those and the asked one three users each, and of those three movies each."""
    training = small("kgnn", 3)._training(planted(), CPU, FitOptions(device="cpu", knowledge=catalogue()))
    assert isinstance(training, KnowledgeTraining)
    needed = spreading.sampled(training._likes, 1, torch.tensor([0]), torch.tensor([50]), 3, dice())
    assert needed.asked.ids.tolist() == [0]
    assert 50 in needed.reached.ids.tolist()
    assert 2 <= len(needed.reached.ids) <= 4
    (hop,) = needed.spreading.hops
    assert hop.to_users.matrix.shape[0] <= 12
    assert len(needed.encoded.ids) <= 4 + 36
    assert len(needed.encoded.ids) < training.graph.n_items / 2


def own_share(name: str, neighbours: int | None) -> float:
    """The part of the movies shown, blockbusters aside, that is of the user's own group; a quarter would be chance."""
    split = user_time(planted())
    options = FitOptions(device="cpu", knowledge=catalogue())
    found = measure(small(name, neighbours).fit(split.train, options).scorer(), split.train, split.validation)
    shown = groups()[found.lists[:, :10]]
    own = (shown % 4 == (found.users % 4)[:, None]) & (shown >= 0)
    return float(own.sum() / (shown >= 0).sum())


@pytest.mark.parametrize("name", NETWORKS)
def test_with_a_few_neighbours_it_learns_tastes_as_it_does_with_all(name: str) -> None:
    with_all, with_few = own_share(name, None), own_share(name, FEW)
    assert with_few > 0.85
    assert with_few > with_all - 0.1


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    options = FitOptions(seed=3, device="cpu", knowledge=catalogue())
    one, again, whole = (small(name, n, epochs=2).fit(planted(), options).scorer().arrays() for n in (FEW, FEW, None))
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in again.items()
    }
    assert any(array.tobytes() != whole[name].tobytes() for name, array in one.items())
