"""Which texts may be proposed as argument lists: literals, constructors of builtins, names of the module.

Reads the text's tree and runs nothing.  This keeps nonsense and mischief out of what is proposed; it is no
sandbox: what is proposed still runs in one.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

LONGEST = 400
"""Characters of an argument list."""

LARGEST_FACTOR = 10_000

CONSTRUCTORS = frozenset(
    [
        "bool",
        "bytearray",
        "bytes",
        "complex",
        "dict",
        "enumerate",
        "float",
        "frozenset",
        "int",
        "iter",
        "list",
        "memoryview",
        "object",
        "range",
        "reversed",
        "set",
        "slice",
        "sorted",
        "str",
        "tuple",
        "zip",
        "map",
        "filter",
        "abs",
        "len",
        "max",
        "min",
        "round",
        "sum",
        "repr",
        "ord",
        "chr",
        "divmod",
        "any",
        "all",
        "type",
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "Exception",
        "IndexError",
        "KeyError",
        "LookupError",
        "NameError",
        "OSError",
        "OverflowError",
        "RuntimeError",
        "StopIteration",
        "TypeError",
        "ValueError",
        "ZeroDivisionError",
    ]
)
"""Builtins that make a value, or serve as a callback, and touch nothing else."""

FOREIGN = frozenset(
    [
        "array.array",
        "collections.ChainMap",
        "collections.Counter",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "datetime.timezone.utc",
        "decimal.Decimal",
        "fractions.Fraction",
        "io.BytesIO",
        "io.StringIO",
        "ipaddress.ip_address",
        "ipaddress.ip_network",
        "itertools.count",
        "itertools.repeat",
        "itertools.chain",
        "math.e",
        "math.inf",
        "math.nan",
        "math.pi",
        "math.sqrt",
        "math.floor",
        "math.ceil",
        "math.gcd",
        "operator.add",
        "operator.mul",
        "operator.sub",
        "operator.itemgetter",
        "operator.neg",
        "pathlib.Path",
        "pathlib.PurePath",
        "pathlib.PurePosixPath",
        "random.Random",
        "re.compile",
        "types.SimpleNamespace",
        "re.IGNORECASE",
        "re.I",
        "re.M",
        "re.S",
        "re.X",
        "re.MULTILINE",
        "re.DOTALL",
        "re.VERBOSE",
        "uuid.UUID",
    ]
)
"""Names of the standard library, in full, that make values, if the module has imported them."""

METHODS = frozenset(
    [
        "split",
        "encode",
        "lower",
        "upper",
        "strip",
        "title",
        "items",
        "keys",
        "values",
        "copy",
        "count",
        "index",
        "get",
        "find",
        "replace",
        "join",
        "startswith",
        "endswith",
        "isdigit",
        "append",
        "sort",
        "fromkeys",
        "fromhex",
    ]
)
"""Methods that may be called on a value."""

_PLAIN = (
    ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd, ast.Invert, ast.Not,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitOr, ast.BitAnd, ast.BitXor,
    ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
    ast.Is, ast.IsNot, ast.IfExp, ast.Lambda, ast.arguments, ast.arg, ast.keyword, ast.Starred, ast.Load, ast.Store,
    ast.Subscript, ast.Slice, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Name, ast.Attribute, ast.Call,
)  # fmt: skip


def call_of(arguments: str) -> ast.Call | None:
    """The tree of ``f(arguments)``, or None if the text is no argument list."""
    if len(arguments) > LONGEST or "\n" in arguments:
        return None
    try:
        tree = ast.parse(f"f({arguments}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # "1)(2" parses too.
    return tree if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) else None


def admitted(arguments: str, own: Collection[str] = (), imported: dict[str, str] | None = None) -> bool:
    """Whether a text is an argument list of literals, of calls that make values, and of the module's own names.

    ``own`` are the names that the module defines, ``imported`` those that it imports, with their full names.
    """
    call = call_of(arguments)
    if call is None:
        return False
    try:
        return _admitted(call, frozenset(own), imported or {})
    except RecursionError:
        return False


def _admitted(call: ast.Call, own: frozenset[str], imported: dict[str, str]) -> bool:
    nodes = [node for part in (*call.args, *call.keywords) for node in ast.walk(part)]
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    parts: set[int] = set()
    for node in nodes:
        if not isinstance(node, _PLAIN):
            return False
        if isinstance(node, ast.Attribute):
            if node.attr.startswith("_"):
                return False
            full = full_name(node, imported)
            root = _root(node)
            if full in FOREIGN:
                parts.add(id(root))
            elif isinstance(root, ast.Name) and root.id not in own | bound | CONSTRUCTORS:
                # An inner part of a foreign name has been seen as part of the whole: ast.walk goes outside in.
                if id(root) not in parts:
                    return False
            elif isinstance(root, ast.Name) and root.id in own | bound:
                continue
            elif node.attr not in METHODS:
                return False
        elif isinstance(node, ast.Name):
            known = node.id in own | bound | CONSTRUCTORS or imported.get(node.id) in FOREIGN
            if not (known or id(node) in parts) or node.id.startswith("__"):
                return False
        elif isinstance(node, ast.Call) and not isinstance(node.func, (ast.Name, ast.Attribute)):
            return False
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            factors = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
            if any(isinstance(factor, int) and factor > LARGEST_FACTOR for factor in factors):
                return False
    return True


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def full_name(node: ast.expr, imported: dict[str, str]) -> str | None:
    """``datetime.date`` for what an expression of names and dots means by the module's imports."""
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        outer = full_name(node.value, imported)
        return f"{outer}.{node.attr}" if outer else None
    return None
