"""What candidates are known from, one source of knowledge each: cases that can be checked by hand."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.test_inputs import first_values, signature, texts
from tracegen.inputs import shapes
from tracegen.inputs.admission import call_of
from tracegen.inputs.annotations import shape_of
from tracegen.inputs.constants import constants
from tracegen.inputs.definitions import Definitions, definitions
from tracegen.inputs.docstrings import documented_types, examples, mentioned_types
from tracegen.inputs.likeness import likeness
from tracegen.inputs.names import shape_of_name
from tracegen.inputs.shapes import ANY, Form, Shape, choice, listed, mapped, union

MODULE = """
import collections, datetime as dt, enum, re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import *

class Color(enum.Enum):
    RED = 1
    GREEN = 2

@dataclass
class Point:
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)

class Pair(NamedTuple):
    left: str
    right: "Point"

class Row(TypedDict):
    name: str
    age: int

class Box:
    def __init__(self, size: int, *rest): ...
    def area(self): ...

class Tree:
    def __init__(self, left: "Tree", right: "Tree"): ...

Edge = namedtuple("Edge", "start end")
Names = list[str]
UserId = NewType("UserId", int)
T = TypeVar("T", int, str)
N = TypeVar("N", bound=float)
"""
KNOWN = definitions(MODULE)


def literals(annotation: str, count: int = 30) -> list[object]:
    """The values of a parameter with an annotation."""
    return first_values(f"from typing import *\ndef f(thing: {annotation}): ...", count)


# -- Annotations.


@pytest.mark.parametrize(
    ("annotation", "shape"),
    [
        ("int", shapes.INT),
        ("'int'", shapes.INT),
        ("typing.List[int]", listed(shapes.INT)),
        ("Sequence[str]", listed(shapes.STR)),
        ("dict[str, float]", mapped(shapes.STR, shapes.FLOAT)),
        ("tuple[int, str]", Shape(Form.TUPLE, (shapes.INT, shapes.STR))),
        ("Tuple[int, ...]", Shape(Form.TUPLES, (shapes.INT,))),
        ("Iterator[int]", Shape(Form.ITERATOR, (shapes.INT,))),
        ("Optional[str]", union({shapes.STR: 4, shapes.NONE: 1})),
        ("int | str", union({shapes.INT: 1, shapes.STR: 1})),
        ("Annotated[int, 'positive']", shapes.INT),
        ("Literal['a', 2]", choice("'a'", "2")),
        ("Callable[[int, int], bool]", Shape(Form.CALLABLE, arity=2)),
        ("Color", choice("Color.RED", "Color.GREEN")),
        ("Row", Shape(Form.RECORD, (shapes.STR, shapes.INT), ("name", "age"))),
        ("Names", listed(shapes.STR)),
        ("UserId", shapes.INT),
        ("T", union({shapes.INT: 1, shapes.STR: 1})),
        ("N", shapes.FLOAT),
        ("Box", Shape(Form.CALL, (shapes.INT,), ("Box", ""))),
        ("Unknown", ANY),
        ("Any", ANY),
        ("not an annotation", ANY),
    ],
)
def test_an_annotation_means_a_shape(annotation: str, shape: Shape) -> None:
    assert shape_of(annotation, KNOWN) == shape


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [("int", int), ("str", str), ("list[int]", list), ("set[str]", set), ("dict[str, int]", dict), ("bytes", bytes),
     ("bool", bool), ("tuple[int, str]", tuple), ("Mapping[str, int]", dict)],
)  # fmt: skip
def test_most_values_are_as_annotated(annotation: str, kind: type) -> None:
    values = literals(annotation)
    assert sum(type(value) is kind for value in values) >= (0.85 * len(values) if kind is not bool else 2)


@pytest.mark.parametrize(
    ("annotation", "start"),
    [("dt.date", "dt.date("), ("Decimal", "Decimal("), ("re.Pattern", "re.compile("), ("Deque[int]", ""),
     ("Point", "Point("), ("Pair", "Pair("), ("Edge", "Edge("), ("collections.Counter", "collections.Counter("),
     ("Iterator[int]", "iter(["), ("Callable[[int, int], int]", ""), ("Tree", "Tree(Tree("), ("Type[int]", "int")],
)  # fmt: skip
def test_values_that_are_no_literals_are_calls_in_the_modules_words(annotation: str, start: str) -> None:
    found = texts(f"{MODULE}\ndef f(thing: {annotation}): ...", 3)
    assert sum(text.startswith(start) for text in found) >= min(2, len(found))


def test_a_constructor_that_the_module_cannot_name_is_not_used() -> None:
    assert not any("date" in text for text in texts("def f(day: datetime.date): ..."))


# -- Names, defaults, uses.


@pytest.mark.parametrize(
    ("name", "form"),
    [("n", Form.NATURAL), ("text", Form.STR), ("nums", Form.LIST), ("is_open", Form.BOOL), ("max_length", Form.NATURAL),
     ("file_path", Form.PATH), ("words", Form.LIST), ("callback", Form.CALLABLE), ("idx", Form.INDEX),
     ("userNames", Form.LIST), ("word2", Form.STR), ("_text", Form.STR)],
)  # fmt: skip
def test_a_name_suggests_a_form(name: str, form: Form) -> None:
    found = shape_of_name(name)
    assert found is not None and found.form is form


def test_a_name_that_is_no_word_suggests_nothing() -> None:
    assert shape_of_name("frobnicandum") is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return p.strip()", str),
        ("return [c.upper() for c in p.split(',')]", str),
        ("return ord(p)", str),
        ("return p in 'aeiou'", str),
        ("return 'x' + p", str),
        ("p.append(1)", list),
        ("p.sort()\n    return p[0]", list),
        ("for k, v in p.items():\n        print(k, v)", dict),
        ("return p['name']", dict),
        ("for k in p:\n        p[k] += 1", dict),
        ("return p % 2 == 0", int),
        ("return [0] * p", int),
        ("return range(p)", int),
        ("q = p\n    while q > 10:\n        q //= 10\n    return q", int),
        ("return p.add(3)", set),
        ("return p << 2", int),
        ("return sum(x + 1 for x in p)", list),
        ("return p.decode()", bytes),
    ],
)
def test_what_a_body_does_says_what_a_parameter_is(body: str, kind: type) -> None:
    counts = Counter(isinstance(value, kind) for value in first_values(f"def f(p):\n    {body}\n"))
    assert counts[True] >= 2 * counts[False]


def test_elements_are_what_a_loop_does_with_them() -> None:
    values = first_values("def f(p):\n    p.sort()\n    return [each.strip() for each in p]\n")
    texts_in = [element for value in values if isinstance(value, list) for element in value]
    assert sum(isinstance(each, str) for each in texts_in) > 0.8 * len(texts_in)


def test_a_helper_says_what_it_is_given() -> None:
    for helper in ("def helper(q: dict): ...", "def helper(q):\n    return q.items()"):
        values = first_values(f"{helper}\ndef f(p):\n    return helper(p)\n")
        assert sum(isinstance(value, dict) for value in values) > 0.7 * len(values)


def test_a_default_says_what_a_parameter_is() -> None:
    values = [value for value in first_values("def f(p=2.5): ...") if value is not None]
    assert sum(isinstance(value, float) for value in values) > 0.5 * len(values)


def test_what_is_sought_in_a_list_is_often_there() -> None:
    found = texts("def f(nums, target):\n    return nums.index(target)\n", 60)
    pairs = [call.args for text in found if (call := call_of(text))]
    assert sum(ast.unparse(target) in ast.unparse(nums) for nums, target in pairs) > 15


def test_a_list_that_is_bisected_is_sorted() -> None:
    source = "import bisect\ndef f(p, x):\n    return bisect.bisect_left(p, x)\n"
    values = [value for value in first_values(source) if isinstance(value, list)]
    assert all(value == sorted(value) for value in values if all(type(each) is int for each in value))


def test_an_object_is_made_from_the_class_that_has_its_attributes() -> None:
    source = "class Box:\n    def __init__(self, size): ...\n    def area(self): ...\ndef f(p):\n    return p.area()\n"
    assert sum(text.startswith("Box(") for text in texts(source)) > 10


# -- Constants.


def test_literals_are_taken_from_the_code_and_docstrings_are_not() -> None:
    tree = ast.parse('def f(d, n=70):\n    """Not this, nor 5."""\n    return d["name"] in "([{" or n == 3.5 or b"x"\n')
    found = constants([tree])
    assert (found.integers, found.floats, found.keys, found.bytestrings) == ((70,), (3.5,), ("name",), (b"x",))
    assert found.characters == ("(", "[", "{")
    assert "Not this, nor 5." not in found.texts


@pytest.mark.parametrize(
    ("body", "wanted"),
    [("return p == 7919", 7919), ("return p > 7919", 7920), ("return p == 'open sesame'", "open sesame"),
     ("return p == LIMIT", 7919), ("return helper(p)", 7919)],
)  # fmt: skip
def test_what_the_code_compares_with_is_tried(body: str, wanted: object) -> None:
    source = f"LIMIT = 7919\ndef helper(q):\n    return q == 7919\ndef f(p):\n    {body}\n"
    assert wanted in first_values(source, 60)


def test_keys_that_are_looked_up_are_there() -> None:
    values = first_values("def f(p):\n    return p['left'] + p['right']\n")
    assert sum(isinstance(value, dict) and set(value) == {"left", "right"} for value in values) > 20


# -- Docstrings.

STYLES = {
    "rest": "Do.\n\n:param str s: a text\n:param xs: numbers\n:type xs: list of int\n",
    "google": "Do.\n\nArgs:\n    s (str): a text\n    xs (list of int, optional): numbers\n",
    "numpy": "Do.\n\nParameters\n----------\ns : str\n    A text.\nxs : list of int, optional\n    Numbers.\n",
    "epydoc": "Do.\n\n@type s: str\n@param s: a text\n@type xs: list of int\n@param xs: numbers\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_docstrings_of_every_style_tell_types(style: str) -> None:
    assert documented_types(STYLES[style]) == {"s": "str", "xs": "list[int]"}


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("int or None", shapes.INT),
        ("str or int", union({shapes.STR: 1, shapes.INT: 1})),
        ("{'a', 'b'}", choice("'a'", "'b'")),
        ("array_like", listed(ANY)),
        ("int, default 3", shapes.INT),
        ("a list of strings", listed(shapes.STR)),
        ("dict of str to int", mapped(shapes.STR, shapes.INT)),
    ],
)
def test_types_in_docstrings_are_read_as_people_write_them(written: str, shape: Shape) -> None:
    found = documented_types(f"Do.\n\nParameters\n----------\nx : {written}\n    It.\n")
    assert shape_of(found["x"], Definitions()) == shape


def test_a_documented_type_counts_as_an_annotation() -> None:
    values = first_values('def f(thing):\n    """Do.\n\n    :param bytes thing: it\n    """\n')
    assert all(isinstance(value, bytes) for value in values[:10])


def test_prose_tells_types_too() -> None:
    assert mentioned_types(
        "Encode the bytes-like object s; the list xs. n must be an integer.", ["s", "xs", "n", "q"]
    ) == {
        "s": "bytes",
        "xs": "list",
        "n": "int",
    }


def test_examples_are_the_calls_of_the_function_with_names_filled_in() -> None:
    docstring = """Do.

    >>> xs = [1, 2]
    >>> y = compute()
    >>> f(xs, 3)
    5
    >>> print(m.f(xs + [1]), f(4, key=y))
    6
    >>> g(1)
    >>> f(
    ...     'a',
    ... )
    """
    assert examples(docstring, "f") == ["[1, 2], 3", "[1, 2] + [1]", "4, key=y", "'a'"]


def test_an_example_whose_names_are_unknown_is_not_proposed() -> None:
    found = texts('def f(a):\n    """Do.\n\n    >>> f(mystery)\n    >>> f(KNOWN)\n    """\nKNOWN = 3\n')
    assert found[0] == "KNOWN"
    assert "mystery" not in found


def test_an_example_that_is_malformed_hides_none_before_it() -> None:
    assert examples("\n>>> f(1)\n1\n>>> f((\n", "f") == ["1"]


def test_a_likeness_is_the_shape_of_a_literal() -> None:
    node = ast.parse("{'a': [1, 2.5], 'b': []}", mode="eval").body
    numbers = union({shapes.INT: 1, shapes.FLOAT: 1})
    assert likeness(node) == mapped(shapes.STR, union({listed(numbers): 1, listed(ANY): 1}))


def test_a_signature_is_read_from_text_alone() -> None:
    found = signature("def f(a, /, b: int = 1, *c, d, e='x', **g): ...")
    assert [(each.name, each.kind.value, each.annotation, each.default) for each in found.parameters] == [
        ("a", "positional", None, None),
        ("b", "either", "int", "1"),
        ("c", "var_positional", None, None),
        ("d", "keyword", None, None),
        ("e", "keyword", None, "'x'"),
        ("g", "var_keyword", None, None),
    ]
