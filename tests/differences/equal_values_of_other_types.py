# 1, True and 1.0 are equal, 0.0 and -0.0 too; each shows differently.
def main():
    x = 1
    x = True
    x = 1.0
    x = 0.0
    x = -0.0
    a = [1, 0.0, (1,), {1: 1}]
    a[0] = True
    a[0] = 1.0
    a[1] = -0.0
    a[2] = (True,)
    a[3][1] = True
    a[3][True] = 1.0
    a[3] = {True: 1}
    s = {1}
    s.discard(1); s.add(True)
    s = {1.0}
    f = frozenset([0.0])
    f = frozenset([-0.0])
    n = [float("nan")]
    n[0] = float("nan")
    d = {"a": 1, "b": 2}
    d["a"] = d.pop("a")
    d = {"a": 1, "b": 2}
    d["b"] = d.pop("b")
    return a
