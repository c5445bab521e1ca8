"""The names of an excerpt's modules in its one namespace: where a name has two meanings, one is spelled otherwise.

Knows nothing of how a statement is changed to another spelling: see siblings.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tracegen.programs.effects import ANY
from tracegen.programs.layout import Piece
from tracegen.programs.siblings import CONFLICT, Target
from tracegen.programs.statements import Refused

REACHING = frozenset({"globals", "exec", "eval"})
"""What finds a name by its text: a module that does so keeps its spellings."""

_WORD = re.compile(r"\w+")


class Spelling:
    """How each module's names are spelled; ``inlined`` are those that are another module's."""

    def __init__(self, inlined: Mapping[tuple[str, str], Target]) -> None:
        self._inlined = inlined
        self.renamed: dict[Target, str] = {}

    def origin(self, target: Target) -> Target:
        """Where a name is defined, if it has the same spelling on all the way there."""
        seen = {target}
        while (found := self._inlined.get((target.module, target.name))) is not None:
            if found.name != target.name or found in seen:
                break
            seen.add(found)
            target = found
        return target

    def of(self, target: Target) -> str:
        """The spelling of a name of a module."""
        return self.renamed.get(self.origin(target), target.name)

    def renames(self, module: str, names: Iterable[str]) -> dict[str, str]:
        """Those of a module's names that are spelled otherwise."""
        spelled = {name: self.of(Target(module, name)) for name in sorted(names)} if self.renamed else {}
        return {name: new for name, new in spelled.items() if name != new}

    def _is_taken_over(self, target: Target) -> bool:
        found = self._inlined.get((target.module, target.name))
        return found is not None and found.name == target.name

    def unshared(self, rebound: Mapping[str, frozenset[str]]) -> None:
        """Refuse a name that one module took from another and that either binds anew when a function is called."""
        for (user, name), target in self._inlined.items():
            if target.name == name:
                origin = self.origin(target)
                if name in rebound.get(user, ()) or origin.name in rebound.get(origin.module, ()):
                    raise Refused(CONFLICT)

    def settle(
        self, top: Target, pieces: Sequence[Piece], taken: Iterable[Target], builtins: Mapping[str, frozenset[str]]
    ) -> None:
        """Spell otherwise what means two things, or is ``taken``: not ``top``, which is called.

        ``builtins`` are the names that each module has without binding them.  Raises Refused.
        """
        changed = {self.origin(target): None for target in sorted(taken, key=lambda each: (each.module, each.name))}
        for name, meanings in _meanings(pieces).items():
            if len(set(meanings.values())) > 1 and any(self._is_taken_over(Target(each, name)) for each in meanings):
                raise Refused(CONFLICT)
            theirs = next((meaning for module, meaning in meanings.items() if module == top.module), None)
            kept = theirs or next(iter(meanings.values()))
            if any(name in loads for module, loads in builtins.items() if module not in meanings):
                kept = ""
            changed |= {Target(module, name): None for module, meaning in meanings.items() if meaning != kept}
        if not changed:
            return
        words = {word for piece in pieces for word in _WORD.findall(piece.text)}
        for target in changed:
            fixed = target == top or target.name == ANY or target.name.startswith("__")
            if fixed or self._is_taken_over(target) or builtins[target.module] & REACHING:
                raise Refused(CONFLICT)
            self.renamed[target] = _fresh(target, words)


def _meanings(pieces: Iterable[Piece]) -> dict[str, dict[str, str]]:
    """What each name means in each module that binds it: several things in one are its own."""
    found: dict[str, dict[str, str]] = {}
    for piece in pieces:
        for name, meaning in piece.binds.items():
            said = found.setdefault(name, {}).setdefault(piece.module, meaning)
            if said != meaning:
                found[name][piece.module] = f"{piece.module}:{name}"
    return found


def _fresh(target: Target, words: set[str]) -> str:
    """A spelling that occurs nowhere: ``_util_clamp`` for ``_clamp`` of ``pkg.util``."""
    stem = target.module.rpartition(".")[2].strip("_")
    start = ("_" if target.name.startswith("_") else "") + stem + "_" + target.name.lstrip("_")
    found, number = start, 2
    while found in words:
        found, number = f"{start}_{number}", number + 1
    words.add(found)
    return found
