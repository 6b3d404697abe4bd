// What was rated and watched last, whoever did it: the newest ratings and views are read from the end of an index.
CREATE RANGE INDEX rated_by_time IF NOT EXISTS FOR ()-[r:RATED]-() ON (r.at);
CREATE RANGE INDEX viewed_by_time IF NOT EXISTS FOR ()-[r:VIEWED]-() ON (r.at);
