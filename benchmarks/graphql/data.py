"""The graph that is asked: a copy of a home, or the sample catalogue, and what is planted in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.graphql.operations import DEGREES, Subjects
from benchmarks.graphql.peers import ROOT
from cinegraph.errors import InvalidInput
from cinegraph.settings import Settings
from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient, Reader, Writer
from graph.ingest.sample import ingest_sample
from graph.local import LocalServer

MOVIES, GENRES = 50, 8
"""Of how many movies and genres is asked in turn."""
KNOWN = ReadStatement(
    "known",
    """
    MATCH (m:Movie) WHERE EXISTS { (m)<-[:ACTED_IN]-() } AND EXISTS { (m)-[:HAS_GENRE]->() }
    RETURN m.id AS id ORDER BY m.popularity DESC, m.id DESC LIMIT $most
    """,
    frozenset({"most"}),
)
LARGE_GENRES = ReadStatement(
    "large genres",
    "MATCH (g:Genre) RETURN g.id AS id ORDER BY COUNT { (g)<-[:HAS_GENRE]-() } DESC, id LIMIT $most",
    frozenset({"most"}),
)
SIZES = ReadStatement(
    "sizes",
    """
    CALL () { MATCH (n:Movie) RETURN count(n) AS movies }
    CALL () { MATCH (n:Person) RETURN count(n) AS people }
    CALL () { MATCH (n) RETURN count(n) AS nodes }
    CALL () { MATCH ()-[r]->() RETURN count(r) AS relationships }
    CALL () { MATCH ()-[r:RATED]->() RETURN count(r) AS ratings }
    CALL () { OPTIONAL MATCH (m:Meta {id: 'graph'}) RETURN m.activeModel AS model }
    RETURN movies, people, nodes, relationships, ratings, model
    """,
    frozenset(),
)
NEO4J = ReadStatement(
    "neo4j", "CALL dbms.components() YIELD name, versions, edition RETURN versions[0] AS version, edition", frozenset()
)
PLANT = WriteStatement(
    "plant",
    """
    UNWIND range(0, reduce(most = 0, d IN $degrees | CASE WHEN d > most THEN d ELSE most END) - 1) AS i
    CALL (i) {
      CREATE (m:Movie {id: 'planted-' + i, title: 'Planted ' + i, year: 1900 + i % 120, popularity: i / 1e9})
      WITH m
      UNWIND [d IN $degrees WHERE i < d] AS degree
      MERGE (k:Keyword {id: 'planted-' + degree}) ON CREATE SET k.name = 'planted ' + degree
      CREATE (m)-[:HAS_KEYWORD {movieId: m.id, keywordId: k.id, popularity: m.popularity, year: m.year}]->(k)
    } IN TRANSACTIONS OF 5000 ROWS
    """,
    frozenset({"degrees"}),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the data come from."""

    home: Path | None
    """A home of Cinegraph that is copied; None: the sample catalogue."""

    @property
    def words(self) -> str:
        return "the sample catalogue" if self.home is None else "a copy of a home"


def copied(source: Source, settings: Settings) -> None:
    """Lay the home of `settings` from its source, which must not be in use meanwhile."""
    if source.home is None:
        return
    if not (source.home / "graph" / "neo4j" / "data").is_dir():
        raise InvalidInput(
            f"--home {source.home}: there is no local graph in it; name a home that cinegraph ingest filled"
        )
    with LocalServer(source.home, settings.cache_dir, settings.graph).closed():
        shutil.copytree(source.home, settings.home, ignore=shutil.ignore_patterns("*.lock", "users", "server.json"))


async def ready(source: Source, settings: Settings, client: GraphClient) -> None:
    """A catalogue and a served model: the sample and EASE where there is none."""
    if source.home is None:
        await ingest_sample(client.writer)
    ((sizes),) = await client.reader.read(SIZES)
    if sizes["model"] is None:
        train(settings.home)


def train(home: Path) -> None:
    """Train EASE, which takes seconds, and serve it."""
    command = [sys.executable, "-m", "cinegraph", "train", "ease", "--because", "the model of a comparison"]
    environment = {**os.environ, "CINEGRAPH_HOME": str(home), "CINEGRAPH_TRAINING__TEXTS": "false"}
    subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


async def subjects(reader: Reader, degrees: Sequence[int] = DEGREES) -> Subjects:
    """What is asked about: the best known movies that have a cast, the largest genres, and what is planted."""
    ids = [row["id"] for row in await reader.read(KNOWN, most=MOVIES)]
    genres = [row["id"] for row in await reader.read(LARGE_GENRES, most=GENRES)]
    small, medium, large = ([{"id": f"planted-{degree}"}] for degree in degrees)
    return Subjects(
        movies=[{"id": id_} for id_ in ids],
        genres=[{"genre": id_} for id_ in genres],
        pairs=[{"from": f"Movie:{one}", "to": f"Movie:{other}"} for one, other in pairwise(ids)],
        liked=[{"liked": list(pair)} for pair in pairwise(ids)],
        small=small,
        medium=medium,
        large=large,
    )


async def plant(writer: Writer, degrees: Sequence[int] = DEGREES) -> None:
    """A keyword of each degree, with movies of its own.

    Comes last, since scans of all movies find these too. The graph's version stays as it is, so that servers that run
    do not read the catalogue anew meanwhile.
    """
    await writer.command(PLANT, degrees=list(degrees))
