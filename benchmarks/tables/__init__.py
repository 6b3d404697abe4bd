"""The tables of the documents, by name, from what the benchmarks wrote; `python -m benchmarks.tables` writes them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.tables import models, serving

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "models.md", ROOT / "docs" / "performance.md")
PLACE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(*, check: bool) -> int:
    """Write all documents anew, or say which differ; the exit code."""
    return max(written(document, check=check) for document in DOCUMENTS)


def written(document: Path, *, check: bool) -> int:
    """Write a document's tables anew, or say that they differ; the exit code."""
    before = document.read_text(encoding="utf-8")
    after = filled(before)
    if after == before:
        return 0
    if check:
        print(f"{document} is not what the results say; run python -m benchmarks.tables")
        return 1
    document.write_text(after, encoding="utf-8")
    return 0


def filled(text: str) -> str:
    """The document with every table as the results have it."""
    return PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", text)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "user-time": models.by_protocol("user_time"),
    "cold-movies": models.by_protocol("cold_movies"),
    "sequences": models.by_protocol("leave_last_out"),
    "cold-users": models.cold_users,
    "gowalla": models.gowalla,
    "dials": models.dials,
    "bubble": models.bubble,
    "speed": models.speed,
    "large": models.large,
    "scale": models.scale,
    "neighbours": models.neighbours,
    "shilling": models.shilling,
    "candidates": models.candidates,
    "first-questions": models.first_questions("ml-latest-small"),
    "first-questions-sequences": models.first_questions("ml-1m sequences"),
    "calibration": models.calibration,
    "context": models.context,
    "preferences": models.preferences,
    "incremental": models.incremental,
    "folding": models.folding,
    "graphql": serving.graphql,
    "graphql-setting": serving.graphql_setting,
    "graphql-short": serving.graphql_short,
    "stages": serving.stages,
    "drivers": serving.drivers,
    "memory": serving.memory,
    "overload": serving.figures("overload"),
    "attacked": serving.attacked,
    "outage": serving.figures("outage"),
    "soak": serving.figures("soak"),
    "push": serving.figures("push"),
    "gpu": models.gpu,
}
