// Note that a server cannot serve an arm, why, and when it last said so; used by graph/experiments.py.
UNWIND $rows AS row
MATCH (:Experiment {id: $id})-[:HAS_ARM]->(a:Arm {name: row.arm})
SET a.fault = row.fault, a.faultAt = $at
RETURN count(*) AS noted
