"""The quality report says what is odd, the same bytes for the same graph, and answers stay what they are (N16)."""

import json
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path

import pytest

from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient
from graph.ingest.findings import LISTED, Finding, Findings
from graph.ingest.movielens import ingest_movielens
from graph.ingest.quality import KINDS, QualityReport, report
from graph.ingest.quarantine import BadRow
from graph.ingest.tmdb import ingest_tmdb
from tests.graph.ingest import made

ODD = WriteStatement(
    "odd",
    """
    CREATE (:Movie {id: '90', title: 'Alien', year: 1979, tmdbId: 348}), (:Keyword {id: 'k9', name: 'nobody uses it'})
    WITH 1 AS one
    MATCH (m:Movie {id: '2'})
    CREATE (:Person {id: '-7', name: 'Keanu Reeves'})-[:ACTED_IN {order: 9}]->(m)
    """,
    frozenset(),
)


async def ingested(graph: GraphClient, folder: Path) -> QualityReport:
    """The small data set with TMDB's facts."""
    await ingest_movielens(graph.writer, made.write_csv(folder / "ml"))
    return await ingest_tmdb(graph.writer, made.write_films(folder / "films.jsonl"))


async def test_every_odd_thing_in_the_graph_is_named(graph: GraphClient, tmp_path: Path) -> None:
    before = await ingested(graph, tmp_path)
    await graph.writer.write(ODD)
    after = await report(graph.reader, before.source, Findings(), unchanged=False)
    listed = after.findings.listed
    assert listed["same_film"] == [Finding("Alien (1979)", "movies 5, 90")]
    assert listed["shared_link"] == [Finding("TMDB 348", "Alien (1979), movie 5; Alien (1979), movie 90")]
    assert listed["same_name"] == [Finding("Keanu Reeves in The Matrix (1999), movie 2", "people -7, 6384")]
    orphans = [("Keyword k9", "nobody uses it"), ("Movie 4", "Unseen"), ("Movie 90", "Alien")]
    assert listed["orphan"] == [Finding(*orphan) for orphan in orphans]
    assert listed["no_link"] == [Finding("Unseen (no year), movie 4", "")]
    assert listed["no_year"] == [Finding("Unseen, movie 4", "")]
    assert after.known["cast"] == 2
    assert (after.movies, after.known["year"], after.known["rating"]) == (6, 5, 4)


async def test_the_report_is_the_same_bytes_when_the_source_is_unchanged(graph: GraphClient, tmp_path: Path) -> None:
    first = await ingested(graph, tmp_path)
    second = await ingest_tmdb(graph.writer, tmp_path / "films.jsonl")
    assert not first.unchanged
    assert second.unchanged
    lines = list(unified_diff(first.as_json().splitlines(), second.as_json().splitlines(), n=0, lineterm=""))
    assert lines[3:] == ['-  "unchanged": false,', '+  "unchanged": true,']
    texts = first.as_text().splitlines(), second.as_text().splitlines()
    assert texts[0][1:] == texts[1][1:]
    assert texts[1][0] == "Quality of tmdb:films, which is in the graph already"


async def test_the_report_has_no_time_and_no_path_in_it(graph: GraphClient, tmp_path: Path) -> None:
    found = await ingested(graph, tmp_path)
    for text in (found.as_text(), found.as_json()):
        assert str(tmp_path) not in text
    values = json.loads(found.as_json())
    assert list(values) == ["source", "unchanged", "nodes", "relationships", "coverage", "rows", "bad_rows", "findings"]
    assert values["rows"] == {"films.jsonl": {"bad": 0, "read": 3}}
    assert set(values["findings"]) <= set(KINDS)
    assert all(len(line) <= 120 and line == line.rstrip() for line in found.as_text().splitlines())


def test_names_are_no_markup_and_no_empty_field_leaves_two_blanks() -> None:
    findings = Findings(rows={"f.csv": (9, 1)}, bad_rows=[asdict(BadRow("f.csv", 3, "", "[/x]", "has 1 field"))])
    findings.add("no_year", "[/x] [bold]:smile:", "movie 1")
    text = QualityReport("s", False, {}, {}, 1, {}, findings).as_text()
    assert "[/x] [bold]:smile:: movie 1" in text
    assert "row 3: '[/x]' has 1 field" in text


def test_findings_beyond_the_list_are_counted() -> None:
    findings = Findings()
    for n in range(LISTED + 5):
        findings.add("orphan", f"Person {n:05}")
    assert findings.counts["orphan"] == LISTED + 5
    assert len(findings.listed["orphan"]) == LISTED
    assert Findings.from_json(findings.as_json()).as_json() == findings.as_json()


GOLDEN = [
    (
        "MATCH (:User {id: '1'})-[r:RATED]->(m:Movie) WHERE r.rating = 5 RETURN m.title AS answer ORDER BY answer",
        ["Alien", "The Matrix"],
    ),
    (
        "MATCH (:Keyword {name: 'android'})<-[:HAS_KEYWORD]-(m:Movie) RETURN m.title AS answer ORDER BY answer",
        ["Alien", "The Matrix"],
    ),
    (
        "MATCH (:Person {name: 'Keanu Reeves'})-[r:ACTED_IN]->(m:Movie) RETURN m.title + ': ' + r.character AS answer",
        ["The Matrix: Neo / Thomas Anderson"],
    ),
    (
        "MATCH (p:Person)-[:DIRECTED]->(m:Movie)<-[:WROTE]-(p) RETURN p.name AS answer",
        ["Lana Wachowski"],
    ),
    (
        "MATCH (g:Genre {id: 'science-fiction'})<-[r:HAS_GENRE]-(m:Movie) RETURN m.title AS answer "
        "ORDER BY r.popularity DESC, m.id",
        ["The Matrix", "Alien", "The City of Lost Children"],
    ),
    (
        "MATCH (t:Tag)<-[r:HAS_TAG]-(m:Movie) RETURN t.name + ' ' + r.count + ' ' + m.title AS answer ORDER BY answer",
        ["Cyberpunk 3 The Matrix", "space :: horror 1 Alien"],
    ),
    (
        "CALL db.index.fulltext.queryNodes('names', 'enfants~') YIELD node RETURN node.title AS answer",
        ["The City of Lost Children"],
    ),
]


@pytest.mark.parametrize(("text", "answers"), GOLDEN)
async def test_n16_golden_queries_answer_what_they_always_did(
    golden: GraphClient, text: str, answers: list[str]
) -> None:
    rows = await golden.reader.read(ReadStatement("golden", text, frozenset()))
    assert [row["answer"] for row in rows] == answers


@pytest.fixture
async def golden(graph: GraphClient, tmp_path: Path) -> GraphClient:
    """The graph of the small data set with TMDB's facts."""
    await ingested(graph, tmp_path)
    return graph
