"""Arguments for a function's parameters: later ones are often found in the first, so that conditions hold.

Knows what the parameters take, not what the function does with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .chance import Chance
from .literals import Literals

if TYPE_CHECKING:
    from .shapes import Parameter


def argument_list(parameters: Sequence[Parameter], literals: Literals) -> str:
    """The arguments of one call, as source."""
    values: list[object] = []
    for parameter in parameters:
        values.append(_related(parameter, values[0], literals) if values else literals.value(parameter.kind))
    return ", ".join(written(value, literals.chance) for value in values)


def _related(parameter: Parameter, first: object, literals: Literals) -> object:
    """A value that has something to do with the first argument, in most cases."""
    chance = literals.chance
    kind = parameter.kind
    if chance.often(40):
        return literals.value(kind)
    if isinstance(first, str) and first:
        if kind == "piece":
            if parameter.name in ("prefix", "suffix", "old", "sub"):
                length = chance.between(1, min(3, len(first)))
                return first[:length] if parameter.name != "suffix" else first[-length:]
            return chance.pick(first)
        if kind == "int" and parameter.name != "width":
            return chance.below(len(first))
    if isinstance(first, (list, tuple)) and first and parameter.name != "width":
        member = chance.pick(first)
        if kind == "int":
            return member if isinstance(member, int) and chance.often(60) else chance.below(len(first))
        if kind == "piece" and isinstance(member, str) and member:
            return member if chance.often(60) else chance.pick(member)
    if isinstance(first, dict) and first:
        key = chance.pick(list(first))
        if isinstance(key, int) == (kind == "int") and kind in ("int", "piece"):
            return key
    if kind == "int":
        return chance.below(10)
    return literals.value(kind)


def written(value: object, chance: Chance) -> str:
    """A value as source: a literal, or, seldom, a call that makes it."""
    if chance.often(4):
        if isinstance(value, dict) and all(isinstance(key, str) and key.isidentifier() for key in value):
            return f"dict({', '.join(f'{key}={held!r}' for key, held in value.items())})"
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return f"{' '.join(value)!r}.split()" if not any(map(_split, value)) else repr(value)
        if isinstance(value, str) and value.isupper() and value.isascii():
            return f"{value.lower()!r}.upper()"
    return repr(value)


def _split(text: str) -> bool:
    return len(text.split()) != 1
