// Write a batch of SIMILAR relationships of a model version; used by graph/models.py.
UNWIND $rows AS row
MATCH (a:Movie {id: row[0]}), (b:Movie {id: row[1]})
CREATE (a)-[:SIMILAR {score: row[2], rank: row[3], model: $id}]->(b)
RETURN count(*) AS written
