"""The plots of a model card, as SVG text: the same run gives the same bytes, and nothing is fetched."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recommenders.arrays import DoubleArray
from recommenders.bootstrap import Estimate
from recommenders.segments import Segment

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
"""Observable's palette of ten: told apart also by most who cannot tell all colours."""

Series = Mapping[str, Sequence[tuple[float, float]]]


def bars(by_model: Mapping[str, Sequence[Segment]], dimension: str) -> str:
    """The figure of each segment of one dimension, a group of bars a segment, a bar a model, with intervals."""
    names = list(dict.fromkeys(one.name for found in by_model.values() for one in found if one.dimension == dimension))
    figure, axes = _canvas()
    width = 0.8 / max(len(by_model), 1)
    for number, (model, found) in enumerate(by_model.items()):
        figures = {one.name: one.figure for one in found if one.dimension == dimension}
        places = [i for i, name in enumerate(names) if name in figures]
        _bar(axes, np.array(places) + number * width, [figures[names[i]] for i in places], width, number, model)
    axes.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names, rotation=20 if len(names) > 4 else 0, fontsize=8)
    axes.set_ylabel(dimension)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def _bar(axes: Axes, places: DoubleArray, values: Sequence[Estimate], width: float, number: int, label: str) -> None:
    means = np.array([one.mean for one in values])
    spread = np.array([[one.mean - one.low for one in values], [one.high - one.mean for one in values]])
    axes.bar(places, means, width, yerr=spread.clip(0), color=_colour(number), label=label, error_kw={"lw": 0.8})


def lines(series: Series, across: str, up: str) -> str:
    """A line a name over the points (x, y)."""
    figure, axes = _canvas()
    for number, (name, points) in enumerate(series.items()):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, marker="o", markersize=3, color=_colour(number), label=name)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def points(
    named: Mapping[str, tuple[float, float]], across: str, up: str, scale: Literal["linear", "log"] = "linear"
) -> str:
    """One point a name, with the name beside it; `scale` is that of x."""
    figure, axes = _canvas()
    for number, (name, (x, y)) in enumerate(named.items()):
        axes.scatter(x, y, color=_colour(number))
        axes.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8)
    axes.margins(0.15)
    axes.set_xscale(scale)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return _svg(figure)


def stacked(parts: Mapping[str, Mapping[str, float]], across: str) -> str:
    """A horizontal bar a name, made of its parts one after the other; a part has one colour in all bars."""
    figure, axes = _canvas()
    kinds = list(dict.fromkeys(kind for found in parts.values() for kind in found))
    left = np.zeros(len(parts))
    for number, kind in enumerate(kinds):
        widths = np.array([found.get(kind, 0.0) for found in parts.values()])
        axes.barh(list(parts), widths, left=left, height=0.5, color=_colour(number), label=kind)
        left += widths
    axes.invert_yaxis()
    axes.set_xlabel(across)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def shares(names: Sequence[str], wanted: DoubleArray, shown: Mapping[str, DoubleArray]) -> str:
    """Each genre's share of what users like against its share of what they are shown; the diagonal is calibrated."""
    figure, axes = _canvas()
    for number, (model, values) in enumerate(shown.items()):
        axes.scatter(wanted, values, s=18, color=_colour(number), label=model)
    end = float(max([wanted.max(initial=0.0), *(values.max(initial=0.0) for values in shown.values())])) * 1.05
    axes.plot([0, end], [0, end], color="#999999", lw=0.8)
    largest = np.argsort(-wanted, kind="stable")[:8]
    for genre in largest.tolist():
        axes.annotate(
            names[genre], (wanted[genre], 0), xytext=(0, 2), textcoords="offset points", fontsize=6, rotation=60
        )
    axes.set_xlabel("share of what users like")
    axes.set_ylabel("share of what they are shown")
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def embedding_map(places: DoubleArray, kinds: Sequence[str]) -> str:
    """Movies (n, 2) in a plane, a colour for each of the most frequent kinds."""
    figure, axes = _canvas()
    names, counts = np.unique(np.array(kinds), return_counts=True)
    for number, name in enumerate(names[np.argsort(-counts, kind="stable")][: len(COLOURS)].tolist()):
        chosen = np.array(kinds) == name
        axes.scatter(places[chosen, 0], places[chosen, 1], s=4, color=_colour(number), label=name, rasterized=True)
    axes.legend(fontsize=7, frameon=False, markerscale=2, ncols=2)
    axes.set_xticks([])
    axes.set_yticks([])
    return _svg(figure)


def plane(vectors: DoubleArray) -> DoubleArray:
    """The first two principal components (n, 2), each with its largest value positive."""
    centred = vectors - vectors.mean(axis=0)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    found: DoubleArray = centred @ right[:2].T
    if found.shape[1] < 2:
        found = np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
    largest = np.abs(found).argmax(axis=0)
    return found * np.where(found[largest, np.arange(2)] < 0, -1.0, 1.0)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    stream = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "cinegraph", "svg.fonttype": "none", "savefig.dpi": 110}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
