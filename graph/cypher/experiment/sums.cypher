// Of each arm that was shown to anybody the users exposed, and of those counted the sums of an outcome y, of what was before x, and of products, as they were kept; used by graph/experiments.py.
MATCH (e:Experiment)-[:HAS_ARM]->(a:Arm) WHERE e.id IN $ids AND a.exposed > 0
UNWIND $outcomes AS outcome
WITH e, a, outcome, coalesce(a[outcome + 'Sums'], [0, 0, 0, 0, 0]) AS sums
RETURN e.id AS id, a.name AS arm, outcome, a.exposed AS exposed, coalesce(a.counted, 0) AS users,
       sums[0] AS y, sums[1] AS yy, sums[2] AS x, sums[3] AS xx, sums[4] AS xy
