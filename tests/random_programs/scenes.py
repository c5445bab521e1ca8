"""Functions that each do one thing which tracers find hard, with holes that chance fills.

In a template ``$v`` is a value, ``$o`` an object of the program's or a value, ``$h`` a hashable value, ``$i`` a small
int, ``$e`` an exception to raise, ``$c`` a class to catch, ``$n`` a number from 2 to 5, and SCENE the function's name.
"""

from __future__ import annotations

import re
from typing import Callable, List, Sequence

from . import calls, containers, coroutines, deaths, failures, generators, reprs
from .chance import Chance
from .literals import SMALL_INTS, hashable, value

RAISED = [
    *("ValueError($v)", "KeyError('k')", "Own('own')", "StopIteration($i)", "Odd()", "Exception", "GeneratorExit"),
    *("SystemExit(2)", "RuntimeError('r', [1])", "StopAsyncIteration", "ZeroDivisionError('é')", "OSError(2, 'no')"),
]
CAUGHT = ["BaseException", "Exception", "(ValueError, KeyError)", "ValueError", "Own", "(Exception, Own)"]

Scene = Callable[[Chance, str, Sequence[str]], List[str]]


def _scene(template: str) -> Scene:
    def scene(chance: Chance, name: str, instances: Sequence[str]) -> list[str]:
        def filled(match: re.Match[str]) -> str:
            hole = match.group()
            if hole == "$o":
                return chance.pick(instances) if instances and not chance.once_in(3) else value(chance, [], 1)
            if hole == "$e":
                return _HOLE.sub(filled, chance.pick(RAISED))
            made: dict[str, Callable[[], str]] = {
                "$v": lambda: value(chance, [], 1),
                "$h": lambda: hashable(chance),
                "$i": lambda: chance.pick(SMALL_INTS),
                "$c": lambda: chance.pick(CAUGHT),
                "$n": lambda: str(chance.between(2, 5)),
                "SCENE": lambda: name,
            }
            return made[hole]()

        return _HOLE.sub(filled, template).strip("\n").split("\n")

    return scene


_HOLE = re.compile(r"\$[voheicn]|SCENE")

SUBJECTS = {
    "calls": calls.TEMPLATES,
    "containers": containers.TEMPLATES,
    "coroutines": coroutines.TEMPLATES,
    "deaths": deaths.TEMPLATES,
    "failures": failures.TEMPLATES,
    "generators": generators.TEMPLATES,
    "reprs": reprs.TEMPLATES,
}
SCENES: list[Scene] = [_scene(template) for templates in SUBJECTS.values() for template in templates]
