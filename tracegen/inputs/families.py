"""Shapes as evidence: under which form a shape counts, and how likely it makes the others.  Weighs nothing itself."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from tracegen.inputs.evidence import Row
from tracegen.inputs.shapes import ANY, Form, Shape

FAMILY = {
    **dict.fromkeys((Form.NATURAL, Form.INDEX), Form.INT),
    **dict.fromkeys((Form.CHARACTER, Form.DIGITS, Form.PATH), Form.STR),
    **dict.fromkeys((Form.SORTED, Form.MATRIX, Form.ITERATOR), Form.LIST),
    Form.TUPLE: Form.TUPLES,
    Form.RECORD: Form.DICT,
    Form.FROZENSET: Form.SET,
    Form.COMPLEX: Form.FLOAT,
}
"""The form under which evidence is counted."""


def family(shape: Shape) -> Form | None:
    """The form under which a shape counts; None if it is of several."""
    if shape.form is Form.UNION:
        forms = {family(part) for part in shape.parts}
        return forms.pop() if len(forms) == 1 else None
    if shape.form is Form.CHOICE:
        return (form_of_literal(shape.texts[0]) if shape.texts else None) or Form.CALL
    return FAMILY.get(shape.form, shape.form)


def row_of(shape: Shape, other: float) -> Row:
    """What a shape that is suggested says about forms."""
    if shape == ANY:
        return Row((), 1.0)
    parts = shape.parts if shape.form is Form.UNION else (shape,)
    weights = shape.weights if shape.form is Form.UNION else (1.0,)
    if any(part == ANY for part in parts):
        return Row((), 1.0)
    found: dict[Form, float] = {}
    for part, weight in zip(parts, weights, strict=True):
        form = family(part)
        if form is None:
            continue
        found[form] = found.get(form, 0) + weight / max(weights)
    return Row(tuple(found.items()), other)


def softly(peer: Mapping[Form, float], weights: dict[Form, float]) -> None:
    """Make a value resemble another that it is compared or added with."""
    most = max(peer.values())
    for form in weights:
        weights[form] *= max(0.08, peer[form] / most)


def form_of_literal(text: str) -> Form | None:
    """The form of the literal that a text spells; None if it spells none."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    kinds = {bool: Form.BOOL, int: Form.INT, float: Form.FLOAT, str: Form.STR, bytes: Form.BYTES, list: Form.LIST,
             tuple: Form.TUPLES, dict: Form.DICT, set: Form.SET, type(None): Form.NONE}  # fmt: skip
    return kinds.get(type(value))
