// Take every relationship out of the graph, in batches: a node with very many could not go at once; used by cinegraph/cli/graph.py.
MATCH ()-[r]->()
CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS
