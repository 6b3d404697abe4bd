"""Of each node some of its neighbours, drawn anew at each step, for graphs that are too large to be multiplied whole.

A mini-batch needs the embeddings of few nodes, those need their neighbours', and so back for as many layers as there
are. Where each node draws at most so many of its neighbours (GraphSAGE, Hamilton et al. 2017), what a step costs is
bounded by the batch and not by the graph.

The neighbours of a node that has more are divided, in their order, into equal parts, as many as are to be drawn, and of
each part one is drawn. It counts as often as there are neighbours for one drawn, so that the product with what is drawn
is that with the whole matrix on average. Where two parts share a neighbour, it may be drawn twice, and counts twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from recommenders.models.propagation import Links

Edge: TypeAlias = tuple[str, str, str]
"""From which kind of node by what relationship to which kind, as PyG has it."""
Rows: TypeAlias = Tensor | None
"""Places among the nodes that there are (n,), or all of them in their order."""

NEIGHBOURS = "at most so many of each node's neighbours in a step, drawn anew for each layer; null: all"


def take(x: Tensor, rows: Rows) -> Tensor:
    """These rows of a tensor."""
    return x if rows is None else x.index_select(0, rows)


@dataclass(frozen=True, slots=True, eq=False)
class Some:
    """Some of the nodes of a kind: `ids` (n,) rise, and `places` (nodes,) says where each of them stands there."""

    ids: Tensor
    places: Tensor

    @classmethod
    def of(cls, count: int, *nodes: Tensor) -> "Some":
        """All that are named, once each, of so many that there are."""
        device = nodes[0].device
        named = torch.zeros(count, dtype=torch.bool, device=device)
        for part in nodes:
            named[part] = True
        ids = named.nonzero().squeeze(1)
        places = torch.zeros(count, dtype=torch.int64, device=device)
        places[ids] = torch.arange(len(ids), device=device)
        return cls(ids, places)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What was drawn for some rows of a matrix, as a sparse matrix has it: `starts` (rows + 1,), and for each link its
    column in the whole matrix and its weight."""

    starts: Tensor
    columns: Tensor
    weights: Tensor

    def among(self, columns: Some) -> Links:
        """The matrix over these columns alone, and its transpose."""
        rows, width = len(self.starts) - 1, len(columns.ids)
        places = columns.places[self.columns]
        order = torch.sort(places.int(), stable=True).indices
        row = torch.repeat_interleave(torch.arange(rows, dtype=torch.int32, device=order.device), self.starts.diff())
        ends = _ends(torch.bincount(places, minlength=width))
        matrix = _csr(self.starts, places, self.weights, (rows, width))
        return Links(matrix, _csr(ends, row[order], self.weights[order], (width, rows)))


def drawn(links: Links, rows: Tensor, at_most: int, dice: torch.Generator) -> Drawn:
    """Of each of these rows of a matrix (n,) at most so many links."""
    first, last = (links.matrix.crow_indices()[rows + one].long() for one in (0, 1))
    has = last - first
    starts = _ends(has.clamp(max=at_most))
    counts = starts.diff()
    of = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), counts)
    place = torch.arange(len(of), device=rows.device) - starts[of]
    where = torch.rand(len(of), generator=dice, device=rows.device, dtype=torch.float64)
    stands_for = (has.double() / counts.clamp(min=1))[of]
    place = torch.where(stands_for > 1, ((place + where) * stands_for).long(), place)
    link = first[of] + torch.minimum(place, has[of] - 1)
    weights = links.matrix.values()[link]
    return Drawn(starts, links.matrix.col_indices()[link], weights * stands_for.to(weights.dtype))


@dataclass(frozen=True, slots=True)
class Step:
    """One layer: the links between the nodes that go in and those that come out, by relationship, and where those that
    come out stand among those that go in, by kind."""

    links: Mapping[Edge, Links]
    kept: Mapping[str, Rows]


@dataclass(frozen=True, slots=True)
class Reach:
    """All that the embeddings of some nodes depend on: the nodes to begin with, by kind, and the layers in order."""

    first: Mapping[str, Rows]
    steps: tuple[Step, ...]


def whole(links: Mapping[Edge, Links], kind: str, layers: int) -> Reach:
    """For all nodes of a kind, with all links: what the last layers cannot tell them of is left out."""
    wanted, steps = {kind: None}, list[Step]()
    for _ in range(layers):
        told = {edge: one for edge, one in links.items() if edge[2] in wanted}
        steps.append(Step(told, wanted))
        wanted = wanted | dict.fromkeys((edge[0] for edge in told), None)
    return Reach(wanted, tuple(reversed(steps)))


def sampled(
    links: Mapping[Edge, Links], wanted: Mapping[str, Some], layers: int, at_most: int, dice: torch.Generator
) -> Reach:
    """For some nodes, with at most so many links of each relationship to each node, drawn anew for each layer."""
    steps = list[Step]()
    for _ in range(layers):
        told = {e: drawn(one, wanted[e[2]].ids, at_most, dice) for e, one in links.items() if e[2] in wanted}
        kinds = sorted({*wanted, *(edge[0] for edge in told)})
        before = {kind: _before(kind, links, wanted, told) for kind in kinds}
        among = {edge: one.among(before[edge[0]]) for edge, one in told.items()}
        steps.append(Step(among, {kind: before[kind].places[some.ids] for kind, some in wanted.items()}))
        wanted = before
    return Reach({kind: some.ids for kind, some in wanted.items()}, tuple(reversed(steps)))


def _before(kind: str, links: Mapping[Edge, Links], wanted: Mapping[str, Some], told: Mapping[Edge, Drawn]) -> Some:
    """The nodes of a kind that a layer needs: those that come out, and those that tell them something."""
    if kind in wanted:
        itself, count = [wanted[kind].ids], len(wanted[kind].places)
    else:
        itself, count = [], next(one.matrix.shape[1] for edge, one in links.items() if edge[0] == kind)
    return Some.of(count, *itself, *(one.columns for edge, one in told.items() if edge[0] == kind))


def _ends(counts: Tensor) -> Tensor:
    """Where each of some groups of so many begins, and at last where all end (n + 1,)."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _csr(starts: Tensor, columns: Tensor, weights: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.sparse_csr_tensor(starts.int(), columns.int(), weights, size=tuple(shape), check_invariants=False)
