// End an experiment and its arms, where it is running; its id, of several who end it at once for one; used by graph/experiments.py.
MATCH (e:Experiment {id: $id})
SET e.startedAt = e.startedAt // takes the lock, so that what follows is read as it is now
WITH e WHERE e.running
SET e.running = null, e.status = 'stopped', e.stoppedAt = $at, e.because = $because
WITH e
MATCH (e)-[:HAS_ARM]->(a:Arm)
SET a.stoppedAt = coalesce(a.stoppedAt, $at)
RETURN DISTINCT e.id AS id
