"""TMDB's service is asked politely, for what is missing, and never twice."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from cinegraph.errors import DownloadFailed, InvalidInput
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.ingest import api as tmdb_api
from graph.ingest.api import TmdbApi, ingest_tmdb_api
from graph.ingest.movielens import ingest_movielens
from graph.ingest.tmdb import ingest_tmdb
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum
from tests.graph.ingest.web import Answer, Asked, serve

V3 = "0123456789abcdef0123456789abcdef"
V4 = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.signature-of-a-token"
CLEAR = WriteStatement("clear", "MATCH (n) WHERE NOT n:Migration DETACH DELETE n", frozenset())
FILMS = {film["id"]: film for film in made.FILMS}


def film(asked: Asked) -> Answer:
    """As TMDB answers."""
    id = int(asked.path.partition("?")[0].rpartition("/")[2])
    if id not in FILMS:
        return 404, {}, b'{"success": false, "status_code": 34}'
    return 200, {}, json.dumps(FILMS[id], indent=1).encode()


@pytest.fixture(autouse=True)
async def movies(graph: GraphClient, tmp_path: Path) -> None:
    """MovieLens, with links to two films that TMDB has and two that it has not."""
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))


async def test_the_links_of_movielens_are_fetched_and_ingested(graph: GraphClient, tmp_path: Path) -> None:
    with serve(film) as web:
        report = await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=1000))
        asked = [request.path for request in web.asked]
        again = await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=1000))
    assert sorted(asked) == [
        f"/3/movie/{id}?api_key={V3}&append_to_response=credits%2Ckeywords" for id in (348, 603, 862, 902)
    ]
    assert len(web.asked) == 4, "nothing is asked for twice, also not what TMDB does not have"
    assert report.nodes["Person"] == 5
    assert again.unchanged
    through_api = await checksum(graph.reader)
    await graph.writer.command(CLEAR)
    await ingest_movielens(graph.writer, tmp_path / "ml")
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    assert await checksum(graph.reader) == through_api


async def test_a_token_goes_into_a_header(graph: GraphClient, tmp_path: Path) -> None:
    with serve(film) as web:
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V4, web.url, per_second=1000))
    assert {request.headers["authorization"] for request in web.asked} == {f"Bearer {V4}"}
    assert all(V4 not in request.path for request in web.asked)
    assert V4 not in repr(TmdbApi(V4))


async def test_a_run_that_was_cut_off_goes_on_with_the_rest(graph: GraphClient, tmp_path: Path) -> None:
    with serve(film) as web:
        one = TmdbApi(V3, web.url, per_second=1000, limit=1)
        await ingest_tmdb_api(graph.writer, tmp_path, one)
        file = tmp_path / "tmdb" / "movies.jsonl"
        whole = file.read_bytes()
        file.write_bytes(whole + b'{"id":348,"title":"Ali')
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=1000))
    assert len(web.asked) == 4
    lines = file.read_bytes().splitlines()
    assert file.read_bytes().startswith(whole)
    assert sorted(json.loads(line)["id"] for line in lines) == [348, 603]


@pytest.mark.parametrize("as_date", [False, True])
async def test_tmdb_is_left_alone_as_long_as_it_asks(graph: GraphClient, tmp_path: Path, as_date: bool) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    times: list[float] = []

    def busy(asked: Asked) -> Answer:
        times.append(time.monotonic())
        if len(times) == 1:
            return 429, {"Retry-After": format_datetime(until, usegmt=True) if as_date else "1"}, b"{}"
        return film(asked)

    with serve(busy) as web:
        api = TmdbApi(V3, web.url, per_second=1000, at_once=1)
        await ingest_tmdb_api(graph.writer, tmp_path, api)
    assert len(times) == 5, "each film, and the first one twice"
    assert times[1] - times[0] >= (0.5 if as_date else 1.0)


async def test_passing_faults_are_tried_again_and_lasting_ones_named(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmdb_api, "LONGEST_WAIT", 0.0)
    answers = iter([(500, {"Retry-After": "0"}, b""), (200, {}, b"<html>"), (200, {}, b"[]")])
    with serve(lambda asked: next(answers, None) or film(asked)) as web:
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=1000, at_once=1, limit=2))
    assert len(web.asked) == 5
    down = serve(lambda asked: (503, {"Retry-After": "0"}, b""))
    with down as web, pytest.raises(DownloadFailed, match=r"in 5 attempts \(status 503\)") as failed:
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=1000))
    assert V3 not in str(failed.value)


async def test_a_wrong_key_is_said_at_once(graph: GraphClient, tmp_path: Path) -> None:
    with (
        serve(lambda asked: (401, {}, b"{}")) as web,
        pytest.raises(InvalidInput, match="TMDB refuses the key") as wrong,
    ):
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, at_once=1))
    assert len(web.asked) == 1
    assert V3 not in str(wrong.value)


async def test_the_pace_is_kept(graph: GraphClient, tmp_path: Path) -> None:
    times: list[float] = []

    def timed(asked: Asked) -> Answer:
        times.append(time.monotonic())
        return film(asked)

    with serve(timed) as web:
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, web.url, per_second=5, at_once=4))
    assert times[-1] - times[0] >= 0.5, "four calls at five a second are six tenths of a second apart, about"


async def test_without_links_there_is_nothing_to_fetch(graph: GraphClient, tmp_path: Path) -> None:
    await graph.writer.command(CLEAR)
    with pytest.raises(InvalidInput, match="ingest MovieLens first"):
        await ingest_tmdb_api(graph.writer, tmp_path, TmdbApi(V3, "http://127.0.0.1:1"))
