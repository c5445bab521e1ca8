"""Aborts."""

def attack(told, tries):
    tries.did("SIGABRT")
    tries.say()
    os.abort()
