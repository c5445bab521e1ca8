"""Expressions of values, from 0 to a frozenset in a tuple in a dict; every kind that a tracer shows in its own way.

Knows nothing of names: what stands here needs the imports of program.py only.
"""

from __future__ import annotations

from .chance import Chance

INTS = [
    *("0", "1", "-1", "2", "3", "7", "-5", "255", "256", "257", "-6", "2**30", "2**60", "2**61 + 1", "-(2**63)"),
    *("10**25", "10**4299", "10**4300", "-(10**4300)", "2**14283", "2**14284", "-(2**14284)", "1 << 20000"),
]
SMALL_INTS = INTS[:11]
BOOLS = ["True", "False"]
FLOATS = [
    *("0.0", "-0.0", "1.0", "1.5", "-2.25", "1e308", "1e16", "1e15", "1e-5", "0.0001", "0.1 + 0.2", "5e-324"),
    *("123456789012345680.0", "1e22", "1e23", "float('nan')", "float('inf')", "-float('inf')", "1 / 3"),
]
COMPLEXES = ["1j", "-1j", "1 + 2j", "complex(-0.0, -0.0)", "complex(float('nan'), 1)", "complex(1e16, -1e-5)", "0j"]
STRINGS = [
    *("''", "'a'", "'key'", '"it\'s"', "'say \"hi\"'", "'both \\' and \"'", r"'back\\slash'", r"'\x00\x1b\n\t\r'"),
    *(r"'\x7f\x80\xa0\xad'", r"'\xe9 \xff'", "'é ÿ'", r"'\u0378\ufffe'", r"'\ud800'", r"'a\udc80x'", r"'\ud83d\ude00'"),
    *(r"'\U0001f600'", r"'\U000e0001\U0010ffff'", r"'\ufdd0 raw'", "'..'", "' at 0x7f00ab '", "'null'", r"'\\u0041'"),
    *(r"'\u2028\x85'", r"'\u20ac'", r"'\u0130\u0131'", "'x' * 500", r"'\xe9' * 300", r"'\U0001f600' * 100"),
    *(r"'\x00' * 40", r"'\ud800' * 30", "'\\'' * 9", "', '", "'0x'", "'<|frame_sep|>'", r"'\u3042\u3044' * 20"),
]
BYTES = ["b''", "b'abc'", 'b"it\'s"', r"b'\x00\xff\"'", "bytes(range(256))", r"b'\\ \n'", "b'x' * 400"]
BYTEARRAYS = ["bytearray()", "bytearray(b'ab')", r"bytearray(b'\x00\'\"')", "bytearray(range(250, 256))"]
SINGLES = ["None", "...", "NotImplemented"]
CODE = [
    *("len", "print", "int", "str", "type", "object", "Exception", "[].append", "'a'.join", "str.upper", "(1).__add__"),
    *("dict.fromkeys", "int.__add__", "object.__repr__", "type.__dict__['__name__']", "type.__dict__['__mro__']"),
    *("(lambda: 0)", "(lambda x, *y: x)", "unheard()", "sys", "math", "types.ModuleType('odd \\' name')"),
    *("types.FunctionType.__code__", "dict.__dict__['fromkeys']", "int.__dict__['real']", "type(None)", "type(...)"),
    *("collections.OrderedDict", "abc.ABC", "functools.partial", "property()", "slice", "range", "BaseException.args"),
]
OTHERS = [
    *("range(5)", "range(0, -10, -3)", "slice(1, None, 2)", "object()", "iter([])", "{}.keys()", "{1: 2}.items()"),
    *("{'a': [1]}.values()", "zip()", "map(str, [])", "reversed([1])", "enumerate([])", "functools.partial(int, '1')"),
    *("fractions.Fraction(1, 3)", "decimal.Decimal('1.10')", "datetime.date(2020, 2, 3)", "re.compile('a+')"),
    *(
        "types.SimpleNamespace(a=1, b=[2])",
        "types.MappingProxyType({1: 2})",
        "memoryview(b'ab')",
        "array.array('i', [1])",
    ),
    *("collections.deque([1, 2], maxlen=3)", "collections.OrderedDict(a=1)", "collections.Counter('aab')"),
    *("collections.defaultdict(list, {1: [2]})", "collections.ChainMap({1: 2})", "collections.UserList([1, 'x'])"),
    *("Exception('e', 1)", "KeyError('k')", "StopIteration(3)", "ValueError()", "OSError(2, 'no', 'f')", "SystemExit"),
    *("UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')", "staticmethod(len)", "classmethod(len)", "iter(range(3))"),
    *("itertools.count(3)", "itertools.repeat('x', 2)", "super(int, 3)", "io.StringIO('x')", "threading.Lock"),
    *("uuid.UUID(int=5)", "pathlib.PurePosixPath('a/b')", "string.Template('$x')", "types.CodeType", "bytes.fromhex"),
]
HASHABLE = [*SMALL_INTS, *BOOLS, "0.0", "-0.0", "1.0", "1.5", *STRINGS[:24], *BYTES[:4], "None", "()", "1j"]


def leaf(chance: Chance) -> str:
    """A value that holds no other."""
    kinds = [
        *((6, SMALL_INTS), (2, INTS), (2, BOOLS), (3, FLOATS), (1, COMPLEXES), (6, STRINGS), (2, BYTES)),
        *((1, BYTEARRAYS), (2, SINGLES), (2, CODE), (3, OTHERS)),
    ]
    return chance.pick(chance.weighted(kinds))


def hashable(chance: Chance, depth: int = 1) -> str:
    """A value for a set or a key, of a hash that is no address."""
    if depth and chance.once_in(6):
        items = [hashable(chance, depth - 1) for _ in range(chance.below(3))]
        if chance.once_in(2):
            return "(" + "".join(item + ", " for item in items) + ")"
        return f"frozenset([{', '.join(items)}])"
    return chance.pick(HASHABLE)


def value(chance: Chance, names: list[str], depth: int = 2) -> str:
    """Any value; ``names`` stand for values that may be held in it (and so have two names)."""
    if not depth or chance.below(5) < 3:
        return chance.pick(names) if names and chance.once_in(8) else leaf(chance)
    return container(chance, chance.pick(["list", "list", "dict", "dict", "tuple", "set", "frozenset"]), names, depth)


def container(chance: Chance, kind: str, names: list[str], depth: int = 2) -> str:
    """A new container of a kind."""
    count = chance.weighted([(1, 0), (2, 1), (3, 2), (2, 3), (1, 5)])
    if kind in ("set", "frozenset"):
        items = ", ".join(hashable(chance) for _ in range(count))
        return f"{kind}([{items}])" if kind == "frozenset" or not items else "{" + items + "}"
    if kind == "dict":
        pairs = [f"{hashable(chance)}: {value(chance, names, depth - 1)}" for _ in range(count)]
        return "{" + ", ".join(pairs) + "}"
    held = [value(chance, names, depth - 1) for _ in range(count)]
    if kind == "tuple":
        return "(" + "".join(item + ", " for item in held) + ")"
    return "[" + ", ".join(held) + "]"
