// Experiments and their arms, of which one experiment at most is running; which windows after an exposure end when.
CREATE CONSTRAINT experiment_id IF NOT EXISTS FOR (n:Experiment) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT experiment_running IF NOT EXISTS FOR (n:Experiment) REQUIRE n.running IS UNIQUE;
CREATE CONSTRAINT arm_id IF NOT EXISTS FOR (n:Arm) REQUIRE n.id IS UNIQUE;
CREATE RANGE INDEX exposed_due IF NOT EXISTS FOR ()-[r:EXPOSED]-() ON (r.experimentId, r.due);
