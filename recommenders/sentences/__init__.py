"""Sentence embeddings: what texts mean, as vectors (extra `text`)."""
