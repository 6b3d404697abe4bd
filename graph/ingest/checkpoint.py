"""How far a source has come into the graph, kept in the graph itself: what is done is not done again.

Every batch may be repeated without harm, so the record may lag behind what is written, and never runs ahead of it.
"""

import json
from dataclasses import dataclass
from typing import Final

from graph.catalog import read_statement, write_statement
from graph.client import Reader, Writer
from graph.ingest.findings import Findings

VERSION: Final = 2
"""Rises when the same files would become another graph, so that they are read anew."""


@dataclass
class Checkpoint:
    """One source's record: `stage` stages are complete, and `done` batches of the one after them."""

    writer: Writer
    id: str
    fingerprint: str
    stage: int
    done: int
    finished: bool
    findings: Findings

    def skip(self, stage: int) -> int | None:
        """How many batches of a stage are done; None when it is complete."""
        if stage < self.stage:
            return None
        return self.done if stage == self.stage else 0

    async def record(self, stage: int, done: int) -> None:
        """The first `done` batches of a stage are in the graph, and all stages before it."""
        await self.writer.write(
            write_statement("import/record"), id=self.id, fingerprint=self.fingerprint, stage=stage, done=done
        )
        self.stage, self.done = stage, done

    async def finish(self, findings: Findings) -> None:
        """All is in the graph; the catalogue gets a new version."""
        text = json.dumps(findings.as_json(), ensure_ascii=False)
        await self.writer.write(
            write_statement("import/finish"), id=self.id, fingerprint=self.fingerprint, findings=text
        )
        self.finished, self.findings = True, findings


async def find_finished(reader: Reader, kind: str, name: str, fingerprint: str, force: bool) -> Findings | None:
    """What was found in a source that is in the graph already; None where there is something to do. Writes nothing."""
    if force:
        return None
    rows = await reader.read(read_statement("import/found"), id=f"{kind}:{name}", fingerprint=recorded(fingerprint))
    return Findings.from_json(json.loads(rows[0]["findings"] or "{}")) if rows else None


async def open_checkpoint(writer: Writer, kind: str, name: str, fingerprint: str, force: bool) -> Checkpoint:
    """The record of a source, begun anew where there is none, where its content changed, and by force."""
    id, fingerprint = f"{kind}:{name}", recorded(fingerprint)
    rows = await writer.write(write_statement("import/begin"), id=id, kind=kind, fingerprint=fingerprint, force=force)
    row = rows[0]
    findings = Findings.from_json(json.loads(row["findings"] or "{}"))
    return Checkpoint(writer, id, fingerprint, row["stage"], row["done"], row["finished"], findings)


def recorded(fingerprint: str) -> str:
    """A fingerprint as it stands in the graph."""
    return f"{VERSION}:{fingerprint}"
