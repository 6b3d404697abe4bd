"""Thirty-two movies of which five share something, and a model of four of them: likenesses can be worked out by hand.

Ann directed 1 and 2, the deep series has 1 and 5, the keyword sea fits 1, 2, 3 and 5, Bob is in 3 and 4; half of all
are dramas, which is too common to tell anything. Nobody has rated 5, and nothing joins 6 to any other.
"""

from pathlib import Path

import numpy as np

from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.models import Published, Version, publish
from recommenders.artifacts import save_artifact
from recommenders.scorers import ItemItemScorer
from recommenders.serving import Serving

MOVIES = [str(number) for number in range(1, 33)]
LINKS = {
    "MATCH (x:Person {id: 'ann'}), (m:Movie) WHERE m.id IN ['1', '2'] MERGE (x)-[:DIRECTED]->(m)",
    "MATCH (x:Person {id: 'bob'}), (m:Movie) WHERE m.id IN ['3', '4'] MERGE (x)-[:ACTED_IN {order: 0}]->(m)",
    "MATCH (x:Keyword {id: 'sea'}), (m:Movie) WHERE m.id IN ['1', '2', '3', '5'] MERGE (m)-[:HAS_KEYWORD]->(x)",
    "MATCH (x:Collection {id: 'deep'}), (m:Movie) WHERE m.id IN ['1', '5'] MERGE (m)-[:PART_OF]->(x)",
    "MATCH (x:Genre {id: 'drama'}), (m:Movie) WHERE toInteger(m.id) <= 16 MERGE (m)-[:HAS_GENRE]->(x)",
}
RATINGS = [("u", "1", 5.0), ("u", "2", 4.0), ("v", "1", 4.5), ("v", "2", 4.0), ("w", "1", 4.0), ("w", "3", 4.0),
           ("x", "1", 5.0), ("x", "2", 3.5)]  # fmt: skip
WEIGHTS = np.array([[0, 0.5, 0.25, 0], [0.5, 0, 0.125, 0], [0.25, 0.125, 0, 0], [0, 0, 0, 0]], np.float32)
"""Of the movies 1 to 4: 2 is nearest to 1, 3 is half as near, and 4 is near to none."""

NODES = """
UNWIND $movies AS id
MERGE (m:Movie {id: id}) SET m.title = 'Movie ' + id, m.year = 1980 + toInteger(id), m.popularity = 0.0
WITH count(*) AS movies
MERGE (a:Person {id: 'ann'}) SET a.name = 'Ann' MERGE (b:Person {id: 'bob'}) SET b.name = 'Bob'
MERGE (k:Keyword {id: 'sea'}) SET k.name = 'sea' MERGE (c:Collection {id: 'deep'}) SET c.name = 'Deep Collection'
MERGE (g:Genre {id: 'drama'}) SET g.name = 'Drama'
WITH movies UNWIND $ratings AS row
MERGE (u:User {id: row[0]}) WITH u, row MATCH (m:Movie {id: row[1]})
MERGE (u)-[r:RATED]->(m) SET r.rating = row[2], r.movieId = m.id, r.userId = u.id, r.at = 1
"""


async def plant(graph: GraphClient) -> None:
    """Write the graph, without a model."""
    nodes = WriteStatement("plant", NODES, frozenset({"movies", "ratings"}))
    await graph.writer.write(nodes, movies=MOVIES, ratings=[list(row) for row in RATINGS])
    for link in sorted(LINKS):
        await graph.writer.write(WriteStatement("link", link, frozenset()))


async def serving_planted(graph: GraphClient, root: Path) -> Serving:
    """The graph with a model of the movies 1 to 4, and what serves it."""
    await plant(graph)
    likes = np.array([4, 2, 1, 0], np.float32)
    scorer = ItemItemScorer(WEIGHTS, np.arange(4, dtype=np.int32), likes)
    about = {"config": {}, "metrics": {}, "fingerprint": "f" * 64, "created_at": 1}
    version = save_artifact(root, "ease", scorer, np.array(MOVIES[:4]), **about)  # type: ignore[arg-type]
    await publish(graph.writer, Version(version, "ease", {}, "f" * 64, {}, version), Published())
    serving = Serving(graph.reader, root)
    await serving.refresh()
    return serving
