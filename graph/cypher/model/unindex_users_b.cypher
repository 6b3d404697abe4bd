// Drop the vector index of users in slot B, since a new model may have other dimensions; used by graph/models.py.
DROP INDEX user_embedding_b IF EXISTS
