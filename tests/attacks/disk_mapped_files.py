"""Files that have no name, that nobody has open, and of which one page is mapped."""


def attack(told, tries):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]

    def fill():
        for _ in range(12 if told["gentle"] else 400):
            descriptor = os.open("file", os.O_CREAT | os.O_RDWR)
            os.unlink("file")
            if os.write(descriptor, b"x" * (4 << 20)) < 4 << 20:
                return False
            if libc.mmap(None, 4096, 1, 1, descriptor, 0) in (None, ctypes.c_void_p(-1).value):
                return False
            os.close(descriptor)
        return True

    tries.to("more than allowed in files that are only mapped", fill)
