n = 5
letters = [n for n in "ab" if [m for m in "c"]]


class Body:
    n = 6
    squares = {n: n * n for n in (1, 2)}


after = n
