// Take everything but the record of migrations and versions out of the graph, in batches; used by cinegraph/cli/graph.py.
MATCH (n) WHERE NOT n:Migration AND NOT n:Meta
CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS
