"""Recurses in C, beyond the stack."""

def attack(told, tries):
    tries.did("a deep repr")
    tries.say()
    sys.setrecursionlimit(1 << 30)
    found = []
    for _ in range(1 << 18):
        found = [found]
    repr(found)
