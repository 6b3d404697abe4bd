"""T40, of streams: what nobody foresaw, before an operation runs and in the connection itself, is told by an id."""

import json
import re

import httpx
import pytest

from api.context import Services
from tests.api.live import live
from tests.trust.failures import codes_of, judged, raising, told
from tests.trust.test_failure_kinds import BUGS, FOREIGN, MOVIE

ANY = {**BUGS, **FOREIGN}


@pytest.mark.parametrize("what", ANY)
async def test_t40_streams_tell_what_fails_before_anything_runs(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """The operation has failed, by an id that is in the log, and not the connection."""
    async with live(services, graphiql=False) as server, server.client() as client, httpx.AsyncClient() as http:
        with monkeypatch.context() as patch:
            patch.setattr("api.http.Endpoint.checked", raising(ANY[what]))
            await client.subscribe(MOVIE)
            message = await client.hear()
            answer = await http.post(server.http, json={"query": MOVIE}, headers={"Accept": "text/event-stream"})
        assert not told(json.dumps(message))
        assert (message["type"], codes_of(message["payload"])) == ("error", ["INTERNAL"])
        answer.headers.pop("server", None)
        assert (answer.status_code, judged(answer)) == (500, ["INTERNAL"])
        for error in (*message["payload"], *answer.json()["errors"]):
            assert f"request {error['extensions']['requestId']} failed" in caplog.text
        await client.subscribe(MOVIE)
        assert await client.data() == {"movieChanged": {"title": "Alien"}}


async def test_t40_a_connection_that_fails_is_closed_with_an_id_that_is_in_the_log(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with live(services) as server, server.client() as client:
        monkeypatch.setattr("api.streaming.websocket.read_message", raising(BUGS["a value"]))
        await client.say("{}")
        code, reason = await client.closed()
    assert code == 1011
    found = re.fullmatch(r"something went wrong on the server; its log has (request [0-9a-f]{16})", reason)
    assert found is not None, reason
    assert f"{found[1]} failed" in caplog.text
