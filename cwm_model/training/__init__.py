"""Training: documents to weights.  Knows nothing of what the documents say, or of how a model is used."""
