"""Argument lists that are known to shapes like them: an example tells what a function takes.  Takes text apart only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tracegen.inputs import shapes
from tracegen.inputs.admission import call_of
from tracegen.inputs.shapes import ANY, Form, Shape, choice, mapped, union
from tracegen.inputs.signature import Kind, Parameter

MOST_EXAMPLES = 24
DEEPEST = 4
BY_TYPE = {bool: shapes.BOOL, int: shapes.INT, float: shapes.FLOAT, complex: Shape(Form.COMPLEX), str: shapes.STR,
           bytes: shapes.BYTES, type(None): shapes.NONE}  # fmt: skip
BY_NODE: dict[type[ast.expr], Form] = {ast.List: Form.LIST, ast.Set: Form.SET}


def likenesses(argument_lists: Iterable[str], parameters: Sequence[Parameter]) -> dict[str, Shape]:
    """The shapes of what examples give to each parameter, by its name."""
    found: dict[str, dict[Shape, float]] = {}
    for text in list(argument_lists)[:MOST_EXAMPLES]:
        call = call_of(text)
        for name, node in _given(call, parameters) if call is not None else []:
            seen = found.setdefault(name, {})
            shape = likeness(node)
            seen[shape] = seen.get(shape, 0) + 1
    return {name: union(_without_any(seen)) for name, seen in found.items()}


def _given(call: ast.Call, parameters: Sequence[Parameter]) -> list[tuple[str, ast.expr]]:
    """Which parameter gets which expression, as far as it shows."""
    by_place = [each for each in parameters if each.kind in (Kind.POSITIONAL, Kind.EITHER)]
    rest = [each for each in parameters if each.kind is Kind.VAR_POSITIONAL]
    pairs = []
    for at, node in enumerate(call.args):
        if isinstance(node, ast.Starred):
            break
        if at < len(by_place):
            pairs.append((by_place[at].name, node))
        elif rest:
            pairs.append((rest[0].name, node))
    return pairs + [(each.arg, each.value) for each in call.keywords if each.arg]


def likeness(node: ast.expr, depth: int = 0) -> Shape:
    """A shape whose values are like a literal; what is no literal stands for itself.

    >>> likeness(ast.parse("[1, 2]", mode="eval").body) == shapes.listed(shapes.INT)
    True
    """
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        node = node.operand
    if isinstance(node, ast.Constant):
        return BY_TYPE.get(type(node.value), ANY)
    if depth >= DEEPEST:
        return ANY
    if type(node) in BY_NODE:
        return Shape(BY_NODE[type(node)], (_merged(getattr(node, "elts", []), depth),))
    if isinstance(node, ast.Tuple):
        if len(node.elts) > 4:
            return Shape(Form.TUPLES, (_merged(node.elts, depth),))
        return Shape(Form.TUPLE, tuple(likeness(each, depth + 1) for each in node.elts))
    if isinstance(node, ast.Dict):
        return mapped(_merged([key for key in node.keys if key is not None], depth), _merged(node.values, depth))
    if any(isinstance(each, ast.Starred) for each in ast.walk(node)):
        return ANY
    return choice(ast.unparse(node))


def _merged(nodes: Sequence[ast.expr], depth: int) -> Shape:
    seen: dict[Shape, float] = {}
    for node in nodes[:20]:
        shape = likeness(node, depth + 1)
        seen[shape] = seen.get(shape, 0) + 1
    return union(_without_any(seen))


def _without_any(seen: dict[Shape, float]) -> dict[Shape, float]:
    known = {shape: weight for shape, weight in seen.items() if shape != ANY}
    return known or seen
