// Forget the models, after everything was taken out of the graph; used by cinegraph/cli/graph.py.
MERGE (m:Meta {id: 'graph'}) SET m.version = coalesce(m.version, 0) + 1, m.activeModel = null, m.previousModel = null,
  m.shadowModel = null, m.shadowShare = null, m.shadowSince = null
