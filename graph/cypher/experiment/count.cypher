// Count, once, what users did in the window from their exposure on, where it ended while their arm ran, and add it to the arm's sums; how many users; used by graph/experiments.py.
MATCH (e:Experiment {id: $id})
SET e.startedAt = e.startedAt // takes the lock: of several servers one counts at a time
WITH e
MATCH (u:User)-[r:EXPOSED]->(:Experiment)
USING INDEX r:EXPOSED(experimentId, due) // a user whose window has not ended costs nothing
WHERE r.experimentId = $id AND r.due <= $now
MATCH (e)-[:HAS_ARM]->(a:Arm) WHERE a.name = r.arm AND r.due <= coalesce(a.stoppedAt, $now)
WITH a, u, r LIMIT $most
SET r.liked = COUNT { MATCH (u)-[d:RATED]->() WHERE d.rating >= $liked AND r.at <= d.at AND d.at < r.due },
    r.dismissed = COUNT { MATCH (u)-[d:DISMISSED]->() WHERE r.at <= d.at AND d.at < r.due },
    r.viewed = COUNT { MATCH (u)-[d:VIEWED]->() WHERE r.at <= d.at AND d.at < r.due }
SET r.due = null, r.countedAt = $now
WITH a, count(*) AS counted,
  [sum(r.liked), sum(r.liked * r.liked), sum(r.likedBefore), sum(r.likedBefore * r.likedBefore),
   sum(r.likedBefore * r.liked)] AS liked,
  [sum(r.dismissed), sum(r.dismissed * r.dismissed), sum(r.dismissedBefore), sum(r.dismissedBefore * r.dismissedBefore),
   sum(r.dismissedBefore * r.dismissed)] AS dismissed,
  [sum(r.viewed), sum(r.viewed * r.viewed), sum(r.viewedBefore), sum(r.viewedBefore * r.viewedBefore),
   sum(r.viewedBefore * r.viewed)] AS viewed
SET a.counted = coalesce(a.counted, 0) + counted,
    a.likedSums = [n IN range(0, 4) | coalesce(a.likedSums[n], 0) + liked[n]],
    a.dismissedSums = [n IN range(0, 4) | coalesce(a.dismissedSums[n], 0) + dismissed[n]],
    a.viewedSums = [n IN range(0, 4) | coalesce(a.viewedSums[n], 0) + viewed[n]]
RETURN sum(counted) AS counted
