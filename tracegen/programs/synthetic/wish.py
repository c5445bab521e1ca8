"""What a program is to be like, drawn before it is written: its plan, what it takes, what it gives.

Candidates that turn out otherwise are thrown away, so that these shares are those of the programs that are left,
however many candidates of a sort are.  The weights are CRUXEval's shares (docs/synthetic.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance

PLANS = (
    (120, "straight"), (100, "assigned"), (100, "changed"), (160, "branches"), (430, "loop"), (112, "while"),
    (12, "try"), (10, "recursion"), (15, "helper"),
)  # fmt: skip
FIRST = (
    (590, "str"), (198, "list[int]"), (54, "list[str]"), (42, "dict[str,int]"), (24, "dict[int,int]"),
    (12, "dict[str,str]"), (16, "dict[int,str]"), (32, "int"), (12, "list[list[int]]"), (8, "tuple[int]"),
    (8, "list[tuple]"),
)  # fmt: skip
MORE = {
    "str": ((58, "piece"), (14, "str"), (36, "int"), (4, "list[str]")),
    "int": ((5, "str"), (4, "int"), (3, "list[int]")),
    "list[int]": ((70, "int"), (22, "list[int]"), (4, "str")),
    "list[str]": ((40, "piece"), (10, "str"), (25, "int"), (12, "list[str]"), (10, "list[int]")),
    "dict": ((40, "key"), (14, "value"), (10, "same"), (10, "int")),
}
RECURSIVE = {"str": "str", "int": "int", "list[int]": "int", "list[str]": "str"}
"""What a recursion takes, and gives."""

COUNTS = ((500, 1), (395, 2), (125, 3), (12, 4))
RESULTS = {
    "str": (
        (320, "str"), (58, "int"), (42, "bool"), (15, "str, empty"), (14, "list of str"), (8, "tuple"),
        (6, "list of int"), (4, "dict"), (4, "list"), (3, "list, empty"), (2, "other"),
    ),
    "list[int]": (
        (87, "list of int"), (26, "int"), (19, "list, empty"), (9, "str"), (7, "list"), (5, "bool"), (4, "dict"),
        (2, "str, empty"), (2, "tuple"), (1, "list of str"), (1, "dict, empty"),
    ),
    "list[str]": (
        (17, "list of str"), (6, "str"), (6, "dict"), (4, "int"), (4, "list of int"), (3, "list, empty"), (2, "list"),
        (1, "dict, empty"), (1, "bool"),
    ),
    "dict": (
        (34, "dict"), (13, "dict, empty"), (8, "list"), (7, "str"), (5, "tuple"), (3, "list of str"), (3, "int"),
        (2, "list of int"), (1, "list, empty"), (1, "bool"),
    ),
    "int": ((9, "str"), (6, "int"), (3, "list of int"), (2, "list"), (2, "bool"), (2, "list of str")),
    "": ((7, "list"), (4, "list of int"), (4, "str"), (4, "int"), (1, "list, empty"), (1, "tuple"), (1, "other")),
}  # fmt: skip
"""What is given, for what is taken first."""

LINES = ((70, 0), (8, 7), (9, 8), (6, 9), (4, 10), (3, 11))
STEPS = ((81, 0), (10, 14), (6, 26), (2, 60), (1, 110))


@dataclass(frozen=True, slots=True)
class Wish:
    """``result`` is as `described`; ``waste`` and ``constant`` allow code in vain, and arguments without effect.

    ``method``: it has a call of a method.  ``lines`` and ``steps`` are the least that it may have.
    """

    plan: str
    kinds: tuple[str, ...]
    result: str
    waste: bool
    constant: bool
    method: bool
    lines: int
    steps: int


def drawn(chance: Chance) -> Wish:
    """A wish that can be fulfilled, if not always soon."""
    first = chance.weighted(FIRST)
    result = chance.weighted(RESULTS.get(first) or RESULTS["dict" if first.startswith("dict") else ""])
    others = MORE.get(first) or MORE["dict" if first.startswith("dict") else "list[int]"]
    kinds = [first]
    for _ in range(chance.weighted(COUNTS) - 1):
        kind = chance.weighted(others)
        if kind in ("key", "value", "same"):
            held = first[5:-1].split(",")
            kind = {"key": held[0], "value": held[1], "same": first}[kind]
            kind = "piece" if kind == "str" else kind
        kinds.append(kind)
    plan = chance.weighted(PLANS)
    if plan == "recursion":
        kinds[0] = first = chance.pick(tuple(RECURSIVE))
        result = RECURSIVE[first]
    if plan == "helper":
        result = chance.pick(("str", "int"))
    loops = plan in ("loop", "while")
    return Wish(
        plan,
        tuple(kinds),
        result,
        waste=chance.often(16),
        constant="empty" in result or chance.often(20),
        method=chance.often(60),
        lines=chance.weighted(LINES) if loops or plan == "branches" else 0,
        steps=chance.weighted(STEPS) if loops else 0,
    )


def described(value: object) -> str:
    """Which of `RESULTS` a value is."""
    if isinstance(value, (bool, int)):
        return type(value).__name__
    if value in ("", [], {}) and not isinstance(value, tuple):
        return f"{type(value).__name__}, empty"
    if isinstance(value, list):
        kinds = {type(each).__name__ for each in value}
        return f"list of {kind}" if len(kinds) == 1 and (kind := kinds.pop()) in ("int", "str") else "list"
    return type(value).__name__ if isinstance(value, (str, dict, tuple)) else "other"
