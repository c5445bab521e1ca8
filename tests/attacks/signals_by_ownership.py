"""The kernel sends a signal to whoever owns a descriptor: make the warm parent the owner."""

import fcntl


def attack(told, tries):
    for name, pid in (("the warm parent", os.getppid()), ("the victim", told["victim"])):
        ours, theirs = os.pipe()
        tries.to(name, lambda pid, end: fcntl.fcntl(end, 8, pid) == 0, pid, ours)
        pair = ctypes.create_string_buffer(b"".join(each.to_bytes(4, "little") for each in (1, pid)))
        tries.to(name + ", extended", lambda end: fcntl.fcntl(end, 15, pair.raw[:8]) is not None, ours)
        tries.to(name + ", by ioctl", lambda end: fcntl.ioctl(end, 0x8901, pid.to_bytes(4, "little")) is not None, ours)
