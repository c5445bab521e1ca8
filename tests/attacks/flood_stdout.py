"""Prints for ever."""

def attack(told, tries):
    tries.did("prints")
    tries.say()
    while True:
        os.write(1, b"x" * (1 << 16))
