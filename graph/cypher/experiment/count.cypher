// Count, once, what users did in the window from their exposure on, where it ended while their arm ran; how many users; used by graph/experiments.py.
MATCH (e:Experiment {id: $id})
SET e.startedAt = e.startedAt // takes the lock: of several servers one counts at a time
WITH e
MATCH (u:User)-[r:EXPOSED]->(:Experiment)
USING INDEX r:EXPOSED(experimentId, due) // a user whose window has not ended costs nothing
WHERE r.experimentId = $id AND r.due <= $now
MATCH (e)-[:HAS_ARM]->(a:Arm) WHERE a.name = r.arm AND r.due <= coalesce(a.stoppedAt, $now)
WITH u, r LIMIT $most
SET r.liked = COUNT { MATCH (u)-[d:RATED]->() WHERE d.rating >= $liked AND r.at <= d.at AND d.at < r.due },
    r.dismissed = COUNT { MATCH (u)-[d:DISMISSED]->() WHERE r.at <= d.at AND d.at < r.due },
    r.viewed = COUNT { MATCH (u)-[d:VIEWED]->() WHERE r.at <= d.at AND d.at < r.due }
SET r.due = null, r.countedAt = $now
RETURN count(*) AS counted
