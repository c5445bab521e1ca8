"""The names that the frames of a context may show as locals, read off its text.

A function's locals are known when it is compiled, so each of their names stands in the source, or is one that the
compiler makes.  A module's and a class body's stand in a dict, which a program may fill with what it likes: then any
name goes.  Looks at words and parses nothing, since a context may be cut; comments and strings count.  Knows nothing of
frames: see frame_automaton.py.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Set
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as _quote

from tracegen.context import MARKER

ITERATOR = ".0"
"""A comprehension's argument."""

_OF_CLASSES = ("__class__", "_generate_next_value_")
"""The free variable of a method that says ``super()``; what enum's ``__prepare__`` puts into a class body."""

_OF_TYPE_PARAMETERS = (".defaults", ".generic_base", ".kwdefaults", ".type_params", "__classdict__")
_TYPE_PARAMETERS = re.compile(r"\b(?:def|class|type)\s+\w+\s*\[")

_FILLERS = frozenset(
    ["__dict__", "__prepare__", "exec", "f_globals", "f_locals", "globals", "locals", "modules", "setattr", "vars"]
)
"""Whoever fills a namespace by other means than its own source says one of these."""

_IMPORT_ALL = re.compile(r"\bimport\s*\*")
_CLASS = re.compile(r"\bclass\s+(\w+)")
_ENTRY = re.compile(rf"^\s*(?:async\s+)?def\b.*{re.escape(MARKER)}$", re.MULTILINE)
_PAST_ASCII = b"\x7f"
MOST_MANGLED = 10_000
"""More private names than these, class by class, are not listed: then any name goes."""


@dataclass(frozen=True, slots=True)
class LocalNames:
    """Names as JSON spells them, without their quotes, in order; ``any`` if the program may make others too."""

    spelled: tuple[bytes, ...]
    any: bool

    def has(self, name: bytes) -> bool:
        """Whether this is one of the names."""
        at = bisect_left(self.spelled, name)
        return at < len(self.spelled) and self.spelled[at] == name

    def leaves(self, start: bytes, used: Set[bytes]) -> bool:
        """Whether a name begins with ``start`` that is not used yet; all that are used are names."""
        first = bisect_left(self.spelled, start)
        count = bisect_left(self.spelled, start + _PAST_ASCII, first) - first
        return count > 0 and (count > len(used) or count > sum(name.startswith(start) for name in used))


def names_in(context: str) -> LocalNames:
    r"""The names that frames of this context may show.

    >>> [name.decode() for name in names_in("\ndef f(a, \xe9):\n    return a\n").spelled]
    ['.0', '\\u00e9', 'a', 'f']
    """
    words = identifiers(context)
    names = {word for word in words if not keyword.iskeyword(word)} | {ITERATOR}
    has_class = "class" in words
    anything = False
    if has_class:
        classes = {bare for name in _CLASS.findall(context) if (bare := _normal(name).lstrip("_"))}
        private = [word for word in names if word.startswith("__") and not word.endswith("__")]
        anything = len(classes) * len(private) > MOST_MANGLED
        if not anything:
            names |= {f"_{name}{word}" for name in classes for word in private}
        names |= set(_OF_CLASSES)
    if _TYPE_PARAMETERS.search(context):
        names |= set(_OF_TYPE_PARAMETERS)
    if has_class or not _ENTRY.search(context):
        anything = anything or bool(words & _FILLERS or _IMPORT_ALL.search(context))
    return LocalNames(tuple(sorted(_quote(name)[1:-1].encode("ascii") for name in names)), anything)


def identifiers(text: str) -> set[str]:
    """The words of a text that Python could read as names, as it normalises them (NFKC); keywords are among them."""
    strange = {character for character in set(text) if not character.isascii() and ("a" + character).isidentifier()}
    inside = "0-9A-Za-z_" + re.escape("".join(sorted(strange)))
    found = set()
    for word in set(re.findall(f"[{inside}]+", text)):
        # 1if: digits end where a word begins.
        bare = word if word.isidentifier() else word.lstrip("0123456789_.")
        found |= {name for name in (_normal(word), _normal(bare)) if name.isidentifier()}
    return found


def _normal(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFKC", name)
