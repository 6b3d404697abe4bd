// Back to V0004: what was rated and watched last is found by looking at everything.
DROP INDEX rated_by_time IF EXISTS;
DROP INDEX viewed_by_time IF EXISTS;
