"""Asks for signals when its parent ends, and adopts orphans, so that who watches is confused."""


def attack(told, tries):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(36, 1, 0, 0, 0)
    if not os.fork():
        libc.prctl(1, 0, 0, 0, 0)
        libc.prctl(36, 1, 0, 0, 0)
        if not os.fork():
            os.setsid()
            time.sleep(20)
        os._exit(0)
    tries.did("orphans of our own")
