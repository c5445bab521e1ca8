"""Has the kernel hide what this process holds from whoever adds it up."""


def attack(told, tries):
    libc = ctypes.CDLL(None, use_errno=True)
    tries.to("not dumpable", lambda: libc.prctl(4, 0, 0, 0, 0) == 0)
    tries.to("not dumpable, by clone", in_child, lambda: libc.prctl(4, 0, 0, 0, 0) == 0)
