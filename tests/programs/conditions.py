def between(low, n, high):
    inside = low < n <= high != 0
    either = (
        n
        or high
        and low
    )
    return inside if either else None


between(1, 2, 3)
between(1, 0, 0)
