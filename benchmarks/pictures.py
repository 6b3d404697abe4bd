"""Pictures of what was measured, for docs/models.md and docs/performance.md, from `benchmarks/results/`.

    python -m benchmarks.pictures [--check]

`--check` writes nothing and fails where a picture is another than the results say.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.stages import BESIDE, WHOLE
from benchmarks.tables.cells import result
from recommenders import plots

IMAGES = Path(__file__).parent.parent / "docs" / "images"
CURVES: Final = ("ensemble", "ease", "sparse_ease", "graphfilter", "lightgcn", "content", "popular")
"""Models whose curves are drawn: more cannot be told apart."""


def main() -> int:
    drawn = {name: draw() for name, draw in PICTURES.items()}
    stale = [name for name, text in drawn.items() if _text(IMAGES / name) != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"{IMAGES / name} is not what the results say; run python -m benchmarks.pictures")
        return int(bool(stale))
    for name in stale:
        (IMAGES / name).write_text(drawn[name], encoding="utf-8")
    return 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _protocol(name: str) -> Mapping[str, Any]:
    """What was measured of each model under a protocol."""
    found: Mapping[str, Any] = result("models")["protocols"][name]["models"]
    return found


def cold_users() -> str:
    """NDCG@10 by how many likes are known, a line a model."""
    found = _protocol("cold_users")
    curves = {
        name: [(float(known), figure[0]) for known, figure in found[name]["curve"].items()]
        for name in CURVES
        if name in found
    }
    return plots.lines(curves, "likes known", "NDCG@10")


def quality_by_cost() -> str:
    """NDCG@10 against the seconds that fitting and asking took, a point a model."""
    found = _protocol("user_time")
    named = {name: (row["seconds"], row["ndcg_at_10"][0]) for name, row in found.items()}
    return plots.points(named, "seconds (fitted twice, and asked)", "NDCG@10", "log")


def quality_by_novelty() -> str:
    """NDCG@10 against how little known what is shown is, a point a model."""
    found = _protocol("user_time")
    named = {name: (row["novelty_bits"], row["ndcg_at_10"][0]) for name, row in found.items() if "novelty_bits" in row}
    return plots.points(named, "bits of novelty of what is shown", "NDCG@10")


def dials() -> str:
    """NDCG@10 by how far a dial is turned, a line a dial."""
    rows = result("diversity")["rows"]
    (plain,) = (row["ndcg_at_10"] for row in rows if row["dial"] == "none")
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["dial"] != "none":
            series.setdefault(row["dial"], [(0.0, plain)]).append((row["value"], row["ndcg_at_10"]))
    return plots.lines(series, "dial", "NDCG@10")


def preferences() -> str:
    """NDCG@10 by how much a preference adds, a line for what is stated beside what."""
    rows = result("preferences")["rows"]
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["stated"]:
            series.setdefault(f"{row['stated']}, beside {row['model']}", []).append((row["strength"], row["over"][0]))
    return plots.lines(series, "part of the best score that a preference adds", "NDCG@10 over no preferences")


def stages() -> str:
    """CPU milliseconds of an answer by stage, and beside it what stands for the statement and the walk elsewhere."""
    found = result("stages")["cpu_ms"]
    answers = {
        name: {stage: ms for stage, ms in row.items() if not stage.startswith(BESIDE)} for name, row in found.items()
    }
    bars: dict[str, dict[str, float]] = {}
    for name, row in answers.items():
        bars[name] = {stage: ms for stage, ms in row.items() if stage != WHOLE}
        for stage in (stage for stage in found[name] if stage.startswith(BESIDE)):
            bars[f"{name}:\n{stage.removeprefix(BESIDE)}"] = {"beside": found[name][stage]}
    return plots.stacked(bars, "CPU of the API process, ms an answer")


PICTURES: Final[Mapping[str, Callable[[], str]]] = {
    "cold-users.svg": cold_users,
    "quality-by-cost.svg": quality_by_cost,
    "quality-by-novelty.svg": quality_by_novelty,
    "dials.svg": dials,
    "preferences.svg": preferences,
    "stages.svg": stages,
}


if __name__ == "__main__":
    sys.exit(main())
