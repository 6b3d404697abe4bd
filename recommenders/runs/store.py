"""The file of runs, in MLflow's tables: written here with the standard library, opened by `mlflow ui` as it is.

A new file has the tables of `mlflow.sql`. An MLflow that opens it brings it to its own version, and what is written
here goes on in the same columns (`docs/decisions/0007-runs-that-mlflow-opens.md`). Processes may write at the same
time: the journal is a write-ahead log, and each waits for the others. Times are milliseconds since 1970.
"""

import math
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from cinegraph.errors import InvalidInput, NotFound, RunsUnavailable
from cinegraph.locks import alone, is_present
from cinegraph.types import now

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""
PROCESS = "cinegraph.process"
"""The tag that names the presence of the process that a run belongs to."""
CURVE = "learning/ndcg_at_10"
"""The NDCG@10 on validation, its step the epoch."""
SHORT = 8
"""Characters of a run's id that are shown."""
WRITTEN = {
    "experiments": ("name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time"),
    "runs": ("run_uuid", "name", "source_type", "source_name", "entry_point_name", "source_version", "user_id",
             "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri", "experiment_id"),
    "params": ("run_uuid", "key", "value"),
    "tags": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "latest_metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
}  # fmt: skip
"""The columns that are written, by table."""


class Status(StrEnum):
    """How a run stands, in MLflow's words."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Run:
    """One model's training, as it was recorded; `metrics` are the last values, `ended_at` None while it goes on."""

    id: str
    name: str
    experiment: str
    status: Status
    started_at: int
    ended_at: int | None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it goes on."""
        return None if self.ended_at is None else (self.ended_at - self.started_at) / 1000


class RunStore:
    """The runs of one home, in `runs.db`; every call is a transaction of its own, from any thread."""

    def __init__(self, home: Path) -> None:
        self.path = home / "runs.db"
        self.presences = home / "running"
        self._artifacts = home / "mlruns"
        with alone(home / "runs.lock"), self._connected() as db:
            _ready(db, self.path)

    def begin(self, experiment: str, name: str, params: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
        """The id of a new run that goes on."""
        run = secrets.token_hex(16)
        with self._writing() as db:
            number = self._experiment(db, experiment)
            where = str(self._artifacts / str(number) / run / "artifacts")
            source, times = ("LOCAL", f"cinegraph {experiment}", "", "", ""), (Status.RUNNING, now(), None)
            values = (run, name, *source, *times, "active", where, number)
            db.execute(_insert("runs"), values)
            _put(db, "params", run, params)
            shown = {"mlflow.runName": name, "mlflow.source.name": source[1], "mlflow.source.type": source[0]}
            _put(db, "tags", run, {**shown, **tags})
        return run

    def log(self, run: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Note figures, as those of a step."""
        with self._writing() as db:
            _log(db, run, ((key, value, step) for key, value in metrics.items()))

    def describe(
        self, run: str, params: Mapping[str, Any] | None = None, tags: Mapping[str, Any] | None = None
    ) -> None:
        """Note parameters and tags; those that are there have these values from now on."""
        with self._writing() as db:
            _put(db, "params", run, params or {})
            _put(db, "tags", run, tags or {})

    def replace_curve(self, run: str, key: str, curve: Iterable[tuple[int, float]]) -> None:
        """Note a figure by step, in the place of what was noted of it."""
        with self._writing() as db:
            db.execute("DELETE FROM metrics WHERE run_uuid = ? AND key = ?", (run, key))
            db.execute("DELETE FROM latest_metrics WHERE run_uuid = ? AND key = ?", (run, key))
            _log(db, run, ((key, value, step) for step, value in curve))

    def end(self, run: str, status: Status) -> None:
        """A run that goes on has ended; one that has ended already stays as it is."""
        with self._writing() as db:
            db.execute(
                "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ? AND status = 'RUNNING'",
                (status, now(), run),
            )

    def end_those_of(self, process: str) -> list[str]:
        """Runs of a process that go on are killed ones, as it is gone or goes; their ids."""
        going_on = [run.id for run in self.runs(status=Status.RUNNING) if run.tags.get(PROCESS) == process]
        for run in going_on:
            self.end(run, Status.KILLED)
        return going_on

    def end_those_left(self) -> list[str]:
        """The same for runs of all processes that are gone; those that MLflow's own clients began are left alone."""
        processes = {run.tags[PROCESS] for run in self.runs(status=Status.RUNNING) if PROCESS in run.tags}
        gone = sorted(one for one in processes if not is_present(self.presences, one))
        return [run for one in gone for run in self.end_those_of(one)]

    def runs(self, experiment: str = "", status: Status | None = None, limit: int = -1) -> list[Run]:
        """Runs, the newest first; of one experiment, or all, and so many at most (all, for -1)."""
        where, values = "r.lifecycle_stage = 'active'", list[Any]()
        for column, value in (("e.name", experiment), ("r.status", status)):
            if value:
                where += f" AND {column} = ?"
                values.append(value)
        order = "ORDER BY r.start_time DESC, r.rowid DESC LIMIT ?"
        with self._connected() as db:
            rows = db.execute(f"{_SELECT} WHERE {where} {order}", (*values, limit)).fetchall()
            return [_read(db, row) for row in rows]

    def find(self, begins: str) -> Run:
        """The run whose id begins so; raises `NotFound`, or `InvalidInput` where several do."""
        wanted = "r.lifecycle_stage = 'active' AND substr(r.run_uuid, 1, ?) = ?"
        with self._connected() as db:
            rows = db.execute(f"{_SELECT} WHERE {wanted}", (len(begins), begins)).fetchall()
            if not rows or not begins:
                raise NotFound(f"there is no run {begins!r}; cinegraph runs list shows them")
            if len(rows) > 1:
                raise InvalidInput(f"{len(rows)} runs begin with {begins!r}; give more of the id")
            return _read(db, rows[0])

    def curve(self, run: str, key: str) -> list[tuple[int, float]]:
        """A figure by step."""
        with self._connected() as db:
            wanted = "run_uuid = ? AND key = ? AND NOT is_nan ORDER BY step, timestamp"
            found = db.execute(f"SELECT step, value FROM metrics WHERE {wanted}", (run, key))
            return [(int(step), float(value)) for step, value in found]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as db:
                yield db
        except sqlite3.Error as error:
            raise RunsUnavailable(f"{self.path}: {error}; free it, or move it away, and a new one is made") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as db:
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _experiment(self, db: sqlite3.Connection, name: str) -> int:
        """The number of the experiment, made where it is not there, and shown again where it was deleted."""
        found = db.execute("SELECT experiment_id FROM experiments WHERE name = ?", (name,)).fetchone()
        if found:
            db.execute("UPDATE experiments SET lifecycle_stage = 'active' WHERE experiment_id = ?", found)
            return int(found[0])
        number = db.execute("SELECT max(experiment_id) + 1 FROM experiments").fetchone()[0]
        values = (name, str(self._artifacts / str(number)), "active", now(), now())
        return int(db.execute(_insert("experiments"), values).lastrowid or 0)


_SELECT = (
    "SELECT r.run_uuid, r.name, e.name, r.status, r.start_time, r.end_time "
    "FROM runs r JOIN experiments e USING (experiment_id)"
)


def _ready(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; refuse one that is no file of runs."""
    db.execute("PRAGMA journal_mode = WAL")
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        db.execute("BEGIN IMMEDIATE")
        for statement in (resources.files(__package__) / "mlflow.sql").read_text(encoding="utf-8").split(";\n"):
            db.execute(statement)
        values = ("Default", str(path.parent / "mlruns" / "0"), "active", now(), now())
        db.execute(_insert("experiments"), values)
        db.execute("UPDATE experiments SET experiment_id = 0")
        db.execute("COMMIT")
    for table, columns in WRITTEN.items():
        there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        if missing := set(columns) - there:
            raise RunsUnavailable(
                f"{path}: {table} has no {', '.join(sorted(missing))}, so it is no file of runs that this version "
                "knows; move it away, and a new one is made"
            )


def _insert(table: str) -> str:
    columns = WRITTEN[table]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _put(db: sqlite3.Connection, table: str, run: str, values: Mapping[str, Any]) -> None:
    statement = f"{_insert(table)} ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"
    db.executemany(statement, [(run, key, str(value)) for key, value in values.items()])


def _log(db: sqlite3.Connection, run: str, figures: Iterable[tuple[str, float, int]]) -> None:
    """Infinities are the largest numbers, and what is no number has a column that says so, as MLflow has them."""
    rows = []
    for key, value, step in figures:
        number = 0.0 if math.isnan(value) else max(min(float(value), 1.7976931348623157e308), -1.7976931348623157e308)
        rows.append((run, key, number, now(), step, math.isnan(value)))
    db.executemany(f"{_insert('metrics')} ON CONFLICT DO NOTHING", rows)
    latest = ", ".join(f"{name} = excluded.{name}" for name in WRITTEN["latest_metrics"][2:])
    newer = "WHERE excluded.step >= latest_metrics.step"
    db.executemany(f"{_insert('latest_metrics')} ON CONFLICT (key, run_uuid) DO UPDATE SET {latest} {newer}", rows)


def _read(db: sqlite3.Connection, row: tuple[Any, ...]) -> Run:
    run, name, experiment, status, started, ended = row
    columns = {
        "params": "key, value",
        "tags": "key, value",
        "latest_metrics": "key, CASE WHEN NOT is_nan THEN value END",
    }
    params, tags, metrics = (
        dict(db.execute(f"SELECT {wanted} FROM {table} WHERE run_uuid = ? ORDER BY key", (run,)).fetchall())
        for table, wanted in columns.items()
    )
    numbers = {key: math.nan if value is None else value for key, value in metrics.items()}
    return Run(run, name or "", experiment, Status(status), started, ended, params, tags, numbers)
