"""Classes whose instances are hard to show: reprs that fail, mutate, count, print, re-enter, never end.

Each maker gives the lines of one class ``Cn`` of a program's module, and an expression that makes an instance.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from .chance import Chance
from .literals import SMALL_INTS, STRINGS, leaf
from .program import block

BUILTIN_BASES = {
    "int": "5",
    "float": "1.5",
    "str": "'te\\'xt'",
    "bytes": "b'ab'",
    "list": "[1, 'a', [2]]",
    "tuple": "(1, 'a', [2])",
    "dict": "{1: 2, 'k': [3]}",
    "set": "{1, 2, 3}",
    "frozenset": "{1, 2}",
    "bytearray": "b'ab'",
    "complex": "1j",
    "collections.OrderedDict": "[(1, 2), ('k', [3])]",
    "collections.deque": "[1, 2, [3]]",
    "collections.Counter": "'aab'",
    "Exception": "'e', 1",
    "KeyError": "'k'",
    "types.ModuleType": "'mod'",
    "collections.UserDict": "{1: 2}",
}


class Made(NamedTuple):
    """A class of a program."""

    name: str
    lines: list[str]
    instance: str


TEXTS = [
    *("'..'", "'x..'", "''", r"'\ud800'", r"'\ud83d' + '\ude00'", "'<P at 0x7f00>'", r"'\ufdd0'", r"'\ufdd0\ud800'"),
    *(
        "'p' * 70",
        r"'\xe9' * 40",
        "'a at 0xDEADbeef b at 0x'",
        r"'tab\tnew\nline'",
        r"'\U0001f600' * 9",
        "'...'",
        "'null'",
    ),
    *(r"'\x00\x7f\x9f'", "Text('subclass')", "Text('..')", "Loud('loud')"),
]

ERRORS = [
    *("ValueError(self)", "Own('own')", "SystemExit(3)", "StopIteration(1)", "RecursionError('made up')", "KeyError"),
    *("GeneratorExit", "MemoryError", "AttributeError('__repr__')", "KeyboardInterrupt", "Exception", "Odd()"),
]

BODIES: list[tuple[int, str]] = [
    (3, "return {text}"),
    (3, "return f'C({{self.a!r}})'"),
    (4, "raise {error}"),
    (2, "return {wrong}"),
    (5, "{cls}.count += 1; return f'n{{{cls}.count}}'"),
    (2, "{cls}.count += 1\nif {cls}.count % {few} == 0:\n    raise {error}\nreturn {text}"),
    (2, "{cls}.count += 1\nif {cls}.count > {few}:\n    return f'late{{{cls}.count}}'\nreturn 'early'"),
    (2, "print('printed', {cls}.count); return {text}"),
    (2, "SHARED.append({leaf}) if len(SHARED) < 9 else SHARED.clear(); return 'append'"),
    (1, "TABLE[len(TABLE) % 5] = {leaf}; return 'table'"),
    (1, "SHARED and SHARED.pop(); return 'pop'"),
    (1, "SHARED.clear(); TABLE.clear(); return 'clear'"),
    (1, "self.a = {leaf}; return 'sets'"),
    (2, "return helper(self.a)"),
    (1, "return f'{{helper([self.a])}} {{SHARED!r}}'"),
    (1, "return 'R' + repr(SHARED)"),
    (1, "return 'D' + repr(TABLE)"),
    (1, "return repr([self.a, SHARED, TABLE])"),
    (1, "return str(sum(n for n in range({few}0)))"),
    (1, "return ', '.join(repr(n) for n in (self.a, 1, 'x'))"),
    (1, "try:\n    raise ValueError(1)\nexcept ValueError as e:\n    return repr(e)\nfinally:\n    {cls}.count += 1"),
    (1, "with contextlib.suppress(KeyError):\n    raise KeyError\nreturn 'suppressed'"),
    (1, "return next(self.numbers())"),
    (1, "for n in range({few}):\n    SHARED[:] = [n, *SHARED][:6]\nreturn 'loops'"),
]
RARE_BODIES = [
    "while True:\n    {cls}.count += 1",
    "n = 0\nwhile n < 10 ** 6:\n    n += 1\nreturn 'never'",
    "return endless(0)",
    "joined(helper, 1)\nreturn 'thread'",
    "sys.settrace(None); return 'untraced'",
    "sys.settrace(lambda *a: None); return 'other'",
    "sys.settrace(None); raise ValueError",
    "exec('x = 1\\ny = x'); return 'exec'",
    "gc.collect(); return 'collected'",
    "{cls}.__name__ = 'Renamed'; return 'renames'",
    "{cls}.__repr__ = lambda self: 'replaced'; return 'replaces'",
    "g = self.numbers(); next(g)\ntry:\n    g.throw(KeyError('thrown'))\nexcept KeyError:\n    return 'thrown'",
    "sys.exit('leaves')",
    "del self.a; return 'deletes'",
]

ENDLESS = ("while True:", "10 ** 6", "endless(")
"""What tells a body that takes its whole budget of lines."""


def body(chance: Chance, name: str) -> list[str]:
    """What a ``__repr__`` does."""
    template = chance.pick(RARE_BODIES) if chance.once_in(14) else chance.weighted(BODIES)
    return template.format(
        cls=name,
        text=chance.pick(TEXTS),
        error=chance.pick(ERRORS),
        wrong=chance.pick(["5", "None", "b'bytes'", "['list']", "self"]),
        few=chance.between(2, 5),
        leaf=chance.pick([*SMALL_INTS, *STRINGS[:9]]),
    ).split("\n")


def _numbers() -> list[str]:
    return ["def numbers(self):", "    yield 'one'", "    yield 'two'"]


def plain(chance: Chance, name: str) -> Made:
    """An object with a few attributes, and perhaps a repr."""
    lines = ["count = 0", "def __init__(self, a=1, b=None):", "    self.a = a", "    self.b = b"]
    lines += block("def __hash__(self):", ["return 7"])  # an address would decide the order of a set
    if not chance.once_in(5):
        lines += block("def __repr__(self):", body(chance, name))
    if chance.once_in(3):
        lines += block("def __str__(self):", ["return 'str'"])
    return Made(name, block(f"class {name}:", [*lines, *_numbers()]), f"{name}({leaf(chance)}, [1])")


def builtin(chance: Chance, name: str) -> Made:
    """A subclass of a builtin type, with and without a repr, slots, and methods that lie."""
    base = chance.pick(list(BUILTIN_BASES))
    lines = ["count = 0", "a = 'class'"]
    if chance.once_in(2):
        lines += block("def __repr__(self):", body(chance, name))
    for lie in chance.some(LIES, chance.below(3)):
        lines += lie.split("\n")
    return Made(name, block(f"class {name}({base}):", [*lines, *_numbers()]), f"{name}({BUILTIN_BASES[base]})")


LIES = [
    "def __iter__(self):\n    raise Own('iter')",
    "def __len__(self):\n    print('len')\n    return 0",
    "def __str__(self):\n    return 'lie'",
    "def items(self):\n    return [('lie', 1)]",
    "def __getitem__(self, key):\n    raise Own('getitem')",
    "def __eq__(self, other):\n    print('eq')\n    return True\ndef __hash__(self):\n    return 7",
    "def __bool__(self):\n    raise Own('bool')",
    "def __format__(self, spec):\n    return 'format'",
    "@property\ndef __class__(self):\n    print('class')\n    return int",
    "@property\ndef __dict__(self):\n    print('dict')\n    return {'lie': 1}",
    "def __getattribute__(self, name):\n    name == 'a' and print('a')\n    return super().__getattribute__(name)",
    "def __getattr__(self, name):\n    return [name]",
    "def __contains__(self, item):\n    raise Own('contains')",
    "def __index__(self):\n    return 3",
]


def lying(chance: Chance, name: str) -> Made:
    """An object that lies about itself wherever it can; it has no repr of its own, or it has."""
    lines = ["count = 0", "def __init__(self):", "    self.b = [1]", "def __hash__(self):", "    return 7"]
    for lie in chance.some(LIES, 3):
        lines += lie.split("\n")
    if chance.once_in(2):
        lines += ["def __repr__(self):", "    return 'lying'"]
    return Made(name, block(f"class {name}:", lines), f"{name}()")


def slotted(chance: Chance, name: str) -> Made:
    """Slots, some unset, some private, some with a dict beside them."""
    extra = chance.pick(["", ", '__dict__'", ", '__weakref__'", ", '__private'"])
    lines = [f"__slots__ = ('a', 'unset'{extra})", "def __init__(self):", f"    self.a = {leaf(chance)}"]
    if "private" in extra:
        lines.append("    self.__private = 1")
    if "dict" in extra:
        lines.append("    self.late = [self]")
    made = block(f"class {name}Base:", ["__slots__ = ('low',)"])
    made += block(f"class {name}({name}Base):", lines)
    if chance.once_in(2):
        made += block(f"class {name}({name}):", [f"more = {leaf(chance)}", "def method(self):", "    return self.a"])
    return Made(name, made, f"{name}()")


def meta(chance: Chance, name: str) -> Made:
    """A class whose class has a mind of its own: equality, hash, names, repr."""
    minds = [
        "def __eq__(cls, other):\n    print('meta eq')\n    return True",
        "def __hash__(cls):\n    raise Own('meta hash')",
        "def __repr__(cls):\n    return '{0} class'",
        "def __repr__(cls):\n    raise Own('meta repr')",
        "def __getattribute__(cls, name):\n    return 1 if name == '__name__' else type.__getattribute__(cls, name)",
        "def __instancecheck__(cls, other):\n    print('instance?')\n    return True",
        "@property\ndef __name__(cls):\n    return 'property'",
        "def __call__(cls, *args):\n    made = type.__call__(cls, *args)\n    return made",
        "def __prepare__(name, bases):\n    return collections.OrderedDict()",
        "__prepare__ = lambda name, bases: Recording()",
    ]
    lines: list[str] = []
    for mind in chance.some(minds, chance.between(1, 3)):
        lines += mind.replace("{0}", name).split("\n")
    made = block(f"class {name}Meta(type):", lines)
    made += block(f"class {name}(metaclass={name}Meta):", ["a = 1", "def hello(self):", "    return self"])
    return Made(name, made, chance.pick([f"{name}()", name, f"[{name}, {name}()]"]))


LIBRARY = [
    ("NAME = collections.namedtuple('NAME', 'x y')", "NAME(1, [2])"),
    (
        """
@dataclasses.dataclass
class NAME:
    x: int = 1
    y: object = None
    z: list = dataclasses.field(default_factory=list)
""",
        "NAME(2)",
    ),
    ("class NAME(enum.Enum):\n    RED = 1\n    BLUE = 'b'", "NAME.RED"),
    ("class NAME(enum.IntEnum):\n    ONE = 1\n    TWO = 2", "NAME.TWO"),
    ("class NAME(enum.Flag):\n    A = 1\n    B = 2", "NAME.A | NAME.B"),
    (
        """
class NAMEBase(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class NAME(NAMEBase):
    def f(self):
        return 1
""",
        "NAME()",
    ),
    (
        """
class NAME(Exception):
    def __init__(self, *args):
        self.extra = [1]
    def __str__(self):
        return 'told'
""",
        "NAME('x', 2)",
    ),
    (
        """
class NAME(collections.namedtuple('NAME', 'x y')):
    def __repr__(self):
        return f'({self.x})'
""",
        "NAME(1, 2)",
    ),
    ("class NAME(types.SimpleNamespace):\n    count = 0", "NAME(a=[1])"),
    ("class NAME(threading.local):\n    a = 1", "NAME()"),
]


def library(chance: Chance, name: str) -> Made:
    """What the standard library makes classes of."""
    text, instance = chance.pick(LIBRARY)
    lines = text.replace("NAME", name).strip("\n").split("\n")
    return Made(name, lines, instance.replace("NAME", name))


ATTRIBUTES = [
    *("str", "None", "5", "lambda self: 'lambda'", "staticmethod(lambda: 'static')", "classmethod(lambda c: 'cls')"),
    *("object.__repr__", "functools.partial(lambda: 'partial')", "property(lambda self: lambda: 'property')"),
    *("list.__repr__", "collections.OrderedDict.__repr__"),
]


def assigned(chance: Chance, name: str) -> Made:
    """A repr that is no function, or that comes later."""
    attribute = chance.pick(ATTRIBUTES)
    return Made(name, block(f"class {name}:", ["count = 0", f"__repr__ = {attribute}"]), f"{name}()")


MAKERS: list[tuple[int, Callable[[Chance, str], Made]]] = [
    (8, plain),
    (5, builtin),
    (2, lying),
    (2, slotted),
    (2, meta),
    (2, library),
    (1, assigned),
]

PRELUDE = """\
class Own(BaseException):
    pass
class Odd(Exception):
    def __repr__(self):
        raise ValueError('odd')
    def __str__(self):
        raise ValueError('odd')
class Text(str):
    def __str__(self):
        return 'not asked'
    def __getitem__(self, key):
        raise Own('text')
class Loud(str):
    def encode(self, *args):
        print('encode')
    def __eq__(self, other):
        print('eq')
        return False
    __hash__ = str.__hash__
class Recording(dict):
    def __setitem__(self, key, value):
        print('set', key)
        dict.__setitem__(self, key, value)
exec(compile('''def joined(target, *args):
    thread = threading.Thread(target=target, args=args)
    thread.start()
    thread.join()
def unheard():
    return (n for n in ())
''', '<hidden>', 'exec'), globals())
SHARED = [1, 'two']
TABLE = {'k': [1]}
def helper(n):
    m = [n, n]
    return f'helped {len(m)}'
def endless(n):
    while True:
        n += 1
"""
