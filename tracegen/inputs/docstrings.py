"""What a docstring tells: the types of parameters as annotation texts, and examples that call the function.

Nothing in an example is run: its calls are taken apart as text, and names that stand for a literal are replaced.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterable, Iterator

import docstring_parser

from tracegen.inputs.admission import LONGEST

LONGEST_DOCSTRING = 20_000
MOST_EXAMPLES = 40
MOST_NAMES = 30

PHRASES = (
    (re.compile(r"\b(?:list|array|sequence|iterable) of (\w+?)s?\b", re.I), r"list[\1]"),
    (re.compile(r"\b(?:dict|dictionary|mapping) of (\w+?)s? to (\w+?)s?\b", re.I), r"dict[\1, \2]"),
    (re.compile(r"\b(?:set) of (\w+?)s?\b", re.I), r"set[\1]"),
    (re.compile(r"\btuple of (\w+?)s?\b", re.I), r"tuple[\1, ...]"),
    (re.compile(r",?\s*\(?\boptional\b\)?|,?\s*default[:= ].*|,\s*keyword[- ]only|\bor None\b", re.I), ""),
    (re.compile(r"\s+or\s+|\s*,\s+(?=\w+$)"), " | "),
    (re.compile(r"^\{(.*)\}$"), r"Literal[\1]"),
    (re.compile(r"\b(?:a|an|the|non-negative|positive) ", re.I), ""),
)
"""How people write types, and what they would be as annotations."""


def documented_types(docstring: str | None) -> dict[str, str]:
    """Parameter names to annotation texts, from ReST, Google, NumPy and Epydoc styles.

    >>> documented_types("Sum.\\n\\n:param xs: what to add\\n:type xs: list of int")
    {'xs': 'list[int]'}
    """
    if not docstring or len(docstring) > LONGEST_DOCSTRING:
        return {}
    try:
        found = docstring_parser.parse(docstring).params
    except (docstring_parser.ParseError, ValueError, TypeError, IndexError, RecursionError):
        return {}
    return {
        name.strip().lstrip("*"): text
        for each in found
        if each.type_name
        for name in each.arg_name.split(",")
        if (text := _annotation(each.type_name))
    }


PROSE_TYPES = {
    "bytes-like object": "bytes", "bytes": "bytes", "string": "str", "str": "str", "filename": "str", "integer": "int",
    "int": "int", "number": "float", "float": "float", "list": "list", "sequence": "list", "iterable": "list",
    "dictionary": "dict", "dict": "dict", "mapping": "dict", "set": "set", "boolean": "bool", "tuple": "tuple",
    "function": "Callable", "callable": "Callable", "pathname": "str", "pattern": "str",
}  # fmt: skip
_TYPE = "|".join(sorted(map(re.escape, PROSE_TYPES), key=len, reverse=True))


def mentioned_types(docstring: str | None, names: Iterable[str]) -> dict[str, str]:
    """Parameter names to annotation texts, from prose: it tells less than a list of parameters does.

    >>> mentioned_types("Encode the bytes-like object s.  If n is an integer, repeat.", ["s", "n"])
    {'s': 'bytes', 'n': 'int'}
    """
    if not docstring or len(docstring) > LONGEST_DOCSTRING:
        return {}
    found = {}
    for name in list(names)[:MOST_NAMES]:
        word = rf"['`\"*]*{re.escape(name)}['`\"*]*"
        before = re.search(rf"\b({_TYPE})\s+{word}(?!\w)", docstring, re.I)
        verb = r"\s+(?:is|are|must be|should be|may be|can be)\s+(?:an?\s+|the\s+|optional\s+)*"
        after = re.search(rf"(?<!\w){word}{verb}({_TYPE})\b", docstring, re.I)
        match = before or after
        if match:
            found[name] = PROSE_TYPES[match[1].lower()]
    return found


def _annotation(text: str) -> str | None:
    text = text.strip().strip("`")
    for pattern, instead in PHRASES:
        text = pattern.sub(instead, text).strip()
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return text


def examples(docstring: str | None, function: str) -> list[str]:
    """The argument lists of the calls of a function in a docstring's doctests, in order.

    >>> examples("\\n>>> xs = [1, 2]\\n>>> m.total(xs, start=1)\\n4\\n", "total")
    ['[1, 2], start=1']
    """
    if not docstring or len(docstring) > LONGEST_DOCSTRING or ">>>" not in docstring:
        return []
    found: dict[str, None] = {}
    values: dict[str, ast.expr] = {}
    try:
        for example in doctest.DocTestParser().get_examples(docstring)[:MOST_EXAMPLES]:
            for arguments in _calls(example.source, function, values):
                if len(arguments) <= LONGEST:
                    found[arguments] = None
    except (ValueError, RecursionError, MemoryError):
        # A docstring whose doctests are malformed: those before the fault have been read, or none.
        pass
    return list(found)


def _calls(source: str, function: str, values: dict[str, ast.expr]) -> Iterator[str]:
    """The argument lists of the calls in one example; ``values`` are the literals that were assigned before."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    last = function.rpartition(".")[2]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == last:
            if function.count(".") and not ast.unparse(node.func).endswith(function):
                continue
            call = ast.Call(ast.Name("f", ast.Load()), node.args, node.keywords)
            whole = ast.unparse(_Substituted(values).visit(ast.fix_missing_locations(call)))
            yield whole[2:-1]
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            values.pop(name, None)
            if _literal(node.value):
                values[name] = node.value


class _Substituted(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True
