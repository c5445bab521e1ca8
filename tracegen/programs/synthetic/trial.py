"""Runs a generated program on arguments, before anybody sees it: does it return, how long, through which lines?

The program is ours, made of a closed grammar, and it gets only the builtins that the grammar uses; every statement
of it counts against a limit, and every value against a size, so nothing that is tried hangs or grows.  What is
found does not depend on the version of Python: lines are counted by calls that are written between them.
"""

from __future__ import annotations

import builtins
import re
import sys
from dataclasses import dataclass
from typing import Any

from .wish import described

STEPS = 600
LARGEST = 500
LONGEST_RESULT = 60
NUMBERS = 10**5

_USED = (
    "abs all any bool dict divmod enumerate filter float int isinstance len list map max min ord range reversed "
    "set sorted str sum tuple type zip Exception ValueError IndexError KeyError TypeError ZeroDivisionError"
)
BUILTINS = {name: getattr(builtins, name) for name in _USED.split()}
_CONTINUES = ("else:", "elif ", "except ", "except:", "finally:", "def ")


class _Enough(BaseException):
    """The program takes too long, or a value grows too large."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: what it returned or how it ended, its steps, and the lines that it went through."""

    returned: bool
    result: str
    kind: str
    steps: int
    lines: frozenset[int]


def watched(code: str) -> str:
    """The program with a call before each statement, and at the start of each loop's body."""
    found = []
    for number, line in enumerate(code.split("\n"), start=1):
        text = line.lstrip()
        indent = line[: len(line) - len(text)]
        if indent and text and not text.startswith(_CONTINUES):
            found.append(f"{indent}_at({number})")
        found.append(line)
        if text.startswith(("for ", "while ")):
            found.append(f"{indent}    _at({number})")
    return "\n".join(found)


class Tried:
    """A program that is ready to be tried; ``statements`` are the lines that a run can go through."""

    def __init__(self, code: str) -> None:
        text = watched(code)
        self._code = compile(text, "<trial>", "exec")
        self.statements = frozenset(int(found) for found in re.findall(r"^ +_at\((\d+)\)$", text, re.MULTILINE))

    def run(self, arguments: str) -> Trial:
        """Call ``f`` with an argument list."""
        hits: list[int] = []

        def at(line: int) -> None:
            hits.append(line)
            if len(hits) > STEPS or any(map(_large, sys._getframe(1).f_locals.values())):
                raise _Enough

        names: dict[str, Any] = {"__builtins__": BUILTINS, "_at": at}
        exec(self._code, names)
        try:
            result = eval(f"f({arguments})", names)
        except MemoryError:
            raise  # Another machine has more: the program would not be the same everywhere.
        except (_Enough, Exception) as error:
            return Trial(False, type(error).__name__, "", len(hits), frozenset(hits))
        return Trial(len(repr(result)) <= LONGEST_RESULT, repr(result), described(result), len(hits), frozenset(hits))


def _large(value: object) -> bool:
    return _left(value, LARGEST) < 0


def _left(value: object, room: int) -> int:
    """What is left of the room when a value has taken its own; less than 0 if it is too large."""
    if isinstance(value, int):
        return room - 1 if abs(value) <= NUMBERS else -1
    if isinstance(value, (str, bytes)):
        return room - len(value) - 1
    room -= 1
    if isinstance(value, dict):
        value = [*value, *value.values()] if len(value) <= room else [*value]
    if isinstance(value, (list, tuple, set)):
        for each in value:
            room = _left(each, room)
            if room < 0:
                break
    return room
