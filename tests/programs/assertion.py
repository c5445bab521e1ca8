def positive(n):
    assert n > 0, "too small"
    return n


positive(1)
try:
    positive(0)
except AssertionError:
    pass
