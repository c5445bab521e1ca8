"""The parts of an excerpt as text: import statements put together, blank lines, modules in an order that runs.

Knows nothing of what is kept and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tracegen.programs.effects import Import
from tracegen.programs.siblings import INSIDE
from tracegen.programs.statements import Refused

LINE = 100
"""Characters: an import that is put together anew is wrapped beyond this."""

_RELATIVE = re.compile(rb"from\s*\.[\s.\w]*?\bimport\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive lines of an excerpt, each with its line in the module; ``blanks`` empty ones stand above it there.

    ``binds`` says what each name means: the same in two modules if the text is.
    """

    module: str
    lines: tuple[tuple[str, int], ...]
    binds: Mapping[str, str]
    blanks: int
    imports: bool
    defines: bool

    @property
    def text(self) -> str:
        """The lines as they are shown."""
        return "".join(line for line, _ in self.lines)


def ordered(root: str, needs: Mapping[str, Mapping[str, bool]]) -> list[str]:
    """Modules, each after those that it needs when it is loaded (True), and if possible after those of its functions.

    >>> ordered("core", {"core": {"shell": False, "types": True}, "shell": {"core": True}})
    ['types', 'core', 'shell']
    """
    loading = {name: [each for each, at_load in needed.items() if at_load] for name, needed in needs.items()}
    waiting = _deep([root], needs)
    fallback = _deep([root, *waiting], loading)
    order: list[str] = []
    while waiting:
        left = set(waiting)
        ready = [each for each in waiting if left.isdisjoint({*loading.get(each, ())} - {each})]
        best = [each for each in ready if left.isdisjoint(needs.get(each, {}).keys() - {each})]
        # Modules that need each other when they are loaded: as Python meets them, and one may run too early.
        order.append([*best, *ready, *(each for each in fallback if each in left)][0])
        waiting.remove(order[-1])
    return order


def _deep(roots: Iterable[str], needs: Mapping[str, Iterable[str]]) -> list[str]:
    order: dict[str, None] = {}
    seen: set[str] = set()
    for root in roots:
        path = [] if root in seen else [(root, iter(needs.get(root, ())))]
        seen.add(root)
        while path:
            name, further = path[-1]
            following = next((each for each in further if each not in seen), None)
            if following is None:
                order[name] = None
                path.pop()
            else:
                seen.add(following)
                path.append((following, iter(needs.get(following, ()))))
    return list(order)


def gap(previous: Piece | None, piece: Piece) -> int:
    """The empty lines above a piece: as many as above it in its module, but at least one about a definition."""
    if previous is None:
        return 0
    if previous.imports and piece.imports:
        return min(1, piece.blanks) if previous.module == piece.module else 0
    apart = previous.imports != piece.imports or previous.defines or piece.defines or previous.module != piece.module
    return max(int(apart), min(2, piece.blanks))


def import_lines(needed: list[Import]) -> Iterator[str]:
    """Import statements for names; those of one module in one."""
    for each in needed:
        if not each.name:
            yield f"import {each.what}\n"
    named = [each for each in needed if each.name]
    if named:
        start, names = f"from {named[0].module} import ", [each.what for each in named]
        line = start + ", ".join(names)
        yield from [line + "\n"] if len(line) <= LINE else [start + "(\n", *(f"    {name},\n" for name in names), ")\n"]


def without_dots(lines: list[tuple[str, int]], first: int, imports: tuple[Import, ...]) -> list[tuple[str, int]]:
    """The relative imports of an installed module, in its blocks and functions, as absolute ones."""
    places = {(each.line, each.column): each.module for each in imports if each.relative}
    for (line, column), module in sorted(places.items(), reverse=True):
        text = lines[line - first][0].encode("utf-8")
        matched = _RELATIVE.match(text, column)
        if matched is None or not module:
            raise Refused(INSIDE)
        changed = text[:column] + f"from {module} import".encode() + text[matched.end() :]
        lines[line - first] = (changed.decode("utf-8"), line)
    return lines
