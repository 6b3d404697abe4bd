// Write a batch of user embeddings into the property $slot; used by graph/models.py.
UNWIND $rows AS row
MATCH (n:User {id: row[0]})
CALL db.create.setNodeVectorProperty(n, $slot, row[1])
RETURN count(*) AS written
