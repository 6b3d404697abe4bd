// Forget the models, after everything was taken out of the graph; used by cinegraph graph reset.
MERGE (m:Meta {id: 'graph'}) SET m.version = coalesce(m.version, 0) + 1, m.activeModel = null, m.previousModel = null
