"""Makes a program smaller while it keeps doing something: delta debugging over its statements and expressions.

Knows Python's syntax, and nothing of what the program is wanted for.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from textwrap import dedent, indent

from tests.random_programs.program import Conduct, Program

FirstOf = Callable[[Sequence[Program]], "int | None"]
"""The index of the first program that still does it; None if none does."""

BATCH = 40
"""Programs that are tried at a time."""

CHUNKS = (64, 16, 4, 2, 1)
"""So many statements at once are left out, in this order."""

SMALLER = ("0", "None", "[]", "''")
"""What may stand for any expression."""


def shrunk(program: Program, first_of: FirstOf) -> Program:
    """The program when no single step makes it smaller any more."""
    before = None
    while program != before:
        before = program
        program = _pass(program, _plainer, first_of)
        for size in CHUNKS:
            program = _pass(program, _sources(partial(_without, size=size)), first_of)
        for edits in (_unwrapped, _without_clauses, _passes, _simpler, _fewer):
            program = _pass(program, _sources(edits), first_of)
    return program


def _pass(program: Program, make: Callable[[Program], list[Program]], first_of: FirstOf) -> Program:
    """Take each of the edits that leaves the program doing it, once through."""
    at = 0
    while True:
        made = make(program)
        for start in range(at, len(made), BATCH):
            found = first_of(made[start : start + BATCH])
            if found is not None:
                at, program = start + found, made[start + found]
                break
        else:
            return program


def _sources(edits: Callable[[str], Iterator[str]]) -> Callable[[Program], list[Program]]:
    """Edits of the text as edits of the program; what does not compile is left out."""

    def made(program: Program) -> list[Program]:
        sources = dict.fromkeys(source for source in edits(program.source) if _compiles(source))
        sources.pop(program.source, None)
        return [program._replace(source=source) for source in sources]

    return made


def _compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _plainer(program: Program) -> list[Program]:
    """Traced as programs are by default, but for one setting less."""
    plain = Conduct()._asdict()
    return [
        program._replace(conduct=program.conduct._replace(**{name: plain[name]}))
        for name, given in program.conduct._asdict().items()
        if given != plain[name]
    ]


def _blocks(source: str) -> Iterator[list[ast.stmt]]:
    """Every list of statements, outer ones first."""
    for node in ast.walk(ast.parse(source)):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                yield body


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _last_line(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def _cut(source: str, first: int, last: int, instead: str = "") -> str:
    """The lines from first to last left out; lines count from 1."""
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: first - 1], instead, *lines[last:]])


def _without(source: str, size: int) -> Iterator[str]:
    """So many neighbouring statements left out; a block of which nothing is left is a ``pass``."""
    for body in _blocks(source):
        if size > 1 and len(body) < size // 4 + 1:
            continue
        for start in range(0, len(body), max(size // 2, 1)):
            chosen = body[start : start + size]
            if len(chosen) == len(body) and isinstance(body[0], ast.Pass):
                continue
            instead = " " * body[0].col_offset + "pass\n" if len(chosen) == len(body) else ""
            yield _cut(source, _first_line(chosen[0]), _last_line(chosen[-1]), instead)


def _unwrapped(source: str) -> Iterator[str]:
    """A compound statement, but for its first body."""
    for body in _blocks(source):
        for statement in body:
            inner = getattr(statement, "body", None)
            if isinstance(inner, list) and inner[0].lineno > statement.lineno:
                lines = source.splitlines(keepends=True)[_first_line(inner[0]) - 1 : _last_line(inner[-1])]
                moved = indent(dedent("".join(lines)), " " * statement.col_offset)
                yield _cut(source, _first_line(statement), _last_line(statement), moved)


def _without_clauses(source: str) -> Iterator[str]:
    """An except, else or finally left out."""
    for node in ast.walk(ast.parse(source)):
        for handler in getattr(node, "handlers", []):
            yield _cut(source, handler.lineno, handler.end_lineno)
        for field in ("orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                # Its keyword stands on a line of its own in front, as the generator writes it.
                yield _cut(source, _first_line(body[0]) - 1, _last_line(body[-1]))


Place = ast.stmt | ast.expr | ast.keyword


def _offset(source: str, line: int, column: int) -> int:
    """From a line and a column of bytes, as syntax trees have them, to a place in the text."""
    lines = source.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def _start(source: str, node: Place) -> int:
    return _offset(source, node.lineno, node.col_offset)


def _end(source: str, node: Place) -> int:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return _offset(source, node.end_lineno, node.end_col_offset)


def _between(source: str, start: int, end: int, text: str) -> str:
    return source[:start] + text + source[end:]


def _replaced(source: str, node: Place, text: str) -> str:
    return _between(source, _start(source, node), _end(source, node), text)


def _passes(source: str) -> Iterator[str]:
    """One of several statements of a line as ``pass``; and a ``pass`` among several left out."""
    yield source.replace("; pass\n", "\n").replace(" pass; ", " ")
    for body in _blocks(source):
        for statement in body:
            if [other.lineno for other in body].count(statement.lineno) > 1:
                yield _replaced(source, statement, "pass")


def _fewer(source: str) -> Iterator[str]:
    """An item of a call or a container left out, with its comma; and lines with nothing on them."""
    for node in ast.walk(ast.parse(source)):
        items = [*getattr(node, "args", []), *getattr(node, "keywords", [])] if isinstance(node, ast.Call) else []
        items = items or (getattr(node, "elts", []) if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [])
        for at, item in enumerate(items):
            if at:
                yield _between(source, _end(source, items[at - 1]), _end(source, item), "")
            elif len(items) > 1:
                yield _between(source, _start(source, item), _start(source, items[1]), "")
            else:
                yield _between(source, _start(source, item), _end(source, item), "")
    for number, line in enumerate(source.splitlines(), 1):
        if not line.strip():
            yield _cut(source, number, number)


def _simpler(source: str) -> Iterator[str]:
    """An expression as one that it holds, or as next to nothing; large ones first."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr)]
    segments = {node: ast.get_source_segment(source, node) or "" for node in nodes}
    for node in sorted(nodes, key=lambda node: -len(segments[node])):
        if segments[node] in SMALLER:
            continue
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            continue
        inside = [segments[child] for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        for text in [*SMALLER, *inside]:
            if text and len(text) < len(segments[node]):
                yield _replaced(source, node, text)
