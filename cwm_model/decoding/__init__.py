"""What the decoder (decoder.py) is made of: weights, caches, passes, rows."""
