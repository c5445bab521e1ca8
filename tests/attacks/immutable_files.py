"""Leaves a file that not even its owner may remove."""

import fcntl


def attack(told, tries):
    def harden():
        descriptor = os.open("hard", os.O_CREAT | os.O_RDWR)
        flags = ctypes.c_long(0)
        fcntl.ioctl(descriptor, 0x80086601, flags)
        before = flags.value
        flags.value |= 0x10
        fcntl.ioctl(descriptor, 0x40086602, flags)
        if told["gentle"]:
            flags.value = before
            fcntl.ioctl(descriptor, 0x40086602, flags)
        return True

    tries.to("immutable", harden)
