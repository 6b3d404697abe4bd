"""`cinegraph demo`: the API, and everything that leads to it, in one command."""

import typer

from cinegraph import logs
from cinegraph.cli.console import say, stages, starting
from cinegraph.cli.models import publish_and_record, train_and_show
from cinegraph.cli.serve import bound, run_server, until_stopped
from cinegraph.home import checkpoints_of, open_graph
from cinegraph.settings import Settings, load_settings
from graph.catalog import read_statement
from graph.client import GraphClient
from graph.ingest.options import IngestOptions
from graph.ingest.sample import ingest_sample
from graph.models import list_versions
from graph.sample.simulator import SimulatorConfig
from recommenders import registry
from recommenders.runs.recorder import RunRecorder
from recommenders.training import TrainingOptions

FIRST_QUERY = """{
  recommendations(first: 3, liked: ["alien-1979", "blade-runner-1982"]) {
    edges { node { title year } why(first: 1) { sentence } }
  }
}
"""


def demo(
    port: int | None = typer.Option(None, min=0, max=65535, help="Port of the API, 0: a free one."),
    users: int = typer.Option(600, min=50, max=20_000, help="Believable users to simulate."),
) -> None:
    """The sample catalogue, a trained model, and GraphQL over both; the second start takes seconds."""
    settings = load_settings()
    logs.write_as(settings.log.format, settings.log.level)
    wanted = settings.api.port if port is None else port
    bound(settings.api.host, wanted).close()  # said before all that takes long
    until_stopped(_demo(settings, wanted, users))


async def _demo(settings: Settings, port: int, users: int) -> None:
    async with open_graph(settings, starting) as client:
        await _ensure_sample(client, users)
        await _ensure_model(settings, client)
        with bound(settings.api.host, port) as listener:
            await run_server(settings, client, listener, FIRST_QUERY)


async def _ensure_sample(client: GraphClient, users: int) -> None:
    """Load the sample where the graph has no movie yet."""
    (state,) = await client.reader.read(read_statement("meta/is_empty"))
    if state["empty"]:
        say(f"loading the sample catalogue, with {users} simulated users")
        with stages() as progress:
            await ingest_sample(client.writer, SimulatorConfig(users=users), IngestOptions(), progress)


async def _ensure_model(settings: Settings, client: GraphClient) -> None:
    """Train the usual models and publish one of them, where none is served yet."""
    if any(version.active for version in await list_versions(client.reader)):
        return
    say(f"training {', '.join(registry.usual())}; this takes longest, and is done once")
    with RunRecorder(settings.home, "demo") as recorder:
        options = TrainingOptions(recorder=recorder, checkpoints=checkpoints_of(settings))
        run = await train_and_show(client, settings, [], options)
        await publish_and_record(settings, client, run, recorder)
