"""Figures in the documents are those that the benchmarks wrote."""

import json
from pathlib import Path

from benchmarks.tables import DOCUMENTS, filled
from benchmarks.tables.cells import short as signed
from recommenders.context import AWAY
from recommenders.similarity import BLENDED, SimilarityBasis

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
MODELS = "docs/models.md"


def text_of(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def short(value: float, digits: int = 4) -> str:
    """A figure below 1 as the documents have it: .0123."""
    return f"{value:.{digits}f}".lstrip("0")


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


def test_the_figures_of_similar_movies_are_those_of_the_benchmark() -> None:
    result, text = json.loads((RESULTS / "similar.json").read_text()), text_of("docs/graphql.md")
    assert f"among the first 20 (recall@20), {result['likes']['users']} users, by time" in text
    for basis, row in result["likes"]["test"].items():
        cells = [*(short(one["mean"]) for one in row.values()), short(result["pairs"][basis], 2)]
        assert f"| `{basis}` | {' | '.join(cells)} |" in text
    tried = result["likes"]["validation"]
    for figure, words in (
        ("each_hit_at_10", "hit@10"), ("each_recall_at_20", "recall@20"), ("together_recall_at_20", "recall@20"),
    ):  # fmt: skip
        summed, fused = (short(tried[way][figure]["mean"]) for way in ("sum 8:1:1", "rank fusion 60, 8:1:1"))
        assert f"{words} {summed} against {fused}" in text


def test_the_weight_of_behaviour_is_the_best_that_was_tried() -> None:
    tried = json.loads((RESULTS / "similar.json").read_text())["likes"]["validation"]
    found = {name: row["each_hit_at_10"]["mean"] for name, row in tried.items() if name.startswith("sum")}
    assert max(found, key=found.__getitem__) == f"sum {BLENDED[SimilarityBasis.BEHAVIOUR]:g}:1:1"


def test_the_tables_of_the_models_are_those_of_the_benchmarks() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert filled(text) == text, "run python -m benchmarks.tables"
        assert text.count("<!-- table: ") == text.count("<!-- end -->") > 0


def test_what_is_said_of_candidates_is_what_the_benchmark_found() -> None:
    depths, text = json.loads((RESULTS / "candidates.json").read_text())["data"]["graph"]["depths"], text_of(MODELS)
    together, model = depths["200"]["all"], depths["1000"]["MODEL"]
    said = f"{together['candidates']:,.0f} movies on average, have {short(together['recall'][0])} of the later likes"
    assert f"{said}, the model's own first 1,000 {short(model['recall'][0])}" in text
    others = [row["recall"][0] for name, row in depths["1000"].items() if name not in ("MODEL", "all")]
    assert model["recall"][1] > max(others)


def test_what_is_said_of_first_questions_is_what_the_benchmark_found() -> None:
    found = json.loads((RESULTS / "first_questions.json").read_text())["data"]

    def over(data: str, kind: str) -> tuple[float, float]:
        _, low, high = found[data]["ways"]["firstQuestions"][kind]["over"]
        return low, high

    assert min(over("ml-latest-small", kind)[0] for kind in ("3", "5", "10", "12 questions")) > 0
    assert over("ml-1m sequences", "12 questions")[0] > 0 > over("ml-1m sequences", "5")[1]
    low, high = over("ml-1m sequences", "10")
    assert low < 0 < high


def test_a_context_counts_for_as_much_as_is_surely_of_use() -> None:
    rows = json.loads((RESULTS / "context.json").read_text())["rows"]
    assert {row["away"] for row in rows if row["over"][1] > 0} == {AWAY}


def percent(value: float) -> str:
    """A part as the documents have it: 2.1 %."""
    return f"{100 * value:.1f} %"


def thousands(users: float | None) -> str:
    """Users, or a dash where not enough of the experiments decide."""
    return "–" if users is None else f"{users:,.0f}"


def test_the_figures_of_experiments_are_those_of_the_benchmark() -> None:
    result, text = json.loads((RESULTS / "experiments.json").read_text()), text_of("docs/experiments.md")
    assert f"{result['runs']:,} experiments without a difference and {result['runs_of_effects']} for each" in text
    assert f"for each effect, {result['looks']} looks, 200 users between two" in text
    for way, name in (
        ("confidence sequence", "misses"), ("confidence sequence without CUPED", "misses_without_cuped"),
        ("t-test at every look", "peeked_misses"),
    ):  # fmt: skip
        assert f"| {way} | {percent(result['nothing'][name])} | {percent(result['rare'][name])} |" in text
    assert f"calls {percent(result['nothing']['peeked_misses'])} of the experiments" in text
    for effect, row in result["effects"].items():
        parts = [percent(row[name]) for name in ("decided", "decided_without_cuped")]
        users = ("users", "users_without_cuped", "users_of_most", "fixed_test_users")
        assert (
            f"| {' | '.join([f'{100 * float(effect):.0f} %', *parts, *(thousands(row[name]) for name in users)])} |"
            in text
        )
        assert row["wrong_way"] == 0
    outside = max(row["misses"] for row in result["effects"].values())
    assert f"CUPED narrows the interval by {percent(result['nothing']['narrowed'])}" in text
    assert f"in no more than {percent(outside)} of the experiments, and none decides" in text
    right, broken = result["mismatch"]["right"], result["mismatch"]["broken"]
    assert f"at any of {result['looks']} looks in {percent(right['at_any_look'])} of the experiments" in text
    assert f"which is not made for that: in {percent(right['peeked_at_any_look'])})" in text
    assert f"With {100 * result['mismatch']['share']:.0f} % of users in an arm" in text
    found = f"it is said after {thousands(broken['users'])} users (median; by the chi-squared after "
    assert f"{found}{thousands(broken['peeked_users'])})" in text


def test_the_cost_and_the_limit_of_the_cap_on_new_accounts_are_those_of_the_benchmark() -> None:
    found, text = json.loads((RESULTS / "shilling.json").read_text())["models"], text_of("docs/models.md")
    for name, words in (("ease", "with the cap "), ("itemknn", "")):
        cost = found[name]["cost"]
        mean, low, high = map(signed, cost["difference"])
        assert f"`{name}` {short(cost['ndcg_at_10'])}, {words}{mean} [{low}, {high}]" in text
        assert f"It leaves {cost['likes_left_out']} likes of {cost['new_accounts']} new accounts out there" in text
    aged = {name: found[name]["lift"]["bandwagon 3%"]["aged"]["mean"] for name in ("itemknn", "ease")}
    pushed = f"push ItemKNN by {aged['itemknn']:.2f} points then, EASE by {short(aged['ease'], 2)} (3 %, bandwagon)"
    assert pushed in text_of("docs/reliability.md")
    lifts = [cell["on"]["highest"] for row in found.values() for cell in row["lift"].values()]
    assert max(lifts) <= 2
