"""T43: what analysts send can only read, ends in time, and shows a bounded number of rows."""

import pytest

from cinegraph.errors import CinegraphError, GraphTimeout, InvalidInput, WriteRefused
from graph.catalog import ReadStatement
from graph.client import GraphClient
from graph.readonly import refuse_writing, run_readonly
from tests import tiny

COUNT = ReadStatement(
    "count", "MATCH (n) WITH count(n) AS nodes MATCH ()-[r]->() RETURN nodes, count(r) AS edges", frozenset()
)

SMUGGLED = [
    "CREATE (n:Movie {id: 'x'})",
    "MERGE (n:Movie {id: 'x'}) RETURN n",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n:Movie) SET n.title = 'x' RETURN n",
    "MATCH (n:Movie) SET n:Hidden RETURN n",
    "MATCH (n:Movie) SET n += {title: 'x'} RETURN n",
    "MATCH (n:Movie) SET n = {} RETURN n",
    "MATCH (n:Movie) REMOVE n.title RETURN n",
    "MATCH (n:Movie) REMOVE n:Movie RETURN n",
    "MATCH (a:Movie), (b:Movie) CREATE (a)-[:SIMILAR]->(b)",
    "MATCH (n:Movie) FOREACH (x IN [1] | SET n.title = 'x') RETURN n",
    "MATCH (n:Movie) CALL (n) { SET n.title = 'x' } RETURN n",
    "MATCH (n:Movie) CALL { WITH n SET n.title = 'x' } RETURN n",
    "MATCH (n:Movie) CALL (n) { SET n.title = 'x' } IN TRANSACTIONS OF 1 ROWS",
    "RETURN 1 AS x UNION CREATE (n:Movie) RETURN 1 AS x",
    "CALL { CREATE (n:Movie) RETURN n } RETURN n",
    "c\u0052EATE (n:Movie)",
    "/* read */ CREATE (n:Movie)",
    "// read\nCREATE (n:Movie)",
    "CYPHER runtime=slotted CREATE (n:Movie)",
    "CYPHER planner=dp CREATE (n:Movie)",
    "EXPLAIN CREATE (n:Movie)",
    "PROFILE CREATE (n:Movie)",
    "profile MATCH (n) RETURN n",
    "MATCH (n) RETURN n; CREATE (n:Movie)",
    "MATCH (n) RETURN n;\nMATCH (n) DETACH DELETE n",
    "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
    "LOAD CSV FROM 'http://127.0.0.1:1/' AS row RETURN row",
    "LOAD CSV WITH HEADERS FROM 'ftp://127.0.0.1/x' AS row RETURN row",
    "CALL { LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row } RETURN row",
    "CREATE INDEX x FOR (n:Movie) ON (n.x)",
    "CREATE RANGE INDEX x IF NOT EXISTS FOR (n:Movie) ON (n.x)",
    "CREATE FULLTEXT INDEX x FOR (n:Movie) ON EACH [n.x]",
    "CREATE VECTOR INDEX x FOR (n:Movie) ON (n.x)",
    "CREATE CONSTRAINT x FOR (n:Movie) REQUIRE n.x IS UNIQUE",
    "DROP INDEX movie_title",
    "DROP CONSTRAINT movie_id",
    "CREATE DATABASE x",
    "DROP DATABASE neo4j",
    "STOP DATABASE neo4j",
    "CREATE USER x SET PASSWORD 'xxxxxxxx'",
    "ALTER USER neo4j SET PASSWORD 'xxxxxxxx'",
    "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'bbbbbbbb'",
    "SHOW USERS",
    "CALL dbms.setConfigValue('x', 'y')",
    "CALL dbms.listConfig()",
    "CALL dbms.security.createUser('x', 'xxxxxxxx', false)",
    "CALL dbms.killQueries(['x'])",
    "CALL db.createLabel('Hidden')",
    "CALL db.create.setNodeVectorProperty(null, 'x', [1.0])",
    "MATCH (n:Movie) CALL db.create.setNodeVectorProperty(n, 'x', [1.0]) RETURN n",
    "CALL db.clearQueryCaches()",
    "CALL tx.setMetaData({x: 1})",
    "CALL db.prepareForReplanning()",
    "CALL apoc.cypher.runWrite('CREATE (n)', {})",
    "TERMINATE TRANSACTIONS 'x'",
    "SHOW TRANSACTIONS",
    "SHOW TRANSACTIONS YIELD transactionId AS id TERMINATE TRANSACTIONS id YIELD message RETURN message",
    "SHOW TRANSACTIONS YIELD transactionId AS id, currentQuery RETURN id, currentQuery",
    "SHOW SETTINGS",
    "SHOW SETTINGS YIELD name, value RETURN name, value",
    "SHOW INDEXES YIELD name AS n TERMINATE TRANSACTIONS n YIELD message RETURN message",
    "SHOW DATABASES",
    "USE system SHOW USERS",
]


@pytest.mark.parametrize("text", SMUGGLED)
async def test_t43_nothing_but_reading_runs(graph: GraphClient, text: str) -> None:
    before = await graph.reader.read(COUNT)
    with pytest.raises(CinegraphError):
        await run_readonly(graph.session, text)
    assert await graph.reader.read(COUNT) == before


async def test_t43_without_the_plan_the_mode_alone_would_let_a_file_be_read(graph: GraphClient) -> None:
    """The mutant: READ mode is not enough, since LOAD CSV and procedures of the server run in it."""
    columns, _ = await graph.session.read_some("CALL dbms.listConfig() YIELD name RETURN name LIMIT 1", {}, 5, 1)
    assert columns == ("name",)


async def test_t43_without_the_plan_the_mode_still_refuses_a_write(graph: GraphClient) -> None:
    with pytest.raises(CinegraphError, match="read access mode"):
        await graph.session.read_some("CREATE (n:Movie {id: 'x'}) RETURN n", {}, 5, 1)


async def test_reading_gives_columns_and_rows(graph: GraphClient) -> None:
    await tiny.load(graph)
    table = await run_readonly(graph.session, "MATCH (m:Movie) RETURN m.id AS id, m.year AS year ORDER BY id LIMIT 2")
    assert table.columns == ("id", "year")
    assert table.rows == ({"id": "1", "year": 1979}, {"id": "2", "year": 1982})
    assert not table.cut


@pytest.mark.parametrize("text", ["SHOW INDEXES YIELD name RETURN name", "CALL db.labels() YIELD label RETURN label"])
async def test_looking_at_the_schema_is_allowed(graph: GraphClient, text: str) -> None:
    await tiny.load(graph)
    assert len((await run_readonly(graph.session, text)).rows) > 5


async def test_rows_past_the_limit_are_cut_and_said_to_be(graph: GraphClient) -> None:
    table = await run_readonly(graph.session, "UNWIND range(1, 50) AS i RETURN i", max_rows=10)
    assert len(table.rows) == 10
    assert table.cut


async def test_t43_a_runaway_statement_ends_in_time(graph: GraphClient) -> None:
    with pytest.raises(GraphTimeout):
        await run_readonly(
            graph.session, "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b)", timeout=0.5
        )


@pytest.mark.parametrize(
    ("text", "words"), [("  // nothing", "there is no statement"), ("x" * 20_001, "20000 is the most")]
)
async def test_what_is_no_statement_is_refused(graph: GraphClient, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        await run_readonly(graph.session, text)


def test_a_plan_that_writes_is_refused_by_its_type() -> None:
    with pytest.raises(WriteRefused, match="only reading"):
        refuse_writing("rw", {"operatorType": "ProduceResults@neo4j", "args": {}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MATCH (n", '(line 1, column 9)\n"MATCH (n"\n         ^'),
        ("RETURN 1; RETURN 2", "Expected exactly one statement per query but got: 2"),
        ("MATCH (n)\nRETURN m.x", '(line 2, column 8)\n"RETURN m.x"\n        ^'),
    ],
)
async def test_a_mistake_is_shown_where_it_was_written(graph: GraphClient, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await run_readonly(graph.session, text)
    assert said in str(caught.value)
    assert "EXPLAIN" not in str(caught.value)


async def test_names_that_nothing_has_are_told(graph: GraphClient) -> None:
    await tiny.load(graph)
    table = await run_readonly(graph.session, "MATCH (f:Film) WHERE f.director = 'x' RETURN f")
    assert [note.split(".")[0] for note in table.notes] == [
        "The label `Film` does not exist",
        "The property `director` does not exist",
    ]
    assert (await run_readonly(graph.session, "MATCH (m:Movie) RETURN m.id AS id LIMIT 1")).notes == ()


async def test_a_parameter_has_its_value_and_one_without_is_named(graph: GraphClient) -> None:
    await tiny.load(graph)
    text = "MATCH (m:Movie {id: $id}) WHERE m.year = $year RETURN m.title AS title"
    assert (await run_readonly(graph.session, text, {"id": "1", "year": 1979})).rows == ({"title": "Alien"},)
    with pytest.raises(InvalidInput, match="parameters without a value: year"):
        await run_readonly(graph.session, text, {"id": "1"})
