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
    view[text_at : text_at + 2 * count] = b"{}" * count
    first, *others = [struct.pack("<QIIIHBB", 2 * at + 2, 1, 0, 1, at % 2, at > 0, 0) for at in range(count)]
    texts = ['{"note":"file","path":"<program>"}']
    begin = '{"note":"begin","trace":%d,"thread":0,"step":0,"file":0,"line":1,"name":"f","node":"","call":1}'
    texts += [begin % number for number in range(2000)]
    notes = b"".join(struct.pack("<I", len(text)) + text.encode("ascii") for text in texts)
    assert len(notes) < notes_size
    sys.settrace(None)
    ctypes.pythonapi.PyEval_SetTrace(None, None)
    view[steps_at : steps_at + 24 * count] = first + b"".join(others)
    view[notes_at : notes_at + len(notes)] = notes
    struct.pack_into("<QQ", view, 64, count, len(notes))
    os._exit(0)
