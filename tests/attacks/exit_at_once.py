"""Ends without the interpreter's knowing."""

def attack(told, tries):
    tries.did("os._exit")
    tries.say()
    os._exit(0)
