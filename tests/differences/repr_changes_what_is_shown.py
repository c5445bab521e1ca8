# A foreign repr changes the container that is being shown, and others that are shown after it.
class Changes:
    def __init__(self, held, how):
        self.held = held
        self.how = how

    def __repr__(self):
        self.how(self.held)
        return f"changes {len(self.held)}"


def main():
    a = [1, 2, 3]
    a.insert(1, Changes(a, lambda held: held.append(4) if len(held) < 9 else None))
    x = 1
    b = {"k": 1, "l": [2], "m": 3}
    b["n"] = Changes(b, lambda held: held.pop("k", None))
    x = 2
    b["k"] = Changes(b, dict.clear)
    x = 3
    c = [[5], [6]]
    c[0].append(Changes(c, list.clear))
    c.append(a)
    x = 4
    d = {1, 2}
    e = ([Changes(d, lambda held: held.add(len(held)))], d)
    x = 5
    f = [Changes(a, list.clear), a]
    x = 6
    return e
