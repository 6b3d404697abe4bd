"""Memory does not grow with the file: counted in rows that are held, not in time or bytes of the process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.catalog import WriteStatement
from graph.client import GraphClient, Row, Writer
from graph.ingest import movielens, ratings, source
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from tests.graph.ingest import made

USERS, EACH = 40, 50


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """2,000 ratings of 50 movies."""
    folder = made.write_csv(tmp_path / "ml")
    movies = "".join(f"{n},Film {n} (2000),Drama\n" for n in range(1, EACH + 1))
    (folder / "movies.csv").write_text("movieId,title,genres\n" + movies)
    rows = "".join(
        f"{user},{movie},3.0,{user * 1000 + movie}\n" for movie in range(1, EACH + 1) for user in range(1, USERS + 1)
    )
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + rows)
    (folder / "tags.csv").unlink()
    return folder


class Watching(Writer):
    """Keeps the largest number of ratings of one write."""

    def __init__(self, client: GraphClient) -> None:
        super().__init__(client.session)
        self.largest = 0

    async def write(self, statement: WriteStatement, /, **parameters: Any) -> list[Row]:
        if statement.name == "ingest/ratings":
            self.largest = max(self.largest, sum(len(items) for _, items in parameters["rows"]))
        return await super().write(statement, **parameters)


async def test_the_rows_in_memory_are_bounded_whatever_the_file(
    graph: GraphClient, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    read_ratings, read_bucket = ratings.read_ratings, ratings._read

    def watched(*arguments: Any) -> Iterator[Any]:
        for block in read_ratings(*arguments):
            held.append(block.size)
            yield block

    def watched_bucket(file: Path) -> Any:
        found = read_bucket(file)
        held.append(found.size)
        return found

    monkeypatch.setattr(source, "BLOCK", 1000)
    monkeypatch.setattr(ratings, "IN_BUCKET", 300)
    monkeypatch.setattr(movielens, "read_ratings", watched)
    monkeypatch.setattr(ratings, "_read", watched_bucket)
    writer = Watching(graph)
    report = await ingest_movielens(writer, large, IngestOptions(batch_rows=70))
    assert report.relationships["RATED"] == USERS * EACH
    assert 0 < max(held) <= 500, "a block has some 80 rows, a bucket the ratings of some of the users"
    assert writer.largest <= 70 + EACH - 1
