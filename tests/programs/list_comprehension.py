def scaled(numbers, factor):
    # The captured argument keeps its place; from 3.12 on there is no frame at all.
    return [factor * n for n in numbers if n > 1]


scaled([1, 2, 3], 10)
