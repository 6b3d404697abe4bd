// Vector index over the embeddings of users in slot A, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX user_embedding_a IF NOT EXISTS FOR (n:User) ON (n.embeddingA) OPTIONS $options
