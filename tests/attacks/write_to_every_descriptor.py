"""Garbage to whatever is open: is the warm parent's socket among it?"""

import stat


def attack(told, tries):
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        # The recording is one's own memory, and a file of it is open; what is asked for is somebody else's.
        if not stat.S_ISREG(os.fstat(number).st_mode):
            tries.to("descriptor {} is open".format(number), os.fstat, number)
    tries.did("1,021 descriptors")
    tries.say()
    for number in [*range(3, 1024), 2]:
        try:
            os.write(number, b'{"ended": 0}')
        except OSError:
            pass
