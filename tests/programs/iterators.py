def walk(text, items):
    letters = iter(text)
    rest = iter(items)
    pairs = zip(letters, rest)
    first = next(pairs)
    numbered = enumerate(items)
    backwards = reversed(items)
    keys = iter({})
    mapped = map(str, range(2))
    return first


walk("aé", [1, 2])
walk("a", (1, 2))
