"""ptrace, foreign memory, foreign descriptors."""


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def attack(told, tries):
    def attach(pid):
        system_call((101, 117), 16, pid, 0, 0)
        os.waitpid(pid, 0x40000000)
        system_call((101, 117), 17, pid, 0, 0)
        return True

    place = ctypes.create_string_buffer(8)
    here, there = (Vector(ctypes.addressof(place), 8) for _ in range(2))
    there.base = id(None)

    def peek(pid):
        return system_call((310, 270), pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8

    def poke(pid):
        return system_call((311, 271), pid, ctypes.byref(here), 1, ctypes.byref(there), 0, 0) >= 0

    def take(pid):
        return system_call((438, 438), system_call((434, 434), pid, 0), 0, 0) >= 0

    tries.to("attach to the victim", attach, told["victim"])
    for name, pid in (("the victim", told["victim"]), ("the warm parent", os.getppid())):
        tries.to("read " + name, peek, pid)
        tries.to("write " + name, poke, pid)
        tries.to("a descriptor of " + name, take, pid)
        tries.to("compare with " + name, lambda pid: system_call((312, 272), os.getpid(), pid, 0, 0, 0) >= 0, pid)
