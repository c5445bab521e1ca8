def append(item, to=[]):
    to.append(item)
    return to


def late(n, base=len("abc")):
    return n + base


append(1)
append(2)
late(1)
