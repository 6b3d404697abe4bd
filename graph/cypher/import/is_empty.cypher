// How many nodes there are beside those that every graph has; used by graph/ingest/bulk.py.
RETURN COUNT { () } - COUNT { (:Migration) } - COUNT { (:Meta) } AS nodes
