"""What a training reads of the graph: ratings, what the catalogue says of their movies, and what is written of them."""

from collections.abc import Sequence

from cinegraph import plugins
from cinegraph.cli.console import Stages
from cinegraph.cli.signals import apart
from cinegraph.errors import MissingExtra
from cinegraph.settings import Settings
from graph.client import GraphClient
from graph.models import read_texts
from graph.snapshot import Snapshot, load_snapshot
from recommenders import registry
from recommenders.arrays import FloatArray, IdArray
from recommenders.facts import MovieFacts, facts_of
from recommenders.interactions import Interactions
from recommenders.publishing import load_interactions
from recommenders.sentences.vectors import vectors_of


async def read_data(
    client: GraphClient, settings: Settings, names: Sequence[str], report: Stages, snapshot: Snapshot | None = None
) -> tuple[Interactions, MovieFacts]:
    """The graph's ratings, and what it says of their movies, by a `snapshot` that was read already where one is given;
    with texts as vectors, where one of these models reads them."""
    interactions = await load_interactions(client.reader, report, settings.trust)
    snapshot, texts = snapshot or await load_snapshot(client.reader, 0, ""), None
    if settings.training.texts and any(registry.entry(name).reads_texts for name in names):
        texts = await _texts(client, settings, interactions.movies, report)
    return interactions, facts_of(snapshot, interactions.movies, texts)


async def _texts(client: GraphClient, settings: Settings, movies: IdArray, report: Stages) -> FloatArray | None:
    """The vectors of what is written about movies (movies, d); None where nothing is, or nothing can encode it."""
    written = await read_texts(client.reader)
    texts = [written.get(id_, "") for id_ in movies.tolist()]
    if not any(texts):
        return None
    try:
        encoder = plugins.load("recommenders.sentences.encoder")
    except MissingExtra:
        report("encoding texts: left out, which needs the extra text", 1, 1)
        return None

    def told(done: int, total: int) -> None:
        report("encoding texts", done, total)

    folder = settings.home / "texts" / encoder.VERSION
    return await apart(lambda: vectors_of(texts, folder, lambda: encoder.Encoder().encode, told))
