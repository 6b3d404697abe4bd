// What is summed up of each arm stands on the arm, and grows with each exposure and each window that is counted, so that a
// look at an experiment costs the same however many users it has. Here it is worked out once, from all exposures.
MATCH (e:Experiment)
SET e.startedAt = e.startedAt // takes the lock: nobody notes an exposure meanwhile
WITH e
MATCH (e)-[:HAS_ARM]->(a:Arm)
OPTIONAL MATCH (e)<-[r:EXPOSED {arm: a.name}]-()
WITH a, r, CASE WHEN r.countedAt IS NOT NULL THEN r END AS c
WITH a, count(r) AS exposed, count(c) AS counted,
  [sum(c.liked), sum(c.liked * c.liked), sum(c.likedBefore), sum(c.likedBefore * c.likedBefore),
   sum(c.likedBefore * c.liked)] AS liked,
  [sum(c.dismissed), sum(c.dismissed * c.dismissed), sum(c.dismissedBefore), sum(c.dismissedBefore * c.dismissedBefore),
   sum(c.dismissedBefore * c.dismissed)] AS dismissed,
  [sum(c.viewed), sum(c.viewed * c.viewed), sum(c.viewedBefore), sum(c.viewedBefore * c.viewedBefore),
   sum(c.viewedBefore * c.viewed)] AS viewed
SET a.exposed = exposed, a.counted = counted, a.likedSums = liked, a.dismissedSums = dismissed, a.viewedSums = viewed;
