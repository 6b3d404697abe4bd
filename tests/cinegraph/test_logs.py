"""Whoever logs never waits for what is behind the log."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from cinegraph import logs
from cinegraph.telemetry import Watch, watching


class Stuck(logging.Handler):
    """Writes nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may, self.written = threading.Event(), list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.may.wait()
        self.written.append(self.format(record))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_that_nobody_reads_holds_nobody_up() -> None:
    stuck = Stuck()
    listener = logs.configure(logging.INFO, stuck, longest=3)
    for number in range(10):
        logging.getLogger("some").info("record %d", number)
    stuck.may.set()
    listener.queue.join()
    logging.getLogger("some").info("the next")
    listener.stop()
    first = [f"INFO some: record {number}" for number in range(len(stuck.written) - 1)]
    assert stuck.written[:-1] == first
    assert 3 <= len(first) <= 4, "three in the queue, and perhaps one that was being written"
    assert stuck.written[-1] == f"INFO some: the next ({10 - len(first)} records before it were lost)"


def test_a_line_of_json_has_what_a_record_has(capfd: pytest.CaptureFixture[str]) -> None:
    listener = logs.configure(logging.WARNING)
    logs.write_as("json", "info")
    assert logs.writes_json()
    logging.getLogger("some").debug("not this")
    logging.getLogger("some").info("%d films", 5)
    with watching(Watch(request_id="request-1")):
        logging.getLogger("some").warning("words", extra={"fields": {"message": "short", "status": 200}})
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        logging.getLogger("some").exception("failed")
    listener.stop()
    first, second, third = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    times = [one.pop("time") for one in (first, second, third)]
    assert first == {"level": "info", "logger": "some", "message": "5 films"}
    expected = {"level": "warning", "logger": "some", "message": "short", "status": 200, "requestId": "request-1"}
    assert second == expected
    assert third.pop("stack").splitlines()[-1] == "ZeroDivisionError: by nothing"
    assert third == {"level": "error", "logger": "some", "message": "failed"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one) for one in times)


def test_how_many_lines_of_json_were_lost_stands_in_the_next_one() -> None:
    stuck = Stuck()
    listener = logs.configure(logging.INFO, stuck, longest=3)
    logs.write_as("json", "info")
    for number in range(10):
        logging.getLogger("some").info("record %d", number)
    stuck.may.set()
    listener.queue.join()
    logging.getLogger("some").info("the next")
    listener.stop()
    lines = [json.loads(line) for line in stuck.written]
    assert [line.get("lost", 0) for line in lines] == [0] * (len(lines) - 1) + [10 - len(lines) + 1]
    assert lines[-1]["message"] == "the next"


@pytest.mark.parametrize(
    ("begun", "given", "level"),
    [("WARNING", "info", "INFO"), ("WARNING", "error", "ERROR"), ("DEBUG", "error", "DEBUG")],
)
def test_the_level_is_that_of_the_setting_unless_all_is_to_be_shown(begun: str, given: str, level: str) -> None:
    listener = logs.configure(getattr(logging, begun), Stuck())
    logs.write_as("text", given)
    assert logging.getLevelName(logging.getLogger().level) == level
    assert not logs.writes_json()
    listener.stop()


PROGRAM = """
import logging, sys
from cinegraph import logs
logs.configure(logging.WARNING)
logs.also("b.c")
logging.getLogger("a").info("not this")
logging.getLogger("b").info("nor this")
logging.getLogger("b.c").info("this too")
for number in range(int(sys.argv[1])):
    logging.getLogger("a").warning("%d %s", number, "x" * 100)
print("done", flush=True)
"""


def test_at_the_end_of_a_process_all_is_written() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "50"], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == "INFO b.c: this too"
    assert [line.split()[2] for line in lines[1:]] == [str(number) for number in range(50)]


def test_a_process_whose_pipe_is_full_goes_on_and_ends() -> None:
    """5,000 records are 600 kB: ten times what a pipe holds, and nobody reads it."""
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-c", PROGRAM, "5000"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, text=True, check=True, timeout=120)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.stdout == "done\n"
