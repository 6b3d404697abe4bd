// Begin an experiment unless one has its id or another is running; what stands in its way; used by graph/experiments.py.
OPTIONAL MATCH (same:Experiment {id: $id})
OPTIONAL MATCH (other:Experiment {running: true})
CALL (same, other) {
  WITH same, other WHERE same IS NULL AND other IS NULL
  CREATE (e:Experiment {id: $id, running: true})
  SET e += $properties
  WITH e UNWIND $arms AS arm
  CREATE (e)-[:HAS_ARM]->(a:Arm)
  SET a += arm.properties
  WITH a, arm
  MATCH (v:ModelVersion {id: arm.model})
  CREATE (a)-[:USES]->(v)
  RETURN count(*) AS pinned
}
RETURN same IS NOT NULL AS exists, other.id AS running
