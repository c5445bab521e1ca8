#: characters = 4000
# 100 containers within each other, and one more; a thousand items, of which one changes.
def main():
    a = [1]
    for n in range(97):
        a = [a]
    a = (a,)
    a = {"a": a}
    a = [a, 1]
    inner = a
    a = [a]
    inner[1] = 2
    b = list(range(1000))
    b[500] = "new"
    del b[3]
    b.insert(900, [b])
    b[900].append(1)
    c = {n: [n] for n in range(400)}
    c[200].append(0)
    del c[0]
    c[0] = "last"
    return a
