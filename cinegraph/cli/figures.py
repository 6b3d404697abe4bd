"""The figures of a training, in tables that fit a terminal of 80 columns."""

from collections.abc import Iterator

from rich import box
from rich.table import Table

from cinegraph.cli.console import out
from recommenders.bootstrap import Estimate
from recommenders.gate import Outcome, over_members
from recommenders.results import ModelResult, TrainingRun
from recommenders.verdict import verdict

OVER = ("popular", "ease", "sparse_ease")
"""The baselines that every model is shown beside: the last stands in for the one before it where that is too large."""


def show_figures(run: TrainingRun) -> None:
    """How each model did on the test part, and how much better it was than the baselines."""
    if run.asked_protocol:
        out.print(f"{run.asked_protocol} leaves too few users of these data: {run.protocol.name} instead")
    users = f"{run.asked_users} of " if run.asked_users < run.test_users else ""
    out.print(f"{run.protocol.name} split, {users}{run.test_users} test users, figures on test, 95 % intervals")
    out.print(_accuracy(run))
    out.print(_differences(run))
    out.print(
        "* best on validation of those asked for that are not left out; R: Recall,\n"
        "cov.: coverage@10, nov.: novelty@10 in bits"
    )
    chosen_by = sorted(((one.validation.ndcg_at_10.mean, one.name) for one in run.results), reverse=True)
    out.print(f"validation: {', '.join(f'{name} {mean:.4f}' for mean, name in chosen_by)}")
    for name, over in _no_better_than_members(run):
        out.print(f"{name} is left out: over the best of its members it has {over} on validation and test together")
    out.print(f"data {run.fingerprint[:12]}, seed {run.seed}")
    out.print(verdict(run).words, markup=False)
    if run.passed_over:
        out.print(run.passed_over, markup=False)


def show_gate(outcome: Outcome) -> None:
    """Each rule that the model is held to, what was found, and its limit."""
    table = _table("rule", "found", "limit", "held")
    for rule in outcome.rules:
        found = "" if rule.figure is None else f"{rule.figure:.4f}" if isinstance(rule.figure, float) else rule.figure
        held = "yes" if rule.held else "by the reason" if rule.waived else "no"
        table.add_row(rule.name, str(found), f"{rule.limit:.4f}", held)
    beside = f" beside the live model {outcome.live}" if outcome.live else ""
    out.print(f"\nwhether {outcome.model} may be served{beside}")
    out.print(table)
    if outcome.because:
        out.print(f"because: {outcome.because}", markup=False)


def _no_better_than_members(run: TrainingRun) -> Iterator[tuple[str, Estimate]]:
    """Models made of others that do better on validation than what was chosen, but not surely than their members."""
    rows = {one.name: one for one in run.results}
    best = rows[run.best].validation.ndcg_at_10.mean
    for one in run.results:
        over = over_members(one, rows, run.seed)
        if over is not None and not over.above_zero and one.validation.ndcg_at_10.mean > best:
            yield one.name, over


def _accuracy(run: TrainingRun) -> Table:
    table = _table("model", "NDCG@10", "R@10", "R@20", "MRR", "cov.", "nov.", "s")
    for one in run.results:
        test = one.test
        table.add_row(
            _name(one, run),
            str(test.ndcg_at_10),
            *(f"{figure.mean:.4f}" for figure in (test.recall_at_10, test.recall_at_20, test.mrr)),
            f"{test.coverage_at_10:.3f}",
            f"{test.novelty_at_10.mean:.2f}",
            f"{one.seconds:.1f}",
        )
    return table


def _differences(run: TrainingRun) -> Table:
    there = {other.baseline for one in run.results for other in one.against}
    beside = [name for name in OVER if name in there]
    table = _table("model", *(f"NDCG@10 over {name}" for name in beside))
    for one in run.results:
        over = {other.baseline: str(other.difference) for other in one.against}
        table.add_row(_name(one, run), *(over.get(name, "") for name in beside))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


def _name(one: ModelResult, run: TrainingRun) -> str:
    return f"{one.name} *" if one.name == run.best else one.name
