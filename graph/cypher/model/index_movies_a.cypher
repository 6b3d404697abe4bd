// Vector index over the embeddings of movies in slot A, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX movie_embedding_a IF NOT EXISTS FOR (n:Movie) ON (n.embeddingA) OPTIONS $options
