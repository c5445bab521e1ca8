"""A code world model over token ids: presets, tokenizer, decoding, constraint, prediction, training.  Knows no evaluation."""
