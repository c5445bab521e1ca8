"""From a seed to a program: classes, functions, scenes, a main that calls them, and how it is traced."""

from __future__ import annotations

from . import classes
from .chance import Chance
from .program import IMPORTS, Conduct, Program, block
from .scenes import SCENES
from .soup import Soup

MANAGER = """\
class Manager:
    def __init__(self, name, swallows):
        self.name = name
        self.swallows = swallows
    def __enter__(self):
        return [self.name]
    def __exit__(self, kind, error, traceback):
        return self.swallows
"""


def generated(seed: int) -> Program:
    """The program of a seed."""
    chance = Chance(seed)
    lines = [*IMPORTS.splitlines(), *classes.PRELUDE.splitlines(), *MANAGER.splitlines()]
    instances: list[str] = []
    endless = False
    for number in range(chance.weighted([(1, 0), (2, 1), (3, 2), (3, 3), (1, 5)])):
        made = chance.weighted(classes.MAKERS)(chance, f"C{number}")
        lines += made.lines
        instances.append(made.instance)
        endless = endless or any(mark in line for line in made.lines for mark in classes.ENDLESS)
    calls: list[str] = []
    for number, scene in enumerate(chance.some(SCENES, chance.between(0, 3))):
        lines += scene(chance, f"scene{number}", instances)
        calls.append(f"scene{number}()")
    outside = Soup(chance, {}, instances, ())
    outside.outer = "global"
    for number in range(chance.between(0, 2)):
        soup = Soup(chance, {"p": "list", "q": "dict", "r": "any"}, instances, calls[:1])
        body = soup.body(chance.between(2, 8))
        lines += block(
            f"def work{number}(p, q, r={outside.value(0)}, *args, k=1, **kw):",
            [*body, f"return {chance.pick(list(soup.known) or ['SHARED'])}"],
        )
        calls.append(f"work{number}([1, [2]], {{'a': {{}}}}, {outside.value(1)}, *'xy', z=0)")
        calls.append(f"work{number}([], {{}})")
    soup = Soup(chance, {}, instances, calls)
    lines += block("def main():", soup.body(chance.between(4, 16)))
    for call in soup.left:
        lines += block("    try:", [f"    {call}"]) + block("    except BaseException as error:", ["    pass"])
    if chance.once_in(4):
        lines.append("    return " + soup.value())
    traced = "module" if chance.once_in(4) else "main"
    if traced == "module":
        lines += outside.body(chance.between(3, 8))
    given = conduct(chance, traced, [call.partition("(")[0] for call in calls])
    if endless:
        # Each repr takes its whole budget of lines.
        given = given._replace(events=min(given.events, 30), each=1)
    return Program("\n".join(lines) + "\n", given)


def conduct(chance: Chance, traced: str, names: list[str]) -> Conduct:
    """How it is traced: mostly as people do, sometimes so that a limit is reached or a lane is full."""
    given = Conduct(
        policy=chance.weighted([(6, "repr"), (1, "safe"), (2, "fields")]),
        events=chance.weighted([(6, 600), (3, 2_000), (1, chance.between(1, 60))]),
        traced=traced,
    )
    if chance.once_in(6):
        given = given._replace(characters=chance.pick([0, 1, 2, 3, 5, 10, 21, 60, 200]))
    if chance.once_in(12):
        given = given._replace(depth=chance.between(1, 4))
    if chance.once_in(12):
        given = given._replace(bytes=chance.between(30, 6_000))
    begin = chance.weighted([(6, "outermost"), (2, "code"), (3, "functions")])
    if begin == "code":
        given = given._replace(begin=begin, name=chance.pick([*names, "main", "helper", "<module>", "g", "__init__"]))
    elif begin == "functions":
        given = given._replace(begin=begin, each=chance.between(1, 3))
    full = chance.below(40)
    if full == 0:
        return given._replace(steps_lane=24 * chance.between(1, 200))
    if full == 1:
        return given._replace(text_lane=8 * chance.between(1, 800))
    if full == 2:
        return given._replace(notes_lane=8 * chance.between(1, 120))
    return given
