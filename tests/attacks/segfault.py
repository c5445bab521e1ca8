"""Reads where nothing is."""

def attack(told, tries):
    tries.did("SIGSEGV")
    tries.say()
    ctypes.string_at(0)
