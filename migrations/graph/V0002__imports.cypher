// The record of what was ingested: which source, which content of it, and how far an unfinished one has come.
CREATE CONSTRAINT import_id IF NOT EXISTS FOR (n:Import) REQUIRE n.id IS UNIQUE;
