"""Evidence about a value's form: how likely each form makes what was seen.  Rows of tables, multiplied.

A row is written ``"STR LIST:.5 / .02"``: forms with their likelihood (1 unless said), and that of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tracegen.inputs.shapes import Form

PRIOR: Mapping[Form, float] = {
    Form.INT: 1.0,
    Form.STR: 1.0,
    Form.LIST: 0.8,
    Form.DICT: 0.25,
    Form.FLOAT: 0.25,
    Form.BOOL: 0.08,
    Form.TUPLES: 0.12,
    Form.SET: 0.06,
    Form.BYTES: 0.05,
    Form.NONE: 0.02,
    Form.CALLABLE: 0.02,
    Form.CALL: 0.01,
}
"""What an argument is when nothing is known; CALL stands for an instance of a class of the module."""

TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Row:
    """Likelihoods by form, and for the forms that it does not name."""

    forms: tuple[tuple[Form, float], ...]
    other: float

    def times(self, weights: dict[Form, float]) -> None:
        """Multiply weights by the row, in place."""
        own = dict(self.forms)
        for form in weights:
            weights[form] = max(TINY, weights[form] * own.get(form, self.other))


@lru_cache(maxsize=256)
def row(text: str) -> Row:
    """The row that a text writes."""
    forms, _, other = text.partition("/")
    pairs = [word.partition(":") for word in forms.split()]
    return Row(tuple((Form[name], float(weight or 1)) for name, _, weight in pairs), float(other or 0.02))


def rows(table: Mapping[str, str]) -> dict[str, Row]:
    """A table from rows to words turned around: each word's row."""
    return {word: row(text) for text, words in table.items() for word in words.split()}


SIZED = row("STR LIST DICT:.9 TUPLES:.8 SET:.7 BYTES:.4 / .01")
INDEXED = row("LIST STR TUPLES:.8 DICT:.4 BYTES:.3 CALL:.1 / .01")
SLICED = row("STR LIST TUPLES:.6 BYTES:.3 / .005")
STORED = row("LIST DICT:.9 / .005")
DELETED = row("LIST DICT / .005")
ITERATED = row("LIST STR:.7 DICT:.3 TUPLES:.6 SET:.5 BYTES:.1 / .01")
MEMBERED = row("LIST STR DICT:.9 SET:.7 TUPLES:.5 / .01")
KEYED = row("DICT / .005")
PAIRS = row("TUPLES LIST:.3 STR:.03 / .01")
NUMERIC = row("INT FLOAT:.8 BOOL:.15 / .01")
WHOLE = row("INT BOOL:.1 / .01")
ORDERED = row("INT FLOAT STR:.1 LIST:.02 TUPLES:.02 BOOL:.1 / .01")
TEXTUAL = row("STR / .01")
BINARY = row("BYTES / .01")
CALLED = row("CALLABLE CALL:.2 / .003")
LISTED = row("LIST / .01")
TRUE = row("BOOL / .1")
MAYBE_NONE = row("NONE:30 / 1")
HASHED = row("INT STR TUPLES:.8 FLOAT:.6 BOOL:.5 NONE:.5 BYTES:.5 / .03")
SEQUENCE = row("LIST STR:.3 TUPLES:.7 SET:.3 DICT:.2 / .02")
OBJECT = row("CALL / .002")
LOOKED_UP = row("DICT / .008")

METHODS = rows(
    {
        "STR BYTES:.04 / .004": "split rsplit strip lstrip rstrip upper lower title capitalize swapcase "
        "startswith endswith replace find rfind rindex join partition rpartition splitlines isdigit isalpha isalnum "
        "isspace isupper islower center ljust rjust zfill expandtabs translate removeprefix removesuffix",
        "STR / .004": "isnumeric isdecimal istitle isidentifier isprintable casefold format encode isascii format_map",
        "LIST / .004": "append extend insert sort reverse",
        "LIST SET:.4 / .004": "remove",
        "LIST DICT:.6 SET:.3 / .004": "pop",
        "DICT / .003": "items keys values setdefault popitem get",
        "DICT SET:.2 / .004": "update",
        "SET / .004": "add discard union intersection difference issubset issuperset symmetric_difference",
        "LIST DICT SET:.7 / .01": "copy clear",
        "STR LIST TUPLES:.5 BYTES:.04 / .01": "count index",
        "BYTES / .002": "decode hex",
        "INT / .01": "bit_length to_bytes bit_count",
        "FLOAT / .01": "is_integer as_integer_ratio",
        "INT FLOAT / .02": "conjugate",
    }
)
"""What a method says about the value that has it."""

CALLS = rows(
    {
        "STR / .01": "ord",
        "STR BYTES:.1 / .003": "fspath fsdecode fsencode normcase",
        "BYTES / .01": "memoryview crc32 b2a_base64 b2a_hex hexlify",
        "BYTES STR:.5 / .01": "a2b_base64 unhexlify",
        "INT / .02": "chr bin hex oct range",
        "STR INT FLOAT:.5 BOOL:.2 / .02": "int",
        "STR INT FLOAT / .02": "float Fraction Decimal",
        "INT FLOAT BOOL:.1 / .01": "abs round divmod pow fabs floor ceil trunc sqrt exp log log2 log10 sin cos tan "
        "isnan isinf isfinite copysign hypot radians degrees",
        "INT / .01 ": "gcd lcm factorial comb perm isqrt",
        "LIST TUPLES:.6 SET:.5 DICT:.1 / .01": "sum fsum prod mean median",
        "LIST STR:.3 TUPLES:.6 SET:.5 DICT:.2 / .05": "max min",
        "LIST STR:.7 TUPLES:.6 SET:.5 DICT:.3 / .01": "list tuple set frozenset sorted enumerate reversed iter any "
        "all zip deque Counter cycle chain islice accumulate groupby permutations combinations product",
        "STR LIST DICT:.9 TUPLES:.8 SET:.7 BYTES:.4 / .01": "len",
        "LIST / .01": "heapify heappop heappush bisect bisect_left bisect_right insort shuffle",
        "DICT LIST:.1 / .02": "dict",
        "CALL:.2 LIST:.5 / .3": "next",
    }
)
"""What a call says about its first argument, by the last part of the function's name."""

ARGUMENTS = rows(
    {
        "STR / .01": "split rsplit strip lstrip rstrip replace find rfind startswith endswith partition rpartition "
        "removeprefix removesuffix",
        "INT / .02": "center ljust rjust zfill insert",
        "LIST STR:.8 TUPLES SET / .02": "fromkeys",
        "LIST STR:.3 TUPLES:.3 / .01": "join",
        "LIST STR:.1 TUPLES:.6 SET:.4 / .03": "extend",
        "DICT / .03": "update",
    }
)
"""What being a method's first argument says about a value, whoever has the method."""
