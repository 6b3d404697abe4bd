// Back to V0003: experiments and exposures stay, and an older Cinegraph passes over them.
DROP INDEX exposed_due IF EXISTS;
DROP CONSTRAINT arm_id IF EXISTS;
DROP CONSTRAINT experiment_running IF EXISTS;
DROP CONSTRAINT experiment_id IF EXISTS;
