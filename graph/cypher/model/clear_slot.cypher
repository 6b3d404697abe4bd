// Take all embeddings of a slot away, in batches, also of movies and users that its next model does not know; used by graph/models.py.
MATCH (n:Movie|User) WHERE n[$slot] IS NOT NULL
CALL (n) { REMOVE n[$slot] } IN TRANSACTIONS OF 5000 ROWS
