"""Small pieces of the kernel's memory: locks on a file, one for every other byte."""

import fcntl


def attack(told, tries):
    def take():
        with open("locked", "wb") as stream:
            for at in range(2000):
                fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at * 2)
        return True

    tries.to("2,000 locks", take)
