"""One instruction of Python that takes years."""

def attack(told, tries):
    tries.did("a large power")
    tries.say()
    return 7 ** 10 ** 9
