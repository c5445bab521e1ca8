# How often and in what order a foreign repr is asked shows in what it says.
class Counts:
    asked = []

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        self.asked.append(self.name)
        return f"{self.name}{len(self.asked)}"


def main():
    a = Counts("a")
    b = [Counts("b"), 1, (Counts("c"),)]
    c = {"k": b, a: [a]}
    b[1] = 2
    b[1] = 2
    b[2] = (a, 3)
    c["k"] = list(b)
    d = b
    del a
    e = (c, d)
    b.clear()
    return c
