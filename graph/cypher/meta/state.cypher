// The version of the catalogue, the active model and the running experiment, looked at twice a second; used by recommenders/serving.py.
MATCH (m:Meta {id: 'graph'})
OPTIONAL MATCH (e:Experiment {running: true})
RETURN m.version AS version, m.activeModel AS activeModel, properties(e) AS experiment,
  COLLECT {
    MATCH (e)-[:HAS_ARM]->(a:Arm)
    RETURN a {.name, .share, .diversity, .novelty, .calibration, .stoppedAt, model: [(a)-[:USES]->(v:ModelVersion) | v.id][0]} AS arm ORDER BY a.place
  } AS arms
