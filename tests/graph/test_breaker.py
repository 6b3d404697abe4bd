"""The breaker, by a clock of ours."""

from dataclasses import dataclass

import pytest

from cinegraph.errors import GraphAway, GraphUnavailable
from graph.breaker import FAILURES, PAUSE, Breaker, State


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock, lambda: 3_600.0 * 7 + 62)


def opened(breaker: Breaker) -> Breaker:
    for _ in range(FAILURES):
        assert breaker.enter() is False
        breaker.failed()
    assert breaker.state is State.OPEN
    return breaker


def test_three_connections_that_fail_in_a_row_open_it(breaker: Breaker) -> None:
    breaker.failed()
    breaker.failed()
    assert breaker.state is State.CLOSED
    breaker.answered()
    breaker.failed()
    breaker.failed()
    assert breaker.state is State.CLOSED
    breaker.failed()
    assert breaker.state is State.OPEN


def test_while_it_is_open_requests_are_told_since_when(breaker: Breaker) -> None:
    opened(breaker)
    with pytest.raises(GraphAway, match="since 07:01:02 UTC; try again"):
        breaker.enter()
    assert GraphAway.code == GraphUnavailable.code == "GRAPH_UNAVAILABLE"


def test_after_a_pause_one_tries_and_its_answer_closes_it(breaker: Breaker, clock: Clock) -> None:
    told: list[str] = []
    breaker.on_close = lambda: told.append("back")
    opened(breaker)
    clock.now += PAUSE - 0.01
    with pytest.raises(GraphAway):
        breaker.enter()
    clock.now += 0.01
    assert breaker.enter() is True
    assert breaker.state is State.HALF_OPEN
    clock.now += 60
    with pytest.raises(GraphAway):
        breaker.enter()
    breaker.answered()
    assert (breaker.state, breaker.enter(), told) == (State.CLOSED, False, ["back"])


def test_a_trial_without_an_answer_opens_it_for_another_pause(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    for _ in range(3):
        clock.now += PAUSE
        assert breaker.enter() is True
        breaker.still_away()
        assert breaker.state is State.OPEN
        with pytest.raises(GraphAway):
            breaker.enter()


def test_one_that_was_sent_before_takes_no_trial_away(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += PAUSE
    assert breaker.enter() is True
    breaker.failed()
    breaker.lost()
    assert breaker.state is State.HALF_OPEN


def test_a_question_without_an_answer_opens_it_at_once(breaker: Breaker) -> None:
    breaker.lost()
    assert breaker.state is State.OPEN
