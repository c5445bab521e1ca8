# 10,000 lines, and not one more; the tracer is in its place behind it.
class Ends:
    def __repr__(self):
        for n in range(4_990):
            n += 1
        return "ends"


class Just:
    lines = 9_990

    def __repr__(self):
        n = 0
        while n < self.lines: n += 1
        return str(n)


class Endless:
    def __repr__(self):
        while True:
            pass


def main():
    a = Ends()
    del a
    b = Just()
    Just.lines = 10_100
    del b
    c = [1, Endless(), 2]
    c = 1
    return [Endless()]
