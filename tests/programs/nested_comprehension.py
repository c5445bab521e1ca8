def table(rows, factor):
    return [
        [factor * cell for cell in row]
        for row in rows
    ]


table([[1, 2], [3]], 2)
