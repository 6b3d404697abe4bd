// Vector index over the embeddings of movies in slot B, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX movie_embedding_b IF NOT EXISTS FOR (n:Movie) ON (n.embeddingB) OPTIONS $options
