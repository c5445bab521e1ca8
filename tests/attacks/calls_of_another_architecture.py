"""A system call by the 32-bit way in, whose numbers are others: mount() is 21 there."""


def attack(told, tries):
    import mmap

    tries.did("int 0x80")
    tries.say()
    # mov eax, 20 (getpid); int 0x80; ret
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3" if _COLUMN == 0 else b"\xc0\x03\x5f\xd6"
    area = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    area.write(code)
    call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
    if call() == os.getpid():
        tries.achieved.append("getpid by int 0x80")
        tries.say()
    os._exit(0)
