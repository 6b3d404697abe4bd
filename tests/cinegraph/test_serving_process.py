"""`cinegraph serve` and its Neo4j as processes: killed, stopped under it, ended by signals; nothing is left running."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from graph.running import Running
from tests.cinegraph.processes import PATIENCE, Home, kill, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"))
    yield home
    home.clean()


def running(home: Home) -> Running:
    found = home.server.running()
    assert found is not None
    return found


def test_a_server_survives_what_happens_to_its_neo4j(home: Home) -> None:
    """One life of a server, since each start of Neo4j takes some ten seconds."""
    served = home.serve()
    first = running(home)
    until(served.answers)

    code, printed = home.run("graph", "stop")
    assert code == 1
    assert f"1 process uses the local Neo4j ({served.process.pid}); end it first, or stop it with --force" in printed
    assert running(home) == first

    kill(first)
    until(lambda: home.server.running() is not None)
    until(served.answers)
    second = running(home)
    assert (second.port, second.pid != first.pid) == (first.port, True)

    assert home.run("graph", "stop", "--force") == (0, "stopped\n")
    assert home.server.running() is None
    assert not served.answers()
    assert home.run("graph", "status") == (
        1,
        "the local Neo4j is not running; 1 processes wait for it; cinegraph graph start starts it\n",
    )
    assert home.server.running() is None, "neither status nor the server started it again"

    code, printed = home.run("graph", "start")
    assert (code, printed.splitlines()[-1]) == (0, f"bolt://127.0.0.1:{first.port}")
    until(served.answers)

    with connect(served.url.replace("http", "ws"), subprotocols=[Subprotocol("graphql-transport-ws")]) as watching:
        watching.send('{"type": "connection_init"}')
        assert watching.recv(PATIENCE) == '{"type":"connection_ack"}'
        code, printed = served.end(signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            watching.recv(PATIENCE)
        assert watching.protocol.close_code == 1001
    assert code == 0
    assert printed.splitlines()[-1] == "stopped"
    assert "the local Neo4j died; it is started again" in printed
    assert f"the local Neo4j runs again at bolt://127.0.0.1:{first.port}" in printed
    assert running(home).stays
    code, printed = home.run("graph", "status")
    assert code == 0
    assert f"process {running(home).pid}, port {first.port}; processes that use it: 0" in printed
    assert home.run("graph", "stop") == (0, "stopped\n")


def test_a_port_that_is_taken_when_neo4j_died_is_tried_again(home: Home) -> None:
    served = home.serve()
    first = running(home)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until(lambda: seized(taken, home, first.port))
        taken.listen()
        assert served.process.stdout is not None
        said = f"could not be started again, which is tried on: port {first.port} on 127.0.0.1 is in use"
        while said not in (
            line := served.process.stdout.readline()
        ):  # one that was killed while it started is told, too
            assert line
    until(served.answers)
    assert running(home).port == first.port
    assert served.end(signal.SIGHUP)[0] == 0
    assert home.server.running() is None


def seized(listener: socket.socket, home: Home, port: int) -> bool:
    """Whether the port is the listener's by now; a Neo4j that has it, or came back before us, is killed."""
    if (found := home.server.running()) is not None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(found.pid).kill()
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("command", "number"),
    [
        (("serve", "--port", "0"), signal.SIGINT),
        (("demo", "--port", "0"), signal.SIGHUP),
        (("train",), signal.SIGTERM),
        (("graph", "start"), signal.SIGINT),
    ],
)
def test_a_signal_while_neo4j_starts_leaves_nothing_running(
    home: Home, command: tuple[str, ...], number: signal.Signals
) -> None:
    home.server.stop()
    process = home.start(*command)
    until(lambda: home.server.running() is not None)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=PATIENCE)
    assert home.server.running() is None
    served = command[0] in ("serve", "demo")
    assert process.returncode == (0 if served else 128 + number), printed
    assert printed.endswith("stopped\n") == served


def test_a_request_in_flight_is_answered_after_the_signal(home: Home) -> None:
    served = home.serve()
    body = b'{"query": "{ movie(id: \\"1\\") { title } }"}'
    host, port = served.url.removeprefix("http://").removesuffix("/graphql").split(":")
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head.encode() + body[:10])
        until(served.lives)
        served.process.send_signal(signal.SIGINT)
        connection.sendall(body[10:])
        assert connection.makefile("rb").read(15) == b"HTTP/1.1 200 OK"
    assert served.process.communicate(timeout=PATIENCE)[0].endswith("stopped\n")
    assert served.process.returncode == 0
    assert home.server.running() is None


def test_a_server_that_logs_json_writes_nothing_else_to_its_log(home: Home) -> None:
    """Its address goes to standard output, which has the same pipe here."""
    served = home.serve(CINEGRAPH_LOG__FORMAT="json", CINEGRAPH_LOG__LEVEL="info")
    headers = {"X-Request-Id": "from-the-proxy"}
    httpx.post(served.url, json={"query": "{ __typename }"}, headers=headers, timeout=PATIENCE).raise_for_status()
    code, printed = served.end(signal.SIGTERM)
    lines = [json.loads(line) for line in printed.splitlines()]
    assert code == 0
    assert lines[-1]["message"] == "stopped"
    (request,) = [line for line in lines if line["logger"] == "cinegraph.requests"]
    assert (request["requestId"], request["kind"], request["status"]) == ("from-the-proxy", "query", 200)
