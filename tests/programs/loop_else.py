def find(wanted, items):
    for index, item in enumerate(items):
        if item == wanted:
            break
    else:
        index = -1
    return index


def climb(n):
    while n < 2:
        n += 1
    else:
        n = "top"
    return n


find("b", "abc")
find("z", "a")
climb(1)
