"""A class of growth as models spell it: ``O(n^2)``, ``n²``, ``quadratic time``.  A table; nothing is evaluated.

Lenient in spelling alone: an expression that would have to be simplified (``O(n + 1)``), or is in another variable
(``O(len(xs))``), is none of the classes.
"""

from __future__ import annotations

import re

from evals.growth.fit import Growth

LONGEST = 80
"""Characters; a longer text is more than a class."""

_BARE = {
    Growth.CONSTANT: ("1", "constant"),
    Growth.LOGARITHMIC: ("logn", "logarithmic"),
    Growth.LINEAR: ("n", "n^1", "linear"),
    Growth.LINEARITHMIC: ("nlogn", "n.logn", "logn.n", "linearithmic", "loglinear", "log-linear", "quasilinear"),
    Growth.QUADRATIC: ("n^2", "n.n", "quadratic"),
    Growth.CUBIC: ("n^3", "n.n.n", "cubic"),
    Growth.EXPONENTIAL: ("2^n", "exponential"),
}
_CLASSES = {bare: growth for growth, spellings in _BARE.items() for bare in spellings}

_ORDER = re.compile(r"(?:big-?)?[oθ]\((.*)\)", re.DOTALL)
_NOISE = re.compile(r"\\mathcal|\\mathrm|\\text|\\left|\\right|\\,|\\|time|complexity|[\s$`{}]")
_BASE = re.compile(r"log_?\(?2\)?(?=\(?n)|lg(?=\(?n)|ln(?=\(?n)")


def read_growth(text: str) -> Growth | None:
    """The class that a text names, or None.

    >>> read_growth("O(N * log2(N))"), read_growth("O(len(xs))")
    (<Growth.LINEARITHMIC: 'O(n log n)'>, None)
    """
    if len(text) > LONGEST:
        return None
    bare = text.translate(_MARKS).lower().strip().rstrip(".").strip()
    # Bold stands around an answer, a power inside.
    bare = bare.strip("*")
    bare = _NOISE.sub("", bare.replace(r"\cdot", "*").replace(r"\times", "*").replace(r"\theta", "θ"))
    ordered = _ORDER.fullmatch(bare)
    bare = ordered[1] if ordered else bare
    bare = _BASE.sub("log", bare.replace("**", "^"))
    # Arguments of log and powers may stand in parentheses, products with or without a sign.
    bare = re.sub(r"\((\w+(?:\^\w+)?|\w*logn)\)", r"\1", re.sub(r"log\(n\)", "logn", bare))
    return _CLASSES.get(bare.replace("*", "."))


_MARKS = str.maketrans({"²": "^2", "³": "^3", "ⁿ": "^n", "Θ": "θ", "·": "*", "⋅": "*", "×": "*", "₂": "2", "𝒪": "o"})
