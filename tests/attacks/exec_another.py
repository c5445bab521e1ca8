"""Becomes another program."""

def attack(told, tries):
    tries.did("execv")
    tries.say()
    os.execv("/bin/sh", ["sh", "-c", "sleep 60"])
