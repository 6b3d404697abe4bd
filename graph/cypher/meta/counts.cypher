// How many nodes of each label there are; used by cinegraph/cli/graph.py.
MATCH (n) RETURN labels(n)[0] AS label, count(*) AS count ORDER BY label
