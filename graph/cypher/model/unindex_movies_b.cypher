// Drop the vector index of movies in slot B, since a new model may have other dimensions; used by graph/models.py.
DROP INDEX movie_embedding_b IF EXISTS
