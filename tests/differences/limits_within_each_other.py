#: begin = functions
#: each = 3
#: events = 14
#: depth = 3
#: bytes = 400
# Traces nest, and each has its own limits.
def down(n):
    kept = [n]
    if n:
        kept.append(down(n - 1))
    return kept


def gives(n):
    for item in range(n):
        yield down(item)


def main():
    down(2)
    for item in gives(3):
        down(1)
    return down(5)
