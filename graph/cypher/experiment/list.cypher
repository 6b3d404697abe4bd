// Experiments with their arms, the newest first: those of $ids, or all where that is null; used by graph/experiments.py.
MATCH (e:Experiment) WHERE $ids IS NULL OR e.id IN $ids
RETURN properties(e) AS experiment,
  COLLECT {
    MATCH (e)-[:HAS_ARM]->(a:Arm)
    RETURN a {.*, model: [(a)-[:USES]->(v:ModelVersion) | v.id][0]} AS arm ORDER BY a.place
  } AS arms
ORDER BY e.startedAt DESC, e.id
