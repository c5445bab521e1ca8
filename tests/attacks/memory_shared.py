"""Shared memory without a file is in nobody's account while nobody touches it: fill it, forget it, again."""

import mmap


def hidden(flags, descriptor):
    held = []
    libc = ctypes.CDLL(None, use_errno=True)
    for _ in range(4):
        area = mmap.mmap(descriptor, 32 << 20, flags=flags)
        area.write(b"x" * (32 << 20))
        libc.madvise(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area))), 32 << 20, 4)
        held.append(area)
    return True


def zeros():
    device = os.open("/dev/zero", os.O_RDWR)
    return hidden(mmap.MAP_SHARED, device)


def attack(told, tries):
    tries.to("anonymous", hidden, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1)
    tries.to("/dev/zero", zeros)
