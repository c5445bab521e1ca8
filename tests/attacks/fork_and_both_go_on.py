"""The task forks, and both go on to the interpreter's end."""


def attack(told, tries):
    tries.did("two of us")
    os.fork()
