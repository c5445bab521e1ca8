"""A note with a number of sixty thousand digits."""

import gc
import struct


def wire():
    """The recording's memory, wherever it is held."""
    for each in gc.get_objects():
        for found in (each, getattr(each, "__self__", None)):
            if type(found) is memoryview and found.nbytes > 4096 and not found.readonly and found.contiguous:
                flat = found.cast("B") if found.format != "B" else found
                if bytes(flat[:8]) == b"FORETRAC":
                    return flat
    with open("/proc/self/maps") as stream:
        for line in stream:
            if "foretrace-wire" in line:
                start, end = (int(each, 16) for each in line.split()[0].split("-"))
                return memoryview((ctypes.c_char * (end - start)).from_address(start)).cast("B")
    raise AssertionError("the wire is not found")


def attack(told, tries):
    view = wire()
    tries.did("digits")
    tries.say()
    at = struct.unpack_from("<Q", view, 48)[0]
    data = b'{"note":"odd","what":' + b"9" * 60000
    struct.pack_into("<I", view, at, len(data))
    view[at + 4 : at + 4 + len(data)] = data
    struct.pack_into("<QQ", view, 64, 0, 4 + len(data))
    os._exit(0)
