"""Leaves a tree that is deeper than a path can be, and than a recursion may go."""


def attack(told, tries):
    start = os.open(".", os.O_RDONLY)
    for _ in range(90):
        os.mkdir("d" * 255)
        os.chdir("d" * 255)
    os.fchdir(start)
    tries.did("a path of 23,000 characters is left")
