// Vector index over the embeddings of users in slot C, for analysts; $options has dimensions and similarity; used by graph/models.py.
CREATE VECTOR INDEX user_embedding_c IF NOT EXISTS FOR (n:User) ON (n.embeddingC) OPTIONS $options
