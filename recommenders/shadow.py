"""A candidate in the shadow: it ranks what live requests ask for, beside the answer, and is compared with it.

An answer never waits for it: a request is put into a queue, or dropped where that is full, and a thread takes it from
there. Whatever goes wrong there is counted. Each server writes what it has counted into the graph under its own key
every few seconds, as sums and histograms, which add up over servers.
"""

import asyncio
import logging
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, Full, Queue
from random import Random
from typing import Final

from cinegraph.errors import CinegraphError, ModelError
from graph.client import Writer
from graph.shadows import Shadowed, note_figures, read_shadowed
from recommenders.artifacts import Artifact, load_artifact
from recommenders.serving import Answered, Serving
from recommenders.shadow_figures import DEPTH, Figures
from recommenders.state import state_of
from recommenders.watching import again_and_again

log = logging.getLogger(__name__)

WAITING: Final = 64
"""Requests that wait for the candidate at most; those that come on top are dropped."""
LOOK: Final = 0.5
"""Seconds in which the thread notices that it is to end."""


@dataclass
class Candidate:
    """What is in the shadow now: its model, and what was counted beside the version that is `live`."""

    of: Shadowed
    live: str
    artifact: Artifact | None = None
    serving: Serving | None = None
    figures: Figures = field(default_factory=Figures)
    noted: int = -1


class Shadow:
    """Compares the version that the graph has in the shadow with what `live` answers."""

    def __init__(self, writer: Writer, artifacts: Path, live: Serving, *, seconds: float = 2.0) -> None:
        self._writer, self._artifacts, self._live, self._seconds = writer, artifacts, live, seconds
        self._server = secrets.token_hex(8)
        self._candidate: Candidate | None = None
        self._waiting: Queue[tuple[Candidate, Answered]] = Queue(WAITING)
        self._drawn = Random(self._server)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def figures(self) -> Figures | None:
        """What was counted of the version in the shadow; None without one."""
        return None if self._candidate is None else self._candidate.figures

    def answered(self, answer: Answered) -> None:
        """A request was answered: put it before the candidate, or drop it. Takes no time worth naming, never fails."""
        candidate = self._candidate
        if candidate is None or candidate.live != self._live.model_version or candidate.live == candidate.of.version:
            return
        if self._drawn.random() >= candidate.of.share:
            return
        try:
            self._waiting.put_nowait((candidate, answer))
        except Full:
            candidate.figures.drop()

    # -- beside the answers ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                candidate, answer = self._waiting.get(timeout=LOOK)
            except Empty:
                continue
            self._compare(candidate, answer)
            self._waiting.task_done()

    def _compare(self, candidate: Candidate, answer: Answered) -> None:
        try:
            if candidate.serving is None:
                raise ModelError(candidate.figures.error)
            began = time.thread_time()
            tuning = replace(answer.tuning, fresh=0.0, exploration=0.0)  # what is kept for them is of no model
            found = candidate.serving.rank(
                answer.history, answer.wanted, tuning=tuning, places=answer.places, context=answer.context
            )
            candidate.figures.add(answer.shown, found.movie_ids[:DEPTH], answer.seconds, time.thread_time() - began)
        except Exception as error:
            words = str(error) if isinstance(error, CinegraphError) else f"{type(error).__name__}: {error}"
            if candidate.figures.fail(words):
                log.warning("%s fails in the shadow, answers go on: %s", candidate.of.version, error)

    def drain(self) -> None:
        """Wait until all that was put before the candidate is compared."""
        self._waiting.join()

    # -- what the graph wants ----------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Do what the graph says now, and write what was counted."""
        wanted, candidate = await read_shadowed(self._writer), self._candidate
        if candidate is not None and candidate.of != wanted:
            await self._note(candidate)
            candidate = self._candidate = None
        if candidate is not None and candidate.live != self._live.model_version:
            log.info("%s is compared with another live model, and counted anew", candidate.of.version)
            candidate = self._candidate = None
        if wanted is not None:
            candidate = candidate or await self._begin(wanted)
            await self._follow(candidate)
            self._candidate = candidate
            await self._note(candidate)

    async def _begin(self, wanted: Shadowed) -> Candidate:
        """A version that cannot be loaded stands there too, and says why."""
        candidate = Candidate(wanted, self._live.model_version)
        try:
            candidate.artifact = await asyncio.to_thread(load_artifact, self._artifacts, wanted.version)
        except Exception as error:
            candidate.figures.error = str(error)
            log.warning("%s cannot be loaded for the shadow, answers go on: %s", wanted.version, error)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
            self._thread.start()
        return candidate

    async def _follow(self, candidate: Candidate) -> None:
        """Over the catalogue that is served now."""
        artifact, snapshot = candidate.artifact, self._live.state.snapshot
        if artifact is None or (candidate.serving and candidate.serving.state.snapshot is snapshot):
            return
        try:
            state = await asyncio.to_thread(state_of, artifact, snapshot, self._live.state.activity)
        except Exception as error:
            candidate.figures.error = f"it cannot score this catalogue: {type(error).__name__}: {error}"
            return
        candidate.serving = Serving(self._writer, self._artifacts, state=state)

    async def _note(self, candidate: Candidate) -> None:
        counted = candidate.figures.counted
        if counted != candidate.noted:
            await note_figures(self._writer, candidate.of, self._server, candidate.figures.as_json())
            candidate.noted = counted

    async def watch(self) -> None:
        """Refresh for ever; a fault is told of, and does not end it. What was counted is written at the end."""
        failed, fault = "look for a model in the shadow", "a fault of the shadow; answers go on"
        try:
            await asyncio.sleep(self._seconds)
            await again_and_again(self.refresh, self._seconds, log, failed, fault)
        finally:
            await self.close()

    async def close(self) -> None:
        """End the thread, and write what was counted."""
        self._ended.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._candidate is not None:
            with suppress(CinegraphError):
                await self._note(self._candidate)
