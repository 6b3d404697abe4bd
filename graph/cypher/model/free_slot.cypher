// Say of no model version any more that its embeddings are in a slot; used by graph/models.py.
MATCH (v:ModelVersion {embeddingSlot: $slot})
SET v.embeddingSlot = null
