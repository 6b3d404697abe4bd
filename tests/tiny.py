"""A small graph whose every answer can be worked out by hand."""

from collections.abc import Sequence

from graph.catalog import WriteStatement
from graph.client import GraphClient

MOVIES = [
    {
        "id": "1",
        "title": "Alien",
        "year": 1979,
        "runtime": 117,
        "popularity": 4.0,
        "genres": ["horror", "science-fiction"],
    },
    {
        "id": "2",
        "title": "Blade Runner",
        "year": 1982,
        "runtime": 117,
        "popularity": 5.0,
        "genres": ["science-fiction", "drama"],
    },
    {"id": "3", "title": "Gladiator", "year": 2000, "runtime": 155, "popularity": 3.0, "genres": ["drama", "action"]},
    {"id": "4", "title": "Amélie", "year": 2001, "runtime": 122, "popularity": 3.0, "genres": ["comedy", "romance"]},
    {"id": "5", "title": "Undated", "year": None, "runtime": None, "popularity": 0.0, "genres": ["drama"]},
]
CAST = [
    ("sigourney-weaver", "Sigourney Weaver", "1", "Ellen Ripley", 0),
    ("john-hurt", "John Hurt", "1", "Kane", 1),
    ("harrison-ford", "Harrison Ford", "2", "Rick Deckard", 0),
    ("russell-crowe", "Russell Crowe", "3", "Maximus", 0),
    ("audrey-tautou", "Audrey Tautou", "4", "Amélie Poulain", 0),
]
DIRECTED = [("ridley-scott", "Ridley Scott", m) for m in "123"] + [("jean-pierre-jeunet", "Jean-Pierre Jeunet", "4")]
RATINGS = [
    ("1", "1", 5.0, 1000), ("1", "3", 2.0, 2000), ("2", "1", 4.0, 1000), ("2", "2", 4.5, 1500),
    ("3", "2", 3.0, 1000), ("3", "3", 4.0, 1000), ("3", "4", 5.0, 1000),
]  # fmt: skip

WRITE = WriteStatement(
    "tiny",
    """
    CALL () { UNWIND $movies AS row
      MERGE (m:Movie {id: row.id}) SET m.title = row.title, m.year = row.year, m.runtime = row.runtime,
        m.popularity = row.popularity
      WITH m, row UNWIND row.genres AS name
      MERGE (g:Genre {id: name}) SET g.name = name
      MERGE (m)-[r:HAS_GENRE]->(g)
      SET r.movieId = m.id, r.genreId = g.id, r.popularity = m.popularity, r.year = coalesce(m.year, 0)
      RETURN count(*) AS a }
    CALL () { UNWIND $cast AS row
      MERGE (p:Person {id: row[0]}) SET p.name = row[1]
      WITH p, row MATCH (m:Movie {id: row[2]})
      MERGE (p)-[r:ACTED_IN]->(m) SET r.character = row[3], r.order = row[4] RETURN count(*) AS b }
    CALL () { UNWIND $directed AS row
      MERGE (p:Person {id: row[0]}) SET p.name = row[1]
      WITH p, row MATCH (m:Movie {id: row[2]}) MERGE (p)-[:DIRECTED]->(m) RETURN count(*) AS c }
    CALL () { UNWIND $ratings AS row
      MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0
      WITH u, row MATCH (m:Movie {id: row[1]})
      MERGE (u)-[r:RATED]->(m) SET r.userId = u.id, r.movieId = m.id, r.rating = row[2], r.at = row[3]
      RETURN count(*) AS d }
    CALL () { MATCH (l:Movie {id: '4'}) MERGE (f:Language {id: 'fr'}) SET f.name = 'French'
      MERGE (l)-[r:IN_LANGUAGE]->(f)
      SET r.movieId = l.id, r.languageId = f.id, r.popularity = l.popularity, r.year = l.year RETURN count(*) AS e }
    RETURN a, b, c, d, e
    """,
    frozenset({"movies", "cast", "directed", "ratings"}),
)


async def load(client: GraphClient, ratings: Sequence[tuple[str, str, float, int]] = RATINGS) -> None:
    """Write the tiny graph, with these ratings: user, movie, stars, milliseconds."""
    await client.writer.write(
        WRITE,
        movies=MOVIES,
        cast=[list(row) for row in CAST],
        directed=[list(row) for row in DIRECTED],
        ratings=[list(row) for row in ratings],
    )
