// Drop the vector index of movies in slot A, since a new model may have other dimensions; used by graph/models.py.
DROP INDEX movie_embedding_a IF EXISTS
