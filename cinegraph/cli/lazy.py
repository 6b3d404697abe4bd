"""Commands that are imported when they are called: most need little of what Cinegraph consists of."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperGroup


class Place(NamedTuple):
    """A command, or a group of them: its module under `cinegraph.cli`, its name there, and its line of the help."""

    module: str
    name: str
    summary: str


COMMANDS: Final[Mapping[str, Place]] = {
    "demo": Place("demo", "demo", "The sample catalogue, a trained model, and GraphQL over both, on this machine."),
    "serve": Place("serve", "serve", "Serve GraphQL over the graph."),
    "train": Place("models", "train", "Train on the graph's ratings, evaluate, and publish the best."),
    "evaluate": Place("models", "evaluate", "The table of figures, without publishing anything."),
    "tune": Place("tuning", "tune", "Search hyper-parameters by NDCG@10 on validation."),
    "cypher": Place("graph", "cypher", "Ask the graph in Cypher: reading only."),
    "token": Place("dev", "token", "A development token for a user."),
    "schema": Place("dev", "schema", "Print the GraphQL schema."),
    "settings": Place("dev", "settings", "Print every setting with its default."),
    "graph": Place("graph", "app", "The graph database: start, stop, look."),
    "ingest": Place("data", "app", "Bring data into the graph."),
    "models": Place("models", "app", "The versions of the model: look, promote, roll back."),
    "runs": Place("runs", "app", "What was trained, how, and how it did: a record that MLflow opens too."),
    "experiment": Place("experiments", "app", "Experiments on users: begin, look, stop."),
}
"""In the order of the help."""


class Lazy(TyperGroup):
    """The commands of `COMMANDS`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # names, one of which is suggested

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; None where there is none."""
        return loaded(COMMANDS[cmd_name], cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A line for each, with nothing imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])


def loaded(place: Place, name: str) -> Any:
    """The command, or the group, that is there."""
    found = getattr(import_module(f"cinegraph.cli.{place.module}"), place.name)
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        return typer.main.get_group(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name)(found)
    return typer.main.get_command(alone)
