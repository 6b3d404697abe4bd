// How this database begins the element ids of relationships; used by graph/snapshot.py.
MATCH ()-[r]->()
RETURN elementId(r) AS sample LIMIT 1
