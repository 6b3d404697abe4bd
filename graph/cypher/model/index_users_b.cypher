// Vector index over the embeddings of users in slot B, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX user_embedding_b IF NOT EXISTS FOR (n:User) ON (n.embeddingB) OPTIONS $options
