"""What this Python does: each quirk a named flag, its evidence above it.  Call sites never compare versions."""

from __future__ import annotations

import dis
import sys
from typing import Any

OLDEST = (3, 8)
NEWEST = (3, 13)

_version = sys.version_info[:2]

supported = OLDEST <= _version <= NEWEST and sys.implementation.name == "cpython"

# PEP 709: 3.12 inlines list, dict and set comprehensions.  Before, each is a frame of its own.
comprehensions_are_frames = _version < (3, 12)

# CPython #74929, until PEP 667 (3.13): frame.f_locals is a snapshot, and it is written back to the frame
# after a trace function returns.  A cell that another thread changed meanwhile gets its old value again.
reading_locals_writes_back = _version < (3, 13)

# gh-94510 and its kin: in 3.11 sys.call_tracing clears the counter but leaves cframe.use_tracing at 0, so no
# event arrives until somebody sets the trace function again.
call_tracing_stays_off = _version == (3, 11)

# co_qualname came with 3.11.
codes_know_their_qualified_name = _version >= (3, 11)


def _opcodes(*names: str) -> frozenset[int]:
    return frozenset(dis.opmap[name] for name in names if name in dis.opmap)


# The instruction at f_lasti when a RETURN event is a return ...
RETURNING = _opcodes("RETURN_VALUE", "RETURN_CONST")

# ... when it is a yield or an await: 3.13 stands on the RESUME behind YIELD_VALUE already ...
YIELDING = _opcodes("YIELD_VALUE", "RESUME")

# ... and when an exception was raised by a statement of the program, not by a C function or a signal.
RAISING = _opcodes("RAISE_VARARGS", "RERAISE")

_RESUME = _opcodes("RESUME")
_YIELD_FROM = _opcodes("YIELD_FROM")


def op_at(ops: bytes, at: int) -> int:
    """The instruction at an offset; -1 where there is none."""
    return ops[at] if 0 <= at < len(ops) else -1


def yields(ops: bytes, at: int) -> bool:
    """Whether a RETURN event at this f_lasti is a yield or an await, if nothing was raised there.

    Up to 3.10 ``yield from`` and ``await`` step back when they yield, to run again when they go on: f_lasti
    stands on the instruction before YIELD_FROM, always a LOAD_CONST.
    """
    if not 0 <= at < len(ops):
        return False
    return ops[at] in YIELDING or (at + 2 < len(ops) and ops[at + 2] in _YIELD_FROM)


# 3.12 mixes up the inlined comprehensions of modules and class bodies once f_locals was read while one runs: the
# namespace is copied over the comprehension's names, and ``n = 5; [n for n in "ab" if [m for m in "c"]]`` is [5, 5].
# So f_locals is read once, before, and those names are not shown.
reading_locals_spoils_comprehensions = _version == (3, 12)

# PEP 667: while such a comprehension runs, 3.13's f_locals holds its names alone, in a proxy.
LOCALS_PROXY: Any = type((lambda: sys._getframe().f_locals)())

# What an asynchronous generator yields leaves its frame in a wrapper that no Python code sees.
ASYNC_YIELD = "async_generator_wrapped_value"


def resumes(ops: bytes, at: int) -> bool:
    """Whether a generator's CALL event at this f_lasti is a resumption, not its start.

    Up to 3.10 a frame that has not started stands at -1.  From 3.11 it stands on a RESUME whose argument's
    two low bits are 0; after a yield they are not, and where an exception is thrown in there is no RESUME.
    """
    return at >= 0 and not (ops[at] in _RESUME and ops[at + 1] & 3 == 0)


def flags_of_instructions() -> bytes:
    """The same facts for the C core (native/interpreter.h): a byte of flags for each instruction."""
    flags = bytearray(256)
    for bit, opcodes in enumerate((RETURNING, YIELDING, RAISING, _RESUME, _YIELD_FROM)):
        for opcode in opcodes:
            flags[opcode] |= 1 << bit
    return bytes(flags)
