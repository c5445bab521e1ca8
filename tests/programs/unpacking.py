def swap(pair):
    a, b = pair
    a, b = b, a
    first, *rest = "xyz"
    (c, [d]) = (a, [b])
    return {**{"a": a}, "all": [*rest, d]}


swap((1, 2))
