"""The sample tells how far it is in rows, of which all are done in the end."""

from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.sample.simulator import SimulatorConfig


async def test_the_progress_ends_with_all_rows(graph: GraphClient) -> None:
    told: dict[str, list[tuple[int, int | None]]] = {}

    def tell(stage: str, done: int, total: int | None) -> None:
        told.setdefault(stage, []).append((done, total))

    report = await ingest_sample(graph.writer, SimulatorConfig(users=150), progress=tell)
    ratings = report.relationships["RATED"]
    assert told["ratings"][0] == (0, ratings)
    assert told["ratings"][-1] == (ratings, ratings)
    assert told["views"][-1][0] == told["views"][-1][1]
    assert all(done <= (total or done) for stage in told.values() for done, total in stage)
