// People by id, the first name of each id kept; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (p:Person {id: row[0]}) ON CREATE SET p.name = row[1]
