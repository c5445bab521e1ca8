"""A valid recording of many traces that hold each other: what a reader makes of it costs most."""

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
    tries.did("traces in traces")
    tries.say()
    steps_at, steps_size, text_at, _, notes_at, notes_size = struct.unpack_from("<QQQQQQ", view, 16)
    count = steps_size // 24
    one = struct.pack("<QIIIHBB", 0, 1, 0, 1, 0, 1, 0)
    other = struct.pack("<QIIIHBB", 0, 1, 0, 1, 1, 1, 0)
    view[text_at : text_at + 2] = b"{}"
    first = struct.pack("<QIIIHBB", 2, 1, 0, 1, 0, 1, 0)
    view[steps_at : steps_at + 24 * count] = (one + other) * (count // 2) + one * (count % 2)
    used = 0

    def note(text):
        data = text.encode("ascii")
        struct.pack_into("<I", view, notes_at + used, len(data))
        view[notes_at + used + 4 : notes_at + used + 4 + len(data)] = data
        return used + 4 + len(data)

    used = note('{"note":"file","path":"<program>"}')
    for number in range(2000):
        text = '{"note":"begin","trace":%d,"thread":0,"step":0,"file":0,"line":1,"name":"f","node":"","call":1}' % number
        if used + len(text) + 8 > notes_size:
            break
        used = note(text)
    struct.pack_into("<QQ", view, 64, count, used)
    assert first
    os._exit(0)
