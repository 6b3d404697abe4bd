"""Figures in the documents are those that the benchmarks wrote."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def text_of(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_the_latency_of_recommendations_is_that_of_the_benchmark() -> None:
    http = json.loads((RESULTS / "recommendations.json").read_text())["http"]
    found = {name: f"{value:.0f}" for name, value in http.items()}
    readme, reliability = text_of("README.md"), text_of("docs/reliability.md")
    assert f"take {found['p50_ms']} ms over HTTP, {found['p99_ms']} ms at p99" in readme
    rating = found["rating_to_answer_p50_ms"], found["rating_to_answer_p95_ms"]
    assert f"in the next answer after {rating[0]} ms, {rating[1]} ms at p95" in readme
    assert f"({rating[0]} ms at p50, {rating[1]} at p95: `python -m benchmarks.recommendations`)" in reliability
    beside = found["beside_a_runaway_p99_ms"], found["p99_ms"]
    assert f"take {beside[0]} ms at p99 instead of {beside[1]} (`python -m benchmarks.recommendations`" in reliability
