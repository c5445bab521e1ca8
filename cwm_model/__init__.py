"""A code world model over token ids: shapes, tokens, decoding, grammar, prediction, training.  Knows no evaluation."""
