// Vector index over the embeddings of movies in slot C, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX movie_embedding_c IF NOT EXISTS FOR (n:Movie) ON (n.embeddingC) OPTIONS $options
