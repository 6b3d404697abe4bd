// Note users whom an arm was shown to, once each, from the first time on, and what they did as long before; used by graph/experiments.py.
MATCH (e:Experiment {id: $id})
SET e.startedAt = e.startedAt // takes the lock: of several servers one writes at a time
WITH e UNWIND $rows AS row
MATCH (e)-[:HAS_ARM]->(a:Arm {name: row.arm}) WHERE row.at < coalesce(a.stoppedAt, row.at + 1)
MERGE (u:User {id: row.user}) ON CREATE SET u.version = 0
MERGE (u)-[r:EXPOSED]->(e)
WITH e, a, u, r, row, r.at IS NULL AS new WHERE new OR (row.at < r.at AND r.due IS NOT NULL)
SET r.experimentId = e.id, r.arm = row.arm, r.at = row.at, r.due = row.at + e.window,
    r.likedBefore = COUNT {
      MATCH (u)-[d:RATED]->() WHERE d.rating >= $liked AND row.at - e.window <= d.at AND d.at < row.at },
    r.dismissedBefore = COUNT {
      MATCH (u)-[d:DISMISSED]->() WHERE row.at - e.window <= d.at AND d.at < row.at },
    r.viewedBefore = COUNT {
      MATCH (u)-[d:VIEWED]->() WHERE row.at - e.window <= d.at AND d.at < row.at }
WITH a, count(*) AS noted, sum(CASE WHEN new THEN 1 ELSE 0 END) AS more
SET a.exposed = coalesce(a.exposed, 0) + more
RETURN sum(noted) AS noted
