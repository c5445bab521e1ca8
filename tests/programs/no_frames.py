# Comments, blank lines, docstrings and `global` have no frames.
total = 0


def add(n):
    """Docstring."""
    # comment
    global total

    "a string that nobody uses"
    total += n  # comment at the end
    ...


add(1)
