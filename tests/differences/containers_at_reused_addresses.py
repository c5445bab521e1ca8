# A container is replaced by another at what is mostly the same address: equal, shorter, or of another type.
def main():
    a = [[1], (2, 3), {"k": 4}, {5}]
    for n in range(3):
        a[0] = None
        a[0] = [n % 2]
        a[1] = None
        a[1] = (2, n % 2)
        a[2] = None
        a[2] = {"k": n % 2}
        a[3] = None
        a[3] = {n % 2}
    a[0] = None
    a[0] = []
    b = [1.5]
    b[0] = 2.5
    del b
    b = [2.5]
    b.append("x" * n)
    b[1] = "y" * n
    c = tuple([a[0]])
    a[0].append(1)
    c = tuple([a[0]])
    del a[1:]
    return c
