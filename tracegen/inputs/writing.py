"""A shape as source text, decided by draws.

Does not know where shapes or draws come from; plain values are those of `values`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tracegen.inputs import shapes
from tracegen.inputs.shapes import Form, Shape, listed, mapped, union
from tracegen.inputs.values import Values
from tracegen.inputs.vocabulary import FUNCTIONS, ODD_FLOATS

ANYTHING = union(
    {shapes.INT: 8, shapes.STR: 7, shapes.FLOAT: 2, shapes.BOOL: 1, shapes.NONE: 1, listed(shapes.INT): 2,
     Shape(Form.TUPLE, (shapes.INT, shapes.STR)): 1, mapped(shapes.STR, shapes.INT): 1}
)  # fmt: skip
ELEMENT = union({shapes.INT: 10, shapes.STR: 8, shapes.FLOAT: 1, Shape(Form.TUPLE, (shapes.STR, shapes.INT)): 1})
"""What an element is where nothing is known of it."""

DEEPEST = 5


class Writer(Values):
    """Writes the arguments of one call."""

    def argument(self, shape: Shape, told: bool = False) -> str:
        """An argument, or now and then one of another form: seldom, if its form is told and not guessed."""
        percent = self.mood.astray // 4 if told else self.mood.astray
        astray = percent and self.often(percent)
        return self.spelled(ANYTHING if astray else shape)

    def chosen(self, shape: Shape, open_shape: Shape = ANYTHING) -> Shape:
        """One member of a union; of ANY, a member of ``open_shape``."""
        if shape.form is Form.ANY:
            shape = open_shape
        if shape.form is not Form.UNION:
            return shape
        weights = [weight**self.mood.sharpness for weight in shape.weights]
        at = self.below(1000) * sum(weights) / 1000
        for part, weight in zip(shape.parts, weights, strict=True):
            at -= weight
            if at < 0:
                return self.chosen(part, open_shape)
        return self.chosen(shape.parts[0], open_shape)

    def spelled(self, shape: Shape, depth: int = 0) -> str:
        """The source text of a value of a shape."""
        shape = self.chosen(shape, ANYTHING if depth == 0 else ELEMENT)
        if depth > DEEPEST:
            return "None"
        writer = _SPELLINGS.get(shape.form)
        if writer is not None:
            return writer(self, shape, depth)
        return repr(_VALUES[shape.form](self))

    # -- Containers.

    def size(self, depth: int) -> int:
        """How many elements a container has."""
        most = max(1, self.mood.most - 2 * depth)
        if self.lengths and not depth and self.often(40):
            # Two lists of one length can be walked side by side.
            size = min(self.lengths[-1], most)
        else:
            size = 0 if self.often(6) else 1 + self.below(most)
        self.lengths.append(size)
        return size

    def elements(self, shape: Shape, count: int, depth: int) -> list[str]:
        """So many elements, mostly all of one form."""
        part = shape.parts[0] if shape.parts else shapes.ANY
        if shape.form in (Form.SET, Form.FROZENSET) or self.often(90):
            part = self.chosen(part, ELEMENT)
        if shape.form in (Form.SET, Form.FROZENSET):
            part = hashable(part)
        made = [self.spelled(part, depth + 1) for _ in range(count)]
        self.said += made if depth == 0 else []
        if made and part.form is Form.INT:
            # A number that is searched for is often there.
            self.numbers = [self.pick(self.numbers), int(self.pick(made))]
        return made

    def sequence(self, shape: Shape, depth: int) -> str:
        """A list, tuple, set or iterator."""
        inner = self.elements(shape, self.size(depth), depth)
        if shape.form is Form.SORTED:
            inner = _in_order(inner)
        if shape.form in (Form.SET, Form.FROZENSET):
            body = "{" + ", ".join(dict.fromkeys(inner)) + "}"
            return ("set()" if not inner else body) if shape.form is Form.SET else f"frozenset({body if inner else ''})"
        if shape.form is Form.TUPLES:
            return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
        body = f"[{', '.join(inner)}]"
        return f"iter({body})" if shape.form is Form.ITERATOR else body

    def fixed(self, shape: Shape, depth: int) -> str:
        """A tuple of known members."""
        inner = [self.spelled(part, depth + 1) for part in shape.parts]
        return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"

    def matrix(self, shape: Shape, depth: int) -> str:
        """A list of lists of one length."""
        if self.often(5):
            return self.pick(("[]", "[[]]"))
        height = 1 + self.below(3)
        width = height if self.often(55) else 1 + self.below(4)
        self.lengths.append(height)
        part = self.chosen(
            shape.parts[0].parts[0] if shape.parts and shape.parts[0].form is Form.LIST else shape.parts[0], ELEMENT
        )
        rows = (", ".join(self.spelled(part, depth + 2) for _ in range(width)) for _ in range(height))
        return f"[{', '.join(f'[{row}]' for row in rows)}]"

    def mapping(self, shape: Shape, depth: int) -> str:
        """A dict."""
        size = self.size(depth + 1)
        keys: dict[str, None] = {}
        key = hashable(self.chosen(shape.parts[0], union({shapes.STR: 3, shapes.INT: 1})))
        for _ in range(size):
            if key.form is Form.STR:
                known = self.constants.keys
                text = self.pick(known) if known and self.often(50) else self.word()
                self.texts.append(text)
                keys[repr(text)] = None
            else:
                keys[self.spelled(key, depth + 1)] = None
        self.said += keys if depth == 0 else ()
        value = self.chosen(shape.parts[1], ELEMENT)
        return "{" + ", ".join(f"{name}: {self.spelled(value, depth + 1)}" for name in keys) + "}"

    def record(self, shape: Shape, depth: int) -> str:
        """A dict of known keys; now and then one is missing."""
        rows = [(key, part) for key, part in zip(shape.texts, shape.parts, strict=True) if not self.often(6)]
        return "{" + ", ".join(f"{key!r}: {self.spelled(part, depth + 1)}" for key, part in rows) + "}"

    def call(self, shape: Shape, depth: int) -> str:
        """A constructor call."""
        name, *keywords = shape.texts
        given = []
        for keyword, part in zip(keywords, shape.parts, strict=True):
            if not keyword:
                given.append(self.spelled(part, depth + 1))
            elif self.often(40):
                given.append(f"{keyword}={self.spelled(part, depth + 1)}")
        return f"{name}({', '.join(given)})"

    def function(self, shape: Shape, depth: int) -> str:
        """A callable of so many arguments."""
        names = ", ".join("abcdefgh"[: shape.arity])
        if shape.arity not in FUNCTIONS:
            return f"lambda {names}: a" if names else "lambda *a: a"
        return self.pick(FUNCTIONS[shape.arity])


UNHASHABLE = frozenset(
    (Form.LIST, Form.SORTED, Form.MATRIX, Form.SET, Form.DICT, Form.RECORD, Form.ITERATOR, Form.UNION, Form.ANY)
)


def hashable(shape: Shape) -> Shape:
    """A shape that may be a key: texts and pairs of numbers stand for what may not."""
    if shape.form in (Form.TUPLE, Form.TUPLES):
        return Shape(shape.form, tuple(hashable(part) for part in shape.parts))
    if shape.form is Form.LIST:
        return Shape(Form.TUPLE, (shapes.INT, shapes.INT))
    return shapes.STR if shape.form in UNHASHABLE else shape


def _in_order(inner: list[str]) -> list[str]:
    try:
        return sorted(inner, key=ast.literal_eval)
    except (ValueError, TypeError, SyntaxError):
        return inner


_VALUES: dict[Form, Callable[[Writer], object]] = {
    Form.INT: Writer.integer,
    Form.NATURAL: Writer.natural,
    Form.INDEX: Writer.index,
    Form.STR: Writer.text,
    Form.CHARACTER: Writer.character,
    Form.DIGITS: Writer.digits,
    Form.PATH: Writer.path,
    Form.BYTES: Writer.bytestring,
    Form.BOOL: lambda writer: writer.often(50),
    Form.NONE: lambda writer: None,
}

_SPELLINGS: dict[Form, Callable[[Writer, Shape, int], str]] = {
    Form.FLOAT: lambda writer, shape, depth: repr(writer.fraction()) if writer.often(97) else writer.pick(ODD_FLOATS),
    Form.COMPLEX: lambda writer, shape, depth: f"complex({writer.integer()}, {writer.integer()})",
    Form.MEMBER: lambda writer, shape, depth: (
        writer.pick(writer.said) if writer.said else writer.spelled(shape.parts[0], depth)
    ),
    Form.CHOICE: lambda writer, shape, depth: writer.pick(shape.texts),
    **dict.fromkeys((Form.LIST, Form.SORTED, Form.TUPLES, Form.SET, Form.FROZENSET, Form.ITERATOR), Writer.sequence),
    Form.TUPLE: Writer.fixed,
    Form.MATRIX: Writer.matrix,
    Form.DICT: Writer.mapping,
    Form.RECORD: Writer.record,
    Form.CALL: Writer.call,
    Form.CALLABLE: Writer.function,
}
