"""Garbage to whatever is open: is the warm parent's socket among it?"""


def attack(told, tries):
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        tries.to("descriptor {} is open".format(number), os.fstat, number)
    tries.did("1,021 descriptors")
    tries.say()
    for number in [*range(3, 1024), 2]:
        try:
            os.write(number, b'{"ended": 0}')
        except OSError:
            pass
