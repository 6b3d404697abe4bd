// Drop the vector index of users in slot A, since a new model may have other dimensions; used by graph/models.py.
DROP INDEX user_embedding_a IF EXISTS
