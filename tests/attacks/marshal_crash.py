"""Data that makes the interpreter crash, or not."""

import marshal
import random


def attack(told, tries):
    tries.did("random bytes as code")
    tries.say()
    chance = random.Random(1)
    for _ in range(800):
        data = bytes(chance.getrandbits(8) for _ in range(12))
        for first in b"\xa9\xdb\xfb\xe3":
            try:
                marshal.loads(bytes([first]) + data)
            except (ValueError, TypeError, EOFError, MemoryError, OverflowError, SystemError):
                pass
