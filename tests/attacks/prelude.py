"""What stands before each attack: it counts what is tried, and lists what is achieved, and prints both as one line.

Only what the kernel or an interpreter's limit answers is a refusal; any other exception is a fault of the attack.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import threading
import time

REFUSALS = (OSError, MemoryError)
_libc = ctypes.CDLL(None, use_errno=True)
_COLUMN = {"x86_64": 0, "aarch64": 1}[os.uname().machine]


class Tries:
    def __init__(self):
        self.tried = 0
        self.achieved = []
        self.refused = []

    def to(self, what, act, *args):
        """An attempt that fails with a refusal, or by giving nothing."""
        self.tried += 1
        try:
            found = act(*args)
        except REFUSALS as error:
            self.refused.append("{}: {}".format(what, getattr(error, "strerror", None) or type(error).__name__))
            return None
        if found is None or found is False:
            self.refused.append(what)
        else:
            self.achieved.append(what)
        return found

    def did(self, what):
        """An attempt whose success shows elsewhere."""
        self.tried += 1
        self.refused.append(what)

    def say(self):
        said = {"tried": self.tried, "achieved": self.achieved, "refused": self.refused}
        os.write(1, ("\nATTACK " + json.dumps(said) + "\n").encode("ascii"))


def system_call(numbers, *args):
    """The answer of a system call; (x86-64, 64-bit ARM)."""
    number = numbers[_COLUMN]
    if number is None:
        raise OSError(errno.ENOSYS, "no such system call here")
    ctypes.set_errno(0)
    found = _libc.syscall(*[ctypes.c_long(each) if isinstance(each, int) else each for each in (number,) + args])
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


def reached(act, *args):
    """Whether the kernel looked at it at all: any answer but a plain no."""
    try:
        act(*args)
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.ENOSYS, errno.EACCES, errno.ENOTSUP)
    return True


def in_child(act, *args):
    """Whether it gives something in a child of ours, which ends with it."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = 0 if act(*args) not in (None, False) else 1
        except REFUSALS:
            pass
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def read(path):
    with open(path, "rb") as stream:
        return stream.read(1 << 16)


def write_and_remove(path):
    with open(path, "xb") as stream:
        stream.write(b"attack")
    os.unlink(path)
    return True


def begin(told):
    tries = Tries()
    attack(told, tries)  # noqa: F821
    tries.say()
