"""A value as text: bounded, free of addresses, and it never raises.

Exact builtins are rendered here, byte for byte like ``repr``; what runs foreign code is left to ``contain``,
which the tracer gives.  Always looks at ``type(value)``, never at ``value.__class__``, and calls the builtin
types' own methods: a subclass, a metaclass or a patched builtin is not asked.  Knows nothing of frames.

Policies: ``repr`` asks a foreign object for its own repr; ``safe`` shows ``<Point object>``; ``fields``
shows ``Point(x=1, y=2)`` from its attributes.  The last two never run foreign code.
"""

from __future__ import annotations

import re
import types
import zlib
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

MAX_CHARACTERS = 1 << 24
"""A value is rendered, and compared, up to here: 16 Mi characters."""
MAX_NESTING = 100
"""Containers within containers beyond this depth show like a cycle, ``[...]``."""
MAX_INT_BITS = 14284
"""Longer ints show in hex: beyond 4,300 digits ``repr`` raises on 3.11 and later, and takes quadratic time."""

POLICIES = ("repr", "safe", "fields")

Contain = Callable[[object], Tuple[Optional[str], str]]
"""Runs a foreign repr: (its text, "") or (None, what went wrong)."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")

identity = object.__hash__
"""The address, like id(), which raises an audit event each time and is heard by our own hook."""

_repr = repr  # the program may patch builtins
_text_of = str.__str__
_name_of = type.__dict__["__name__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_namespace_of = type.__dict__["__dict__"].__get__
_module_dict = vars(types.ModuleType)["__dict__"].__get__
_args_of = BaseException.__dict__["args"].__get__


def type_name(value: object) -> str:
    """The name of a value's type; asks neither its metaclass nor a str subclass."""
    return _text_of(_name_of(type(value)))


def without_addresses(text: str) -> str:
    """Cut ``at 0x…``: addresses are reused, and differ from run to run."""
    return _ADDRESS.sub("", text) if " at 0x" in text else text


def cut(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters, or its beginning with a mark.

    The mark holds a checksum of the whole text, so that two cut texts are equal only if the whole ones
    are: values are compared before they are cut.
    """
    if len(text) <= limit:
        return text
    checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return f"{text[:limit]}...<cut: {len(text)} characters, crc32 {checksum:08x}>"


def _int(value: int) -> str:
    if int.bit_length(value) <= MAX_INT_BITS:
        try:
            return int.__repr__(value)
        except ValueError:  # the program lowered sys.set_int_max_str_digits
            pass
    return hex(value)


def _module(value: types.ModuleType) -> str:
    namespace = _module_dict(value)
    name = dict.get(namespace, "__name__") if isinstance(namespace, dict) else None
    return f"<module {name!r}>" if type(name) is str else "<module object>"


def _quiet(value: object) -> str:
    return without_addresses(_repr(value))


# Exact types whose repr is C code that asks nobody else.
_SHOWN: Dict[type, Callable[[Any], str]] = {
    int: _int,
    str: str.__repr__,
    float: float.__repr__,
    bool: bool.__repr__,
    type(None): lambda value: "None",
    bytes: bytes.__repr__,
    complex: complex.__repr__,
    bytearray: bytearray.__repr__,
    type(...): lambda value: "Ellipsis",
    type(NotImplemented): lambda value: "NotImplemented",
    types.ModuleType: _module,
    **dict.fromkeys(
        (
            type,
            types.FunctionType,
            types.BuiltinFunctionType,
            types.GeneratorType,
            types.CoroutineType,
            types.AsyncGeneratorType,
            types.MethodDescriptorType,
            types.WrapperDescriptorType,
            types.ClassMethodDescriptorType,
            types.GetSetDescriptorType,
            types.MemberDescriptorType,
        ),
        _quiet,
    ),
}

# Types are looked up by address: a metaclass may have a __hash__ and an __eq__ of its own.
_LEAVES = {identity(kind): show for kind, show in _SHOWN.items()}

UNCHANGING = frozenset(map(identity, (int, str, float, bool, type(None), bytes, complex)))
"""Addresses of the exact types of which the same object always has the same text."""

_CYCLE: Dict[type, str] = {list: "[...]", tuple: "(...)", dict: "{...}", set: "set(...)", frozenset: "frozenset(...)"}
_CYCLES = {identity(kind): cycle for kind, cycle in _CYCLE.items()}


class _Enough(Exception):
    """MAX_CHARACTERS are reached."""


class Values:
    """Renders values under one policy.  One for each thread: it remembers what it is inside of."""

    def __init__(self, policy: str, contain: Contain) -> None:
        if policy not in POLICIES:
            raise ValueError(f"no such value policy: {policy!r}; there are {', '.join(POLICIES)}")
        self._foreign = {"repr": self._own_repr, "safe": self._safe, "fields": self._fields}[policy]
        self._contain = contain
        self._out: List[str] = []
        self._room = 0
        self._inside: List[object] = []

    def text(self, value: object) -> str:
        """The text of a value, whole up to MAX_CHARACTERS."""
        leaf = _LEAVES.get(identity(type(value)))
        if leaf is not None:
            return leaf(value)[:MAX_CHARACTERS]
        self._out = []
        self._room = MAX_CHARACTERS
        self._inside = []
        try:
            self._add(value)
        except _Enough:
            pass
        except RecursionError:
            # The program is close to its own limit; see the header of reference.py.
            self._out = [f"<{type_name(value)} object (too deep to show)>"]
        text = "".join(self._out)
        self._out = []
        self._inside = []
        return text

    def _put(self, text: str) -> None:
        if len(text) >= self._room:
            self._out.append(text[: self._room])
            raise _Enough
        self._room -= len(text)
        self._out.append(text)

    def _add(self, value: object) -> None:
        kind = identity(type(value))
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            self._put(leaf(value))
        elif kind in _CYCLES:
            self._nested(value, _CYCLES[kind], self._container)
        else:
            self._foreign(value)

    def _nested(self, value: object, cycle: str, add: Callable[[Any], None]) -> None:
        if len(self._inside) >= MAX_NESTING or any(value is outer for outer in self._inside):
            self._put(cycle)
            return
        self._inside.append(value)
        add(value)
        self._inside.pop()

    def _container(self, value: Any, kind: Optional[type] = None) -> None:
        """A container, or what a subclass's instance holds as its builtin ``kind``.

        Copied before it is shown: a foreign repr inside may change it.  Never rebuilt as a dict or a set:
        that would ask the items for their hashes.
        """
        kind = kind or type(value)
        if kind is list:
            self._items("[", list(list.__iter__(value)), "]")
        elif kind is tuple:
            items = list(tuple.__iter__(value))
            self._items("(", items, ",)" if len(items) == 1 else ")")
        elif kind is dict:
            self._dict(list(dict.items(value)))
        elif kind is set:
            items = list(set.__iter__(value))
            self._items("{", items, "}") if items else self._put("set()")
        else:
            items = list(frozenset.__iter__(value))
            self._items("frozenset({", items, "})") if items else self._put("frozenset()")

    def _items(self, opening: str, items: Iterable[object], closing: str) -> None:
        self._put(opening)
        for index, item in enumerate(items):
            if index:
                self._put(", ")
            self._add(item)
        self._put(closing)

    def _dict(self, pairs: List[Tuple[object, object]]) -> None:
        self._put("{")
        for index, (key, item) in enumerate(pairs):
            if index:
                self._put(", ")
            self._add(key)
            self._put(": ")
            self._add(item)
        self._put("}")

    # Foreign objects, by policy.

    def _own_repr(self, value: object) -> None:
        text, failure = self._contain(value)
        if text is None:
            self._put(f"<{type_name(value)} object ({failure})>")
            return
        text = without_addresses(_text_of(text))
        if not text.isascii() and _SURROGATE.search(text):
            # Two halves of a pair, side by side: JSON could not tell them from the character.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        # ".." is taken: it says that nothing changed.
        self._put(text if text != ".." else f"<{type_name(value)} object>")

    def _safe(self, value: object) -> None:
        if is_kind(value, BaseException):
            self._nested(value, f"{type_name(value)}(...)", self._exception)
        else:
            self._put(f"<{type_name(value)} object>")

    def _exception(self, value: BaseException) -> None:
        args = _args_of(value)
        self._items(type_name(value) + "(", args if type(args) is tuple else (), ")")

    def _fields(self, value: object) -> None:
        fields = _attributes(value)
        base = next((kind for kind in _BASES if is_kind(value, kind)), None)
        if fields or base is not None:
            self._nested(value, f"{type_name(value)}(...)", lambda v: self._object(v, base, fields))
        else:
            self._safe(value)

    def _object(self, value: Any, base: Optional[type], fields: List[Tuple[str, object]]) -> None:
        shown = base is not None
        if base is BaseException:
            args = _args_of(value)
            shown = bool(args)
            self._items(type_name(value) + "(", args if type(args) is tuple else (), "")
        else:
            self._put(type_name(value) + "(")
            if base in _CYCLE:
                self._container(value, base)
            elif base is not None:
                self._add(_BASES[base](value))
        for field, item in fields:
            self._put(f"{', ' if shown else ''}{field}=")
            self._add(item)
            shown = True
        self._put(")")


# What an instance of a subclass of a builtin holds.  Containers are shown by _container.
_BASES: Dict[type, Callable[[Any], object]] = {
    **dict.fromkeys((BaseException, *_CYCLE), lambda value: None),
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}


def _mro(kind: type) -> Tuple[type, ...]:
    """A type that was never made ready has none: 3.11's ``positions_iterator``."""
    return _mro_of(kind) or ()


def is_kind(value: object, kind: type) -> bool:
    """``isinstance`` that asks nobody."""
    return any(base is kind for base in _mro(type(value)))


def _attributes(value: object) -> List[Tuple[str, object]]:
    """An object's slots and instance attributes, read through the interpreter's own descriptors only."""
    slots: List[Tuple[str, object]] = []
    instance: List[Tuple[str, object]] = []
    for cls in reversed(_mro(type(value))):
        namespace = _namespace_of(cls)
        for name, descriptor in list(namespace.items()):
            if type(name) is not str or (name[:2] == "__" and name != "__dict__"):
                continue
            if type(descriptor) is types.MemberDescriptorType and _heap(cls):
                try:
                    slots.append((name, descriptor.__get__(value)))
                except AttributeError:
                    continue
            elif name == "__dict__" and type(descriptor) is types.GetSetDescriptorType and not instance:
                attributes = descriptor.__get__(value)
                if is_kind(attributes, dict):
                    instance = [(n, v) for n, v in list(dict.items(attributes)) if type(n) is str and n[:2] != "__"]
    return slots + instance


def _heap(cls: type) -> bool:
    """Whether a class was made by a class statement: the slots of C types are their own business."""
    return bool(type.__dict__["__flags__"].__get__(cls) & (1 << 9))
