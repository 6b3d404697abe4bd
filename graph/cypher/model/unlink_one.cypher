// Take the SIMILAR relationships of one model version away before they are written anew; used by graph/models.py.
MATCH ()-[r:SIMILAR]->() WHERE r.model = $id
CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS
