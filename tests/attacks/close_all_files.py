"""Closes every file descriptor."""

def attack(told, tries):
    tries.did("closerange")
    tries.say()
    os.closerange(0, 1 << 16)
