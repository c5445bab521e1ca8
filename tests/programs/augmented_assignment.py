def grow(n, items):
    n += 1
    n **= 2
    items += [n]
    items[0] -= 1
    return items


kept = [5]
grow(2, kept)
