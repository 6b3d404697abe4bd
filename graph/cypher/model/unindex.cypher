// Drop a vector index by its name, since the next model in its slot may have other dimensions; used by graph/models.py.
DROP INDEX $name IF EXISTS
