"""Overwrites the recording with noise."""

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
    tries.to("found the recording", lambda: len(view) and None)
    tries.say()
    for at in range(0, len(view) - 4096, 4096):
        view[at : at + 4096] = os.urandom(4096)
    os._exit(0)
