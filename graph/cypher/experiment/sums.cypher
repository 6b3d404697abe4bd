// Of each arm the users exposed, and of those counted the sums of an outcome y, of what was before x, and of products; used by graph/experiments.py.
MATCH (e:Experiment)<-[r:EXPOSED]-() WHERE e.id IN $ids
UNWIND $outcomes AS outcome
WITH e.id AS id, r.arm AS arm, outcome, r[outcome] AS y,
     CASE WHEN r.countedAt IS NULL THEN null ELSE r[outcome + 'Before'] END AS x
RETURN id, arm, outcome, count(*) AS exposed, count(y) AS users,
       sum(y) AS y, sum(y * y) AS yy, sum(x) AS x, sum(x * x) AS xx, sum(x * y) AS xy
