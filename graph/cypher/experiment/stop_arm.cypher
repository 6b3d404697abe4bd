// End one arm of a running experiment, where it was not ended yet; its name, of several who end it for one; used by graph/experiments.py.
MATCH (e:Experiment {id: $id})
SET e.startedAt = e.startedAt // takes the lock, so that what follows is read as it is now
WITH e WHERE e.running
MATCH (e)-[:HAS_ARM]->(a:Arm {name: $arm}) WHERE a.stoppedAt IS NULL
SET a.stoppedAt = $at, a.because = $because
RETURN a.name AS arm
