"""Statements spelled otherwise in place: names, attributes and whole statements replaced by other text.

The new text is checked: parsed, it must be the old tree with exactly those nodes replaced.  So an edit that Python's
own positions mislead is no wrong program: inside f-strings they are wrong before 3.12, and names are
searched for there.  Knows nothing of why.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from dataclasses import dataclass

from tracegen.context import lines_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_DEF = re.compile(rb"(async\s+)?def\s+")


@dataclass(frozen=True, slots=True)
class Edit:
    """A node that ``text`` replaces: all of it, but only the name of a function; ``string`` is the f-string around."""

    node: ast.expr | ast.stmt
    text: str
    string: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class _Cut:
    """Bytes of a text, from ``start`` to ``end``, and what takes their place."""

    start: int
    end: int
    text: bytes


def tree_of(text: str) -> ast.Module:
    """A text's tree; what Python warns of in it is not our concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def edited(text: str, tree: ast.Module, edits: list[Edit]) -> list[tuple[str, int]] | None:
    """The lines of a text with nodes of its tree replaced, each with its number before; None if that fails.

    >>> text = "y = f(util.x)\\n"
    >>> tree = tree_of(text)
    >>> edited(text, tree, [Edit(tree.body[0].value.args[0], "x")])
    [('y = f(x)\\n', 1)]
    """
    try:
        cuts = _cuts(text, edits)
    except IndexError:  # a position in an f-string
        cuts = None
    if cuts is None:
        return None
    changed, gone = text.encode("utf-8"), set[int]()
    for cut in sorted(cuts, key=lambda each: each.start, reverse=True):
        first = changed[: cut.start].count(b"\n") + 1
        gone.update(range(first + 1, first + 1 + changed[cut.start : cut.end].count(b"\n")))
        changed = changed[: cut.start] + cut.text + changed[cut.end :]
    numbers = [number for number in range(1, len(lines_of(text)) + 1) if number not in gone]
    try:
        lines = lines_of(changed.decode("utf-8"))
        found = ast.dump(tree_of("".join(lines)))
    except (SyntaxError, UnicodeDecodeError):
        return None
    wanted = ast.dump(_Replaced(tree_of(text), tree, edits).tree)
    return list(zip(lines, numbers, strict=True)) if found == wanted else None


def _cuts(text: str, edits: list[Edit]) -> list[_Cut] | None:
    source = text.encode("utf-8")
    starts = [0]
    for line in source.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        last = (node.end_lineno or node.lineno) - 1
        return starts[node.lineno - 1] + node.col_offset, starts[last] + (node.end_col_offset or 0)

    cuts: list[_Cut] = []
    strings: dict[ast.expr, list[Edit]] = {}
    for edit in edits:
        if edit.string is not None:
            strings.setdefault(edit.string, []).append(edit)
            continue
        start, end = span(edit.node)
        if isinstance(edit.node, Definition):
            matched = _DEF.match(source, start)
            if matched is None:
                return None
            start, end = matched.end(), matched.end() + len(edit.node.name.encode("utf-8"))
        cuts.append(_Cut(start, end, edit.text.encode("utf-8")))
    for string, several in strings.items():
        counts = Counter((ast.unparse(edit.node), edit.text) for edit in several)
        for (old, new), count in counts.items():
            spelling = r"\s*\.\s*".join(map(re.escape, old.split(".")))
            found = re.finditer(rf"(?<![\w.]){spelling}(?!\w)".encode(), source[slice(*span(string))])
            places = [(span(string)[0] + each.start(), span(string)[0] + each.end()) for each in found]
            if len(places) != count:
                # In its text too, perhaps: where positions are right, they tell.
                places = [span(edit.node) for edit in several if (ast.unparse(edit.node), edit.text) == (old, new)]
            cuts += [_Cut(*place, new.encode("utf-8")) for place in places]
    return cuts


class _Replaced(ast.NodeTransformer):
    """A tree with other nodes in the places of some; ``twin`` is the tree whose nodes the edits name."""

    def __init__(self, tree: ast.Module, twin: ast.Module, edits: list[Edit]) -> None:
        named = {id(each.node): each for each in edits}
        pairs = zip(ast.walk(tree), ast.walk(twin), strict=True)
        self._edits = {id(mine): named[id(theirs)] for mine, theirs in pairs if id(theirs) in named}
        self.tree = tree
        self.generic_visit(tree)

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        """The node, or what stands for it."""
        edit = self._edits.get(id(node))
        if edit is None or isinstance(node, Definition):
            if edit is not None and isinstance(node, Definition):
                node.name = edit.text
            replaced: ast.AST = self.generic_visit(node)
            return replaced
        if isinstance(node, ast.expr):
            return ast.Name(edit.text, getattr(node, "ctx", ast.Load()))
        return tree_of(edit.text).body
