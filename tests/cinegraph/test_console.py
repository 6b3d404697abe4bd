"""What is shown: bars that end, figures that fit 80 columns, addresses that are there."""

import io
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from cinegraph.cli import console, figures
from cinegraph.cli.console import say, stages, starting
from cinegraph.cli.serve import _greeting
from cinegraph.settings import ApiSettings
from recommenders.protocol import load_protocol
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import planted


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 80 columns shows of both stdout and stderr."""
    shown = io.StringIO()
    screen = Console(file=shown, force_terminal=True, width=80, highlight=False, color_system=None)
    monkeypatch.setattr(console, "err", screen)
    monkeypatch.setattr(console, "out", screen)
    monkeypatch.setattr(figures, "out", screen)
    return shown


def test_bars_have_ended_when_something_else_is_printed(terminal: io.StringIO) -> None:
    with stages() as report:
        report("reading", 0, None)
        report("reading", 1234, None)
        report("ratings", 0, 20)
        report("ratings", 20, 20)
    say("then")
    lines = terminal.getvalue().rpartition("\x1b[2K")[2].split("\n")
    assert [" ".join(line.split()[:1]) for line in lines[:2]] == ["reading", "ratings"]
    assert "1,234/1,234" in lines[0]
    assert "20/20" in lines[1]
    assert lines[2].removeprefix("\x1b[?25h") == "then"


def test_a_log_has_a_line_now_and_then_and_none_of_what_is_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, clock = io.StringIO(), iter([0.0, 1.0, 9.0, 12.0, 15.0, 19.0, 23.0, 60.0])
    monkeypatch.setattr(console, "err", Console(file=shown, force_terminal=False, width=80, color_system=None))
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with stages() as report:
        for stage, done, total in (
            ("reading", 0, None),
            ("epochs", 0, 2000),
            ("epochs", 900, 2000),
            ("epochs", 1000, 2000),
            ("asking", 0, None),
            ("asking", 0, None),
        ):
            report(stage, done, total)
    report("asking", 5, None)
    assert shown.getvalue().splitlines() == ["epochs 900/2,000, 3 s", "asking, 4 s"]


def test_a_start_that_fetches_nothing_shows_no_bar(terminal: io.StringIO) -> None:
    with starting(True):
        pass
    assert terminal.getvalue().splitlines() == [
        "starting Neo4j; its parts are fetched first where they are not there yet"
    ]


def test_figures_fit_a_terminal_of_80_columns(terminal: io.StringIO) -> None:
    run = train(planted(), ["popular", "ease"], TrainingOptions(protocol=load_protocol("user_time"), final=False))
    figures.show_figures(run)
    shown = terminal.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    ease = run.result("ease")
    assert str(ease.test.ndcg_at_10) in shown
    assert str(next(one.difference for one in ease.against if one.baseline == "popular")) in shown


def test_figures_say_of_how_many_users_and_what_took_the_place_of_a_protocol(terminal: io.StringIO) -> None:
    wide = load_protocol("global_time").model_copy(update={"min_test_users": 10_000})
    run = train(planted(), ["ease"], TrainingOptions(protocol=wide, final=False, max_users=20))
    figures.show_figures(run)
    shown = terminal.getvalue()
    assert "global_time leaves too few users of these data: user_time instead" in shown
    assert f"user_time split, 20 of {run.test_users} test users" in shown
    assert f"ease {run.result('ease').validation.ndcg_at_10.mean:.4f}" in shown
    assert run.as_json()["askedProtocol"] == "global_time"
    assert run.as_json()["askedUsers"] == 20


def test_a_model_of_others_that_is_left_out_is_named_with_its_advantage(terminal: io.StringIO) -> None:
    run = train(planted(), ["ease"], TrainingOptions(protocol=load_protocol("user_time"), final=False))
    ease = run.result("ease")
    higher = replace(ease.validation.ndcg_at_10, mean=ease.validation.ndcg_at_10.mean + 0.1)
    same = replace(
        ease, name="ensemble", beside=("ease",), validation=replace(ease.validation, ndcg_at_10=higher), against=()
    )
    figures.show_figures(replace(run, results=(*run.results, same)))
    shown = " ".join(terminal.getvalue().split())
    assert "ensemble is left out: over the best of its members it has 0.0000 [0.0000, 0.0000] on validation" in shown
    assert "ease is left out" not in shown


@pytest.mark.parametrize("graphiql", [True, False])
def test_graphiql_is_named_only_where_it_is_served(graphiql: bool) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        greeting = _greeting(ApiSettings(graphiql=graphiql), listener, "{ query }")
    assert ("GraphiQL" in greeting) == graphiql
    assert "{ query }" in greeting
