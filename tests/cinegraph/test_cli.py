"""The command line: one clear message, exit code 2 for usage and 1 for failure, no stack without --debug."""

import asyncio
import errno
import json
import os
import re
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from cinegraph import __version__, cli
from cinegraph.cli import run
from cinegraph.cli.lazy import COMMANDS
from cinegraph.cli.serve import bound
from cinegraph.home import local_server
from cinegraph.settings import load_settings
from graph.catalog import ReadStatement, WriteStatement
from graph.client import Address, GraphClient
from graph.migrations import migrate
from graph.models import Version, describe
from graph.running import Running, free_port, write_running
from graph.shadows import note_figures, read_shadowed
from recommenders.shadow_figures import Figures
from tests import tiny
from tests.conftest import GRAPH_SETTINGS
from tests.published import ITEM_ITEM, POPULAR, publish_model


@pytest.fixture
def home(tmp_path: Path, local_address: Address, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with the graph of this run."""
    monkeypatch.setenv("CINEGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("CINEGRAPH_GRAPH__URI", local_address.uri)
    monkeypatch.setenv("CINEGRAPH_GRAPH__PASSWORD", local_address.password)
    return tmp_path


USAGE = [
    (["nonsense"], "No such command 'nonsense'"),
    (["train", "nosuch"], "there is no model 'nosuch'; there are: popular, itemknn, ease, graphfilter, lightgcn"),
    (["cypher", "CREATE (n:Movie)"], "this statement writes"),
    (["cypher", "  "], "there is no statement"),
    (["cypher", "RETRUN 1"], "Invalid input 'RETRUN'"),
    (["cypher", "RETURN $x"], "parameters without a value: x"),
    (["cypher", "RETURN $x", "-p", "x"], "--param x: a parameter is name=text (id=1), or name:=JSON"),
    (["cypher", "RETURN $x", "-p", "x:=[1"], "--param x:=[1: '[1' is no JSON"),
    (["cypher", "CREATE INDEX x FOR (m:Movie) ON (m.x)"], "is about the schema, the users or the settings"),
    (["models", "show", "ease-x"], "there is no model version 'ease-x'"),
    (["ingest", "movielens", "/no/such/folder"], "there is nothing at /no/such/folder; give a folder or a zip with"),
    (["ingest", "movielens", "/no/such", "--bulk"], "only the local graph can be made anew in bulk"),
    (["ingest", "movielens", "/no/such", "--overwrite"], "--tmdb and --overwrite belong to --bulk"),
    (
        ["ingest", "tmdb", "/no"],
        "there is nothing at /no; give a file of JSON lines, plain or .gz, or a folder or a zip",
    ),
    (["ingest", "movielens"], "give either a path or --download NAME"),
    (["ingest", "tmdb"], "give either a path or --api"),
    (["ingest", "tmdb", "--api"], "CINEGRAPH_INGEST__TMDB_KEY"),
    (["graph", "reset"], "say --yes"),
    (["graph", "start"], "is not ours to start or stop"),
    (["token", "x" * 101], "is not a user id"),
    (["train", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
    (["train", "--json", "/no/such/dir/x.json"], "--json /no/such/dir/x.json: there is no folder /no/such/dir"),
    (["evaluate", "--html", "/"], "--html /: this is a folder"),
    (["train", "--config", "/no/such.yaml"], "there is no configuration '/no/such.yaml'; give a .yaml file, or one of"),
    (["evaluate", "--config", "ease", "--config", "ease"], "ease.yaml and ease.yaml are both of ease"),
    (["models", "schema", "nosuch"], "there is no model 'nosuch'"),
    (["models", "config", "nosuch"], "there is no model 'nosuch'"),
    (["tune", "nosuch"], "there is no model 'nosuch'"),
    (["tune", "popular"], "popular has no search space: its hyper-parameters are none; cinegraph train popular trains"),
    (["tune", "ease", "--output", "/no/such/ease.yaml"], "--output /no/such/ease.yaml: there is no folder /no/such"),
    (["train", "--because", "x" * 501], "--because has 501 characters; 500 is the most"),
    (["models", "shadow", "ease-x"], "there is no model version 'ease-x'"),
    (["models", "shadow", "ease-x", "--share", "1.5"], "--share 1.5: it must be above 0 and at most 1"),
    (["models", "shadow", "status", "--json", "/no/such/x.json"], "there is no folder /no/such"),
    (["schema", "--federation", "--write"], "--federation prints; schema.graphql is the schema without"),
    (["runs", "show", "0"], "there is no run '0'; cinegraph runs list shows them"),
    (["ingest", "sample", "--report", "/no/such/dir/x.json"], "there is no folder /no/such/dir"),
]
FAILURE = [
    (["models", "rollback"], "there is no version before the active one"),
    (["train"], "the graph has no ratings to learn from"),
    (["tune", "ease"], "the graph has no ratings to learn from"),
]


@pytest.mark.parametrize(("arguments", "words", "code"), [(*one, 2) for one in USAGE] + [(*one, 1) for one in FAILURE])
async def test_bad_input_gets_one_clear_message(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str, code: int
) -> None:
    assert await in_thread(arguments) == code
    shown = capsys.readouterr()
    assert words in " ".join(shown.err.split())
    assert "Traceback" not in shown.err


async def in_thread(arguments: list[str]) -> int:
    """A command has an event loop of its own."""
    return await asyncio.to_thread(run, arguments)


@pytest.mark.parametrize("arguments", [["--debug", "train", "nosuch"], ["train", "nosuch", "--debug"]])
async def test_debug_shows_the_stack_wherever_it_stands(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert await in_thread(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_local_neo4j_that_does_not_listen_yet_is_said_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CINEGRAPH_HOME", str(tmp_path))
    folder = local_server(load_settings()).folder
    folder.mkdir(parents=True)
    write_running(folder / "server.json", Running(os.getpid(), psutil.Process().create_time(), free_port()))
    assert run(["graph", "status"]) == 1
    assert f"is starting, process {os.getpid()}" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"cinegraph {__version__}\n"


READING = (["cypher", "RETURN 1"], ["models", "list"], ["models", "show", "ease-x"], ["evaluate", "popular"])
UNDO = WriteStatement("undo", "MATCH (m:Migration) DELETE m", frozenset())
MADE = ReadStatement("made", "MATCH (m:Migration) RETURN count(m) AS made", frozenset())


async def test_what_only_reads_writes_nothing_and_names_the_command_that_makes_the_graph_ready(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await graph.writer.write(UNDO)
    try:
        for arguments in READING:
            assert await in_thread([*arguments]) == 1
            assert "cinegraph graph migrate makes it ready" in capsys.readouterr().err
        assert await in_thread(["graph", "status"]) == 0
        assert await graph.reader.read(MADE) == [{"made": 0}]
        assert await in_thread(["graph", "migrate"]) == 0
    finally:
        await migrate(graph.writer)
    assert await in_thread(["cypher", "RETURN 1"]) == 0


async def test_the_schema_goes_back_and_forth_and_says_so(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert await in_thread(["graph", "migrate", "--to", "2"]) == 0
        assert "the graph is at version 2; what this version of Cinegraph writes" in capsys.readouterr().err
        assert await graph.reader.read(MADE) == [{"made": 2}]
        assert await in_thread(["graph", "migrate", "--to", "0"]) == 2
        assert "there is no way to version 0 of the graph; 1 to" in " ".join(capsys.readouterr().err.split())
        await graph.writer.write(UNDO)
        assert await in_thread(["graph", "migrate", "--to", "1"]) == 0
        assert await graph.reader.read(MADE) == [{"made": 1}]
    finally:
        await migrate(graph.writer)


async def test_a_wrong_password_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CINEGRAPH_GRAPH__PASSWORD", "wrong")
    assert await in_thread(["cypher", "RETURN 1"]) == 1
    assert "unauthorized" in capsys.readouterr().err


async def test_a_graph_that_does_not_answer_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CINEGRAPH_GRAPH__URI", "bolt://127.0.0.1:9")
    assert await in_thread(["cypher", "RETURN 1"]) == 1
    assert "no graph answers at bolt://127.0.0.1:9 (" in capsys.readouterr().err


async def test_a_port_in_use_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert await in_thread(["serve", "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_small_answers_are_sent_at_once(loop: Callable[[Coroutine[Any, Any, bool]], bool]) -> None:
    """A connection that collects small writes (Nagle) would hold each answer back by 40 ms."""

    async def at_once() -> bool:
        listener, sent = bound("127.0.0.1", 0), asyncio.get_running_loop().create_future()

        def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            sent.set_result(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            found: bool = await sent
            writer.close()
        return found

    assert loop(at_once())


async def test_a_wrong_setting_is_named_with_its_value(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CINEGRAPH_API__PORT", "many")
    assert await in_thread(["token", "1"]) == 2
    assert "CINEGRAPH_API__PORT='many'" in capsys.readouterr().err


async def test_cypher_prints_json_and_csv(home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]) -> None:
    await tiny.load(graph)
    statement = "MATCH (m:Movie) RETURN m.id AS id, m.year AS year ORDER BY id LIMIT 2"
    assert await in_thread(["cypher", "-f", "json", statement]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": "1", "year": 1979}, {"id": "2", "year": 1982}]
    assert await in_thread(["cypher", "-f", "csv", "--limit", "1", statement]) == 0
    shown = capsys.readouterr()
    assert shown.out == "id,year\n1,1979\n"
    assert "only the first 1 rows" in shown.err


async def test_cypher_takes_parameters_and_tells_of_unknown_names(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await tiny.load(graph)
    statement = "MATCH (m:Movie {id: $id}) WHERE m.year IN $years RETURN m.title AS title"
    given = ["-p", "id=1", "--param", "years:=[1979, 1982]"]
    assert await in_thread(["cypher", "-f", "csv", statement, *given]) == 0
    assert capsys.readouterr() == ("title\nAlien\n", "")
    assert await in_thread(["cypher", "MATCH (m:Film) RETURN m.id AS id"]) == 0
    assert "note: The label `Film` does not exist" in capsys.readouterr().err


async def test_a_statement_that_takes_too_long_names_the_option(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b)"
    assert await in_thread(["cypher", "--timeout", "0.5", endless]) == 1
    assert "the statement was ended after 0.5 s; --timeout gives it more time" in capsys.readouterr().err


async def test_a_table_shows_names_as_they_are(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await in_thread(["cypher", "RETURN '[/x] [red] :smile:' AS title"]) == 0
    assert "[/x] [red] :smile:" in capsys.readouterr().out


async def test_an_error_begins_with_its_first_word(
    home: Path, graph: GraphClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await in_thread(["ingest", "tmdb", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} has not the files")


async def test_a_full_disk_is_named_with_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/0.ratings")

    monkeypatch.setattr(cli, "app", full)
    assert await in_thread(["token", "1"]) == 1
    words = "error: No space left on device: /data/0.ratings; free some space there, or set CINEGRAPH_HOME"
    assert capsys.readouterr().err.startswith(words)


async def test_the_sample_has_no_bad_rows_and_needs_no_links(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "quarantine.jsonl").write_text("of an earlier run\n")
    assert await in_thread(["ingest", "sample", "--users", "50"]) == 0
    shown = capsys.readouterr()
    assert "bad rows" not in shown.err
    (line,) = [line for line in shown.out.splitlines() if line.startswith("movies without an id at TMDB")]
    assert line.split()[-1] == "0"


async def test_reset_takes_everything_out(home: Path, graph: GraphClient) -> None:
    await tiny.load(graph)
    assert await in_thread(["graph", "reset", "--yes"]) == 0
    async with GraphClient(graph.address, GRAPH_SETTINGS) as client:
        counts = await client.session.read("MATCH (n) WHERE NOT n:Migration RETURN labels(n) AS labels", {})
    assert counts == [{"labels": ["Meta"]}]


def test_the_home_is_the_users_data_folder_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CINEGRAPH_HOME", raising=False)
    assert load_settings(env_file=None).home.name == "cinegraph"


async def test_a_version_is_put_in_the_shadow_and_what_servers_counted_is_shown(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await tiny.load(graph)
    old = await publish_model(graph, home / "models", ITEM_ITEM, "ease")
    live = await publish_model(graph, home / "models", POPULAR, "popular")
    assert await in_thread(["models", "shadow", live]) == 2
    assert "is the live model; the shadow is for another one" in " ".join(capsys.readouterr().err.split())
    assert await in_thread(["models", "shadow", old, "--share", "0.5"]) == 0
    assert f"{old} scores 50% of the requests" in " ".join(capsys.readouterr().err.split())
    of = await read_shadowed(graph.reader)
    assert of is not None
    for server in ("one", "two"):
        figures = Figures()
        figures.add("abc", "abc", 0.001, 0.004)
        figures.drop()
        await note_figures(graph.writer, of, server, figures.as_json())
    assert await in_thread(["models", "shadow", "status", "--json", str(home / "shadow.json")]) == 0
    shown = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    assert "servers 2 requests ranked by both 2 dropped, as the queue was full 2 failed 0" in shown
    found = json.loads((home / "shadow.json").read_text())
    assert found["shadow"] == {"version": old, "share": 0.5, "since": of.since}
    assert (found["figures"][old]["requests"], found["figures"][old]["jaccard"]) == (2, 1.0)
    assert await in_thread(["models", "shadow", "off"]) == 0
    assert await read_shadowed(graph.reader) is None


async def test_the_reason_for_a_model_is_shown_with_it(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"gate": {"because": "a trial of [red]neighbours", "rules": []}}
    await describe(graph.writer, Version("itemknn-0123456789ab", "itemknn", {}, "f" * 64, metrics, ""))
    assert await in_thread(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert "because" in shown
    assert "[red]" in shown
    assert await in_thread(["models", "show", "itemknn-0123456789ab"]) == 0
    assert "a trial of [red]neighbours" in capsys.readouterr().out


def test_the_help_has_a_line_for_every_command_and_each_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for name, place in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(place.summary.split()[0])}", told, re.MULTILINE)
        assert run([name, "--help"]) == 0
        own = capsys.readouterr().out
        assert f" {name} [OPTIONS]" in own
        assert " ".join(place.summary.rstrip(".").split()[:3]) in " ".join(own.split())


@pytest.mark.parametrize(("mistyped", "meant"), [(["trian"], "train"), (["graph", "strat"], "start")])
def test_a_mistyped_command_brings_the_nearest(
    mistyped: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(mistyped) == 2
    assert f"Did you mean '{meant}'" in capsys.readouterr().err


def test_shares_that_keep_more_than_all_places_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CINEGRAPH_SERVING__FRESH", "0.8")
    monkeypatch.setenv("CINEGRAPH_SERVING__EXPLORATION", "0.3")
    assert run(["graph", "status"]) != 0
    assert "fresh = 0.8 and exploration = 0.3 are more than all places" in capsys.readouterr().err
