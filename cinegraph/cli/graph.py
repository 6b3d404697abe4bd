"""`cinegraph graph …` and `cinegraph cypher`: the graph itself, for analysts and operators."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from cinegraph.cli.console import out, say, stages, starting
from cinegraph.cli.signals import run
from cinegraph.errors import GraphTimeout, InvalidInput
from cinegraph.home import checkpoints_of, connect, given_address, local_server, open_for_reading, open_graph
from cinegraph.settings import Settings, load_settings
from graph import migrations
from graph.attachment import attached
from graph.catalog import read_statement, write_statement
from graph.client import Address, GraphClient
from graph.local import LocalServer
from graph.readonly import Table, run_readonly

app = typer.Typer(help="The graph database: start, stop, look.", no_args_is_help=True)


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _local(settings: Settings) -> None:
    if settings.graph.uri:
        raise InvalidInput(f"CINEGRAPH_GRAPH__URI is {settings.graph.uri}: that Neo4j is not ours to start or stop")


@app.command()
def start() -> None:
    """Start the local Neo4j and leave it running."""
    settings = load_settings()
    _local(settings)
    out.print(run(_start(settings)))


async def _start(settings: Settings) -> str:
    server = local_server(settings)
    async with attached(server, starting) as address:
        await asyncio.to_thread(server.stay)
        return address.uri


@app.command()
def stop(
    force: bool = typer.Option(False, "--force", help="Also while others use it; none of them starts it again."),
) -> None:
    """Stop the local Neo4j. Exit code 1 while others use it."""
    settings = load_settings()
    _local(settings)
    say("stopped" if local_server(settings).stop(force=force) else "it was not running")


@app.command()
def migrate(
    to: int | None = typer.Option(None, help="Version of the schema, for an older Cinegraph; the newest by default."),
) -> None:
    """Make the graph ready for this version of Cinegraph, or for an older one: constraints and indexes."""
    run(_migrate(load_settings(), to))
    if to is None:
        say("the graph is ready")
    else:
        say(f"the graph is at version {to}; what this version of Cinegraph writes next brings it to the newest again")


async def _migrate(settings: Settings, to: int | None) -> None:
    async with connect(settings, starting) as client:
        with stages() as report:
            report("bringing constraints and indexes up to date", 0, None)
            if to is None:
                await migrations.migrate(client.writer)
            else:
                await migrations.migrate_to(client.writer, to)


@app.command()
def status() -> None:
    """Whether the graph answers, where, and what is in it; nothing is started. Exit code 1 where it does not."""
    settings = load_settings()
    address = given_address(settings) if settings.graph.uri else _running_at(local_server(settings))
    out.print_json(data=run(_counts(address, settings)))


def _running_at(server: LocalServer) -> Address:
    running, users = server.running(), len(server.users())
    if running is None:
        waiting = f"; {users} processes wait for it" if users else ""
        out.print(f"the local Neo4j is not running{waiting}; cinegraph graph start starts it", soft_wrap=True)
        raise typer.Exit(1)
    if not running.listens:
        where = f"process {running.pid}, port {running.port}"
        out.print(f"the local Neo4j is starting, {where}; it does not answer yet", soft_wrap=True)
        raise typer.Exit(1)
    out.print(
        f"the local Neo4j runs at {running.uri}, process {running.pid}, port {running.port}; processes that use it: "
        f"{users}",
        soft_wrap=True,
    )
    return server.address(running)


async def _counts(address: Address, settings: Settings) -> dict[str, Any]:
    async with GraphClient(address, settings.graph) as client:
        await client.check()
        return {row["label"]: row["count"] for row in await client.reader.read(read_statement("meta/counts"))}


@app.command("shell-info")
def shell_info() -> None:
    """What a Neo4j shell or browser needs to connect to the local graph."""
    settings = load_settings()
    _local(settings)
    server = local_server(settings)
    running = server.running()
    out.print_json(
        data={
            "uri": running.uri if running else None,
            "user": "neo4j",
            "passwordFile": str(server.folder / "password"),
            "database": "neo4j",
        }
    )


@app.command()
def reset(yes: bool = typer.Option(False, "--yes", help="Really take everything out.")) -> None:
    """Take every movie, user and model out of the graph."""
    settings = load_settings()
    if not yes:
        raise InvalidInput("this takes every movie, user and model out of the graph; say --yes to do it")
    run(_reset(settings))
    say("the graph is empty")


async def _reset(settings: Settings) -> None:
    async with open_graph(settings, starting) as client:
        with stages() as report:
            report("taking out relationships", 0, None)
            await client.writer.command(write_statement("meta/untie"))
            report("taking out nodes", 0, None)
            await client.writer.command(write_statement("meta/empty"))
            await client.writer.write(write_statement("meta/renew"))
    checkpoints_of(settings).clear()


def cypher(
    statement: str = typer.Argument(help="A reading statement; docs/cypher.md has ten."),
    output: Format = typer.Option(Format.TABLE, "--format", "-f", help="table, json or csv."),
    timeout: float = typer.Option(5.0, min=0.1, max=600, help="Seconds after which the statement is ended."),
    limit: int = typer.Option(1_000, min=1, max=100_000, help="Rows at most."),
    parameters: list[str] = typer.Option([], "--param", "-p", help="A $parameter: name=text, or name:=JSON."),
) -> None:
    """Ask the graph in Cypher: reading only, within a time and a number of rows."""
    table = run(_ask(load_settings(), statement, timeout, limit, dict(map(_parameter, parameters))))
    _print(table, output)
    for note in table.notes:
        say(f"note: {note}")
    if table.cut:
        say(f"only the first {limit} rows; --limit shows more")


def _parameter(text: str) -> tuple[str, Any]:
    """`name=text` is a text, `name:=JSON` a number, a list or whatever JSON has."""
    name, sign, value = text.partition("=")
    if not sign or not name.rstrip(":"):
        raise InvalidInput(f"--param {text}: a parameter is name=text (id=1), or name:=JSON (years:=[1979, 1982])")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"--param {text}: {value!r} is no JSON ({error}); name=text gives a text") from error


async def _ask(settings: Settings, statement: str, timeout: float, limit: int, parameters: Mapping[str, Any]) -> Table:
    async with open_for_reading(settings, starting) as client:
        try:
            return await run_readonly(client.session, statement, timeout=timeout, max_rows=limit, parameters=parameters)
        except GraphTimeout as error:
            raise GraphTimeout(f"the statement was ended after {timeout:g} s; --timeout gives it more time") from error


def _print(table: Table, output: Format) -> None:
    match output:
        case Format.JSON:
            out.out(json.dumps(list(table.rows), ensure_ascii=False, indent=2, default=str))
        case Format.CSV:
            text = io.StringIO()
            writer = csv.DictWriter(text, table.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _flat(value) for name, value in row.items()} for row in table.rows)
            out.out(text.getvalue(), end="")
        case Format.TABLE:
            shown = RichTable(*(escape(name) for name in table.columns))
            for row in table.rows:
                shown.add_row(*(Text(_flat(row[name])) for name in table.columns))
            out.print(shown)
            say(f"{len(table.rows):,} rows")


def _flat(value: Any) -> str:
    if value is None:
        return ""
    plain = not isinstance(value, list | dict | bool)
    return str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)
