"""Does every statement of a program have a part in what it returns?  Code in vain teaches nothing.

Names only, read backwards from the returns, until nothing is added: a statement matters if it writes, or changes in
place, a name that matters.  Knows nothing of values.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

_SILLY = re.compile(
    r"\b(sorted|list|str|int|len|set)\((?:\1|sorted|list)\("  # list(sorted(…))
    r"|\(\)\.(upper|lower|title|swapcase|capitalize)\(\)\.(upper|lower|casefold)"  # .upper().lower()
    r"|(?<![\w.])\d+ ([-+*%]|//) \d+(?![\w.])|(min|max)\(-?\d+, -?\d+\)"  # 1 + 1
    r"|\b(if|not|and|or|while) (True|False)\b(?!:)"
    r"|\blen\('|(?<!\w)'[^' ]*' (==|!=|in|not in) '"  # len(''), 'a' == 'b'
    r"|(?<![\w.'])''\.(?!join)"
)
_Block = list[ast.stmt]


def matters(code: str) -> bool:
    """Whether each statement and each parameter of the code matters, and nothing in it is silly."""
    if _SILLY.search(code):
        return False
    functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    called = {
        node.func.id
        for node in ast.walk(functions[-1])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return all(map(_all_matters, functions)) and {function.name for function in functions[:-1]} <= called


def _all_matters(function: ast.FunctionDef) -> bool:
    if (
        len(function.body) == 1
        and isinstance(only := function.body[0], ast.Return)
        and isinstance(only.value, ast.Name)
    ):
        return False
    if any(_overwritten(block) for block in _blocks(function.body)):
        return False
    known: set[str] = set()
    while True:
        before = len(known)
        _mark(function.body, known)
        if len(known) == before:
            break
    parameters = {argument.arg for argument in function.args.args}
    return parameters <= known and all(_writes(s) & known for b in _blocks(function.body) for s in b if _plain(s))


def _blocks(block: _Block) -> Iterator[_Block]:
    yield block
    for statement in block:
        for name in ("body", "orelse", "handlers"):
            inner = getattr(statement, name, [])
            if inner and isinstance(inner[0], ast.ExceptHandler):
                for handler in inner:
                    yield from _blocks(handler.body)
            elif inner:
                yield from _blocks(inner)


def _plain(statement: ast.stmt) -> bool:
    """Whether a statement is there for what it writes."""
    return isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.Delete))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _writes(statement: ast.stmt) -> set[str]:
    """The names that a plain statement binds, or changes in place."""
    if isinstance(statement, ast.Assign):
        return set().union(*map(_root, statement.targets)) | _popped(statement.value)
    if isinstance(statement, ast.AugAssign):
        return _root(statement.target)
    if isinstance(statement, ast.Delete):
        return set().union(*map(_root, statement.targets))
    if isinstance(statement, ast.Expr) and isinstance(call := statement.value, ast.Call):
        return _root(call.func) if isinstance(call.func, ast.Attribute) else set()
    return set()


def _root(target: ast.expr) -> set[str]:
    if isinstance(target, ast.Tuple):
        return set().union(*map(_root, target.elts))
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return {target.id} if isinstance(target, ast.Name) else set()


def _popped(value: ast.expr) -> set[str]:
    """The containers from which an expression takes something out."""
    calls = [n for n in ast.walk(value) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    return set().union(
        *(_root(call.func) for call in calls if isinstance(f := call.func, ast.Attribute) and f.attr.startswith("pop"))
    )


def _mark(block: _Block, known: set[str]) -> bool:
    """Add the names that the block's statements read, where these matter; whether any does."""
    any_matters = False
    for statement in block:
        if isinstance(statement, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
            known |= _names(statement)
            any_matters = True
        elif _plain(statement):
            if _writes(statement) & known:
                known |= _names(statement)
                any_matters = True
        else:
            inner = [_mark(each, known) for each in _blocks([statement]) if each != [statement]]
            if any(inner):
                any_matters = True
                for part in ("test", "iter"):
                    if hasattr(statement, part):
                        known |= _names(getattr(statement, part))
    return any_matters


def _overwritten(block: _Block) -> bool:
    """Whether a name is bound, and bound anew by the next statement, which does not read it."""
    for one, other in itertools.pairwise(block):
        if isinstance(one, (ast.Assign, ast.AugAssign)) and isinstance(other, ast.Assign):
            bound = {t.id for t in other.targets if isinstance(t, ast.Name)} & _writes(one)
            if bound and not bound & _names(other.value):
                return True
    return False
