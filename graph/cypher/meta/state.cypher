// The version of the catalogue and the active model, looked at every few seconds; used by recommenders/serving.py.
MATCH (m:Meta {id: 'graph'})
RETURN m.version AS version, m.activeModel AS activeModel
