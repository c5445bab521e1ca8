"""Complains for ever."""

def attack(told, tries):
    tries.did("complains")
    tries.say()
    while True:
        os.write(2, b"x" * (1 << 16))
