"""TMDB's own service: fetches the films that MovieLens links to and nothing is known of, for the same ingestion.

Every answer is appended to a file of JSON lines as it comes, so that a run that was cut off goes on with the rest, and
what was fetched once is never asked for again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from cinegraph.errors import DownloadFailed, InvalidInput
from graph.catalog import read_statement
from graph.client import Writer
from graph.ingest.options import IngestOptions, Progress, silent
from graph.ingest.quality import QualityReport
from graph.ingest.tmdb import ingest_tmdb

TMDB: Final = "https://api.themoviedb.org"
ATTEMPTS: Final = 5
TIMEOUT: Final = 30.0
LONGEST_WAIT: Final = 120.0
"""Seconds that we wait at most when TMDB asks us to."""
V3_KEY: Final = 32
"""Characters of a version 3 key; a version 4 token is much longer."""


@dataclass(frozen=True, slots=True)
class TmdbApi:
    """How to ask TMDB: a version 3 key or a version 4 token, and how often."""

    key: str = field(repr=False)
    base_url: str = TMDB
    per_second: float = 20.0
    at_once: int = 4
    limit: int | None = None
    """Films to fetch at most; None: all."""


async def ingest_tmdb_api(
    writer: Writer, home: Path, api: TmdbApi, options: IngestOptions | None = None, progress: Progress = silent
) -> QualityReport:
    """Fetch what is missing, the most rated movies first, into `home`, then bring it into the graph."""
    shelf = AnswerFile(home / "tmdb" / "movies.jsonl")
    rows = await writer.read(read_statement("ingest/without_facts"))
    wanted = [row["tmdbId"] for row in rows if row["tmdbId"] not in shelf.known][: api.limit]
    await fetch(wanted, shelf, api, progress)
    if not shelf.path.exists():
        raise InvalidInput("no movie in the graph has a link to TMDB; ingest MovieLens first, which brings the links")
    return await ingest_tmdb(writer, shelf.path, options, progress)


class AnswerFile:
    """The answers so far, one a line, and the ids that TMDB does not know, in a file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._missing = path.with_suffix(".missing")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.known = {*_ids(path), *_ids(self._missing)}

    def add(self, id: int, answer: bytes | None) -> None:
        """Keep an answer; None for a film that TMDB does not have."""
        value = {"id": id} if answer is None else json.loads(answer)
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with (self._missing if answer is None else self.path).open("ab") as file:
            file.write(line)
        self.known.add(id)


def _ids(path: Path) -> Iterable[int]:
    """The ids of the lines of a file; a last line that was cut off is taken away."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = 0
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(end)
                return
            end += len(line)
            yield json.loads(line)["id"]


async def fetch(ids: list[int], shelf: AnswerFile, api: TmdbApi, progress: Progress) -> None:
    """Ask for every id, some at once, never more often than allowed."""
    pace = _Pace(api.per_second)
    waiting, done = iter(ids), 0
    async with _client(api) as client:

        async def lane() -> None:
            nonlocal done
            for id in waiting:
                shelf.add(id, await _ask(client, id, pace))
                done += 1
                progress("fetching", done, len(ids))

        tasks = [asyncio.ensure_future(lane()) for _ in range(api.at_once)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _client(api: TmdbApi) -> AsyncIterator[httpx.AsyncClient]:
    is_v3 = len(api.key) == V3_KEY
    params = {"api_key": api.key} if is_v3 else {}
    headers = {"Accept": "application/json"} | ({} if is_v3 else {"Authorization": f"Bearer {api.key}"})
    async with httpx.AsyncClient(base_url=api.base_url, params=params, headers=headers, timeout=TIMEOUT) as client:
        yield client


class _Pace:
    """Lets calls through at a steady rate, and none while TMDB asks us to wait."""

    def __init__(self, per_second: float) -> None:
        self._gap, self._next = 1 / per_second, 0.0

    async def turn(self) -> None:
        now = time.monotonic()
        at = self._next = max(now, self._next) + self._gap
        await asyncio.sleep(at - self._gap - now)

    def wait(self, seconds: float) -> None:
        self._next = max(self._next, time.monotonic() + seconds)


async def _ask(client: httpx.AsyncClient, id: int, pace: _Pace) -> bytes | None:
    """One film as TMDB answers, or None where it has none; messages never show the key, which may be in the address."""
    problem = ""
    for attempt in range(ATTEMPTS):
        await pace.turn()
        try:
            response = await client.get(f"/3/movie/{id}", params={"append_to_response": "credits,keywords"})
        except httpx.HTTPError as error:
            problem = type(error).__name__
            pace.wait(2.0**attempt / 2)
            continue
        if response.status_code == httpx.codes.OK and _is_film(response.content):
            return response.content
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise InvalidInput("TMDB refuses the key; give a version 3 key or a version 4 token that is valid")
        problem = f"status {response.status_code}"
        pace.wait(_retry_after(response, 2.0**attempt / 2))
    raise DownloadFailed(
        f"TMDB did not answer for film {id} in {ATTEMPTS} attempts ({problem}); what came before it is kept. Try again "
        f"later: it goes on there"
    )


def _is_film(content: bytes) -> bool:
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and "id" in found


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    """Seconds to wait as the answer says, in seconds or as a date."""
    text = response.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return otherwise
    return min(max(seconds, 0.0), LONGEST_WAIT)
