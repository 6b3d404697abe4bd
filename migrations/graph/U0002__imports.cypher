// Back to V0001: the records of what was ingested stay, and are found without the index too.
DROP CONSTRAINT import_id IF EXISTS;
