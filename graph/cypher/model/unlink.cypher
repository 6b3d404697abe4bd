// Take the SIMILAR relationships of every model version but these away, in batches; used by graph/models.py.
MATCH ()-[r:SIMILAR]->() WHERE NOT r.model IN $keep
CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS
