"""What the constraint (constraint.py) is made of: a frame's automaton over bytes, and the tokens that fit it."""
