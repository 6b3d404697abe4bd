"""Rows that are not what they should be: counted, kept in a file with their reasons, and too many of them refused."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from cinegraph.errors import QualityTooLow, SourceMalformed
from graph.ingest.records import Problem

KEPT: Final = 100_000
"""Rows in the quarantine file at most; the others are counted."""
EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row of a file that was refused; the file's first line is row 1."""

    file: str
    row: int
    field: str
    value: str
    reason: str

    def words(self) -> str:
        """As one line; without the field where the row as a whole is wrong."""
        return " ".join(filter(None, (f"row {self.row}:", self.field, repr(self.value), self.reason)))


@dataclass
class Quarantine:
    """All bad rows of one run; `path` gets one JSON object a line, and is there only when there is one."""

    path: Path | None
    read: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[BadRow] = field(default_factory=list)
    _file: IO[str] | None = None

    def count(self, file: str, rows: int) -> None:
        """So many rows of a file were read, good and bad."""
        self.read[file] += rows

    def refuse(self, file: str, row: int, problem: Problem) -> None:
        """Keep a bad row, which is counted as read already."""
        bad = BadRow(file, row, problem.field, problem.value, problem.reason)
        if self.bad[file] < EXAMPLES:
            self.examples.append(bad)
        if self.path and self.bad.total() < KEPT:
            self._open(self.path).write(json.dumps(asdict(bad), ensure_ascii=False) + "\n")
        self.bad[file] += 1

    def _open(self, path: Path) -> IO[str]:
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        return self._file

    def close(self) -> None:
        """Leave the file whole; without a bad row there is none, also not that of an earlier run."""
        if self._file:
            self._file.close()
            self._file = None
        elif self.path and not self.bad:
            self.path.unlink(missing_ok=True)

    def rows(self) -> dict[str, tuple[int, int]]:
        """Rows of each file: read, and refused."""
        return {file: (self.read[file], self.bad[file]) for file in sorted(self.read)}

    def first(self) -> list[dict[str, Any]]:
        """Some of the bad rows, for the report."""
        return [asdict(bad) for bad in self.examples]

    def judge(self, most: float) -> None:
        """`SourceMalformed` when a file has no good row, `QualityTooLow` when one has more bad ones than `most`."""
        for file, read in sorted(self.read.items()):
            bad = self.bad[file]
            if bad and bad == read:
                raise SourceMalformed(f"{file}: none of its {read:,} rows is what it should be. {self._why(file)}")
            if bad > read * most:
                raise QualityTooLow(
                    f"{file}: {bad:,} of {read:,} rows are bad, and {most:.2%} are allowed. {self._why(file)} "
                    f"Nothing was written; mend the file, or allow more with --max-bad"
                )

    def _why(self, file: str) -> str:
        first = next(bad for bad in self.examples if bad.file == file)
        where = f" All are in {self.path}." if self.path else ""
        return f"The first, {first.words()}.{where}"
