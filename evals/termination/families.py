"""Families of programs that halt and, but for one small edit, do not: templates with holes.

``$name`` is a hole: a name (of `NAMES`), a number (a range of the family's), a text or a list (a `Drawn`), one of
``choices``, or one of ``edits``, whose first reading is meant to halt and whose second to loop.  What a drawn program
really does is for its certificate to say: see generator.py.  Endless recursion is left out: it raises RecursionError in
Python.

Longer than the house's 350 lines: one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES: Mapping[str, tuple[str, ...]] = {
    "n": ("n", "count", "remaining", "left", "budget"),
    "m": ("limit", "target", "goal", "bound"),
    "total": ("total", "result", "acc", "score"),
    "i": ("i", "pos", "index", "cursor"),
    "j": ("j", "end", "right", "tail"),
    "xs": ("items", "values", "nums", "data"),
    "out": ("out", "found", "kept", "seen"),
    "s": ("text", "s", "word", "line"),
    "flag": ("done", "finished", "stop", "ready"),
    "state": ("state", "mode", "phase", "signal"),
    "a": ("a", "x", "first", "big"),
    "b": ("b", "y", "second", "small"),
    "helper": ("step", "advance", "follow", "update"),
    "steps": ("steps", "rounds", "turns", "ticks"),
}
LETTERS = "abcdegmnrstx"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A list of so many numbers of a range; with ``text``, so many letters."""

    sizes: tuple[int, int]
    numbers: tuple[int, int] = (1, 9)
    text: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """``members`` is the recurrent set to try, where no lasso is found; holes stand in it too."""

    name: str
    code: str
    input: str
    edits: Mapping[str, tuple[str, str]]
    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    drawn: Mapping[str, Drawn] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    members: tuple[str, ...] = ()


FAMILIES = (
    Family(
        "counting down: the sign",
        """
def f($n):
    $total = 0
    while $n > 0:
        $total += $n
        $n $sign $k
    return $total
""",
        "$start",
        {"sign": ("-=", "+=")},
        {"start": (4, 30), "k": (1, 4)},
        members=("$n >= 1",),
    ),
    Family(
        "counting up: a comparison",
        """
def f($n, $m):
    $steps = 0
    while $n $test $m:
        $n += $k
        $steps += 1
    return $steps
""",
        "$start, $stop",
        {"test": ("<", "!=")},
        {"start": (0, 9), "stop": (14, 40), "k": (2, 5)},
        members=("$n >= $m + 1",),
    ),
    Family(
        "counting up: the right name",
        """
def f($m):
    $i = 0
    $total = 0
    while $i < $m:
        if $i % $k == 0:
            $total += $i
        $target += 1
    return $total
""",
        "$stop",
        {"target": ("$i", "$total")},
        {"stop": (4, 15), "k": (2, 4)},
        members=("$i == 0", "$m >= 1"),
    ),
    Family(
        "meeting in the middle: off by one",
        """
def f($a, $b):
    $steps = 0
    while $a != $b:
        $a += 1
        $b -= 1
        $steps += 1
    return ($steps, $a)
""",
        "$low, $high",
        {"high": ("$even", "$odd")},
        {"low": (0, 6), "even": (10, 24), "odd": (10, 24)},
        members=("($a - $b) % 2 == 1",),
    ),
    Family(
        "subtracting: the larger one",
        """
def f($a, $b):
    $steps = 0
    while $a != $b:
        if $a > $b:
            $a -= $b
        else:
            $b $sign $a
        $steps += 1
    return $a
""",
        "$x, $y",
        {"sign": ("-=", "+=")},
        {"x": (4, 30), "y": (3, 30)},
        members=("$b >= $a + 1", "$a >= 1"),
    ),
    Family(
        "chasing: which one is faster",
        """
def f($a, $b):
    $steps = 0
    while $a < $b:
        $a += $first
        $b += $second
        $steps += 1
    return $steps
""",
        "$x, $y",
        {"first": ("$fast", "$slow"), "second": ("$slow", "$fast")},
        {"x": (0, 5), "y": (7, 20), "fast": (4, 7), "slow": (1, 3)},
        members=("$b >= $a + 1",),
    ),
    Family(
        "growing: a factor",
        """
def f($n, $m):
    $out = []
    while $n < $m:
        $out.append($n)
        $n = $n * $factor $sign 1
    return $out
""",
        "$start, $stop",
        {"sign": ("+", "-")},
        {"start": (1, 1), "stop": (15, 90), "factor": (2, 2)},
        members=("$n == 1", "$m >= 2"),
    ),
    Family(
        "halving: towards which end",
        """
def f($n, $b):
    $steps = 0
    while $n > $low:
        $n = ($n + $b) // 2
        if $n % $k == 0:
            $steps = max($steps, $n)
    return $steps + $n
""",
        "$start, $aim",
        {"low": ("$b", "$b - 1")},
        {"start": (9, 90), "aim": (1, 8), "k": (2, 4)},
    ),
    Family(
        "collatz, bounded",
        """
def f($n):
    $steps = 0
    while $n != 1:
        if $n % 2 == 0:
            $n //= 2
        else:
            $n = 3 * $n $sign 1
    return $steps + $n
""",
        "$start",
        {"sign": ("+", "-")},
        {"start": (5, 40)},
    ),
    Family(
        "binary search: off by one",
        """
def f($xs, $m):
    $i = 0
    $j = len($xs) - 1
    while $i $test $j:
        mid = ($i + $j) // 2
        if $xs[mid] < $m:
            $i = mid + 1
        else:
            $j = mid
    return $i
""",
        "$list, $aim",
        {"test": ("<", "<=")},
        {"aim": (1, 9)},
        {"list": Drawn((4, 8))},
    ),
    Family(
        "two pointers: a missing move",
        """
def f($s):
    $i = 0
    $j = len($s) - 1
    while $i < $j:
        if $s[$i] != $s[$j]:
            $j -= 1
        elif $s[$i] == '$c':
            $i += $move
        else:
            $i += 1
            $j -= 1
    return $i + $j
""",
        "'$word'",
        {"move": ("1", "0")},
        {},
        {"word": Drawn((5, 9), text=True), "c": Drawn((1, 1), text=True)},
    ),
    Family(
        "scanning a text: where the step stands",
        """
def f($s):
    $i = 0
    $out = ''
    while $i < len($s):
        if $s[$i] in '$some':
            $out = $s[$i]
            $i += $move
        else:
            $i += 1
    return $out
""",
        "'$word'",
        {"move": ("1", "0")},
        {},
        {"word": Drawn((5, 10), text=True), "some": Drawn((3, 5), text=True)},
    ),
    Family(
        "finding again: from where",
        """
def f($s):
    $n = 0
    $i = $s.find('$c')
    while $i != -1:
        $n = max($n, $i)
        $i = $s.find('$c', $from)
    return $n
""",
        "'$word'",
        {"from": ("$i + 1", "$i")},
        {},
        {"word": Drawn((5, 10), text=True), "c": Drawn((1, 1), text=True)},
    ),
    Family(
        "replacing in a text: what it makes",
        """
def f($s):
    while '$c$d' in $s:
        $s = $s.replace('$c$d', '$new', 1)
    return $s
""",
        "'$word$c$d$tail$c$d'",
        {"new": ("$d$c", "$c$d")},
        {},
        {
            "word": Drawn((1, 5), text=True),
            "tail": Drawn((1, 4), text=True),
            "c": Drawn((1, 1), text=True),
            "d": Drawn((1, 1), text=True),
        },
    ),
    Family(
        "a queue: what goes back into it",
        """
def f($xs):
    $total = 0
    while $xs:
        head = $xs.pop(0)
        if head > $k:
            $xs.append(head $change)
        else:
            $total = max($total, head)
    return $total
""",
        "$list",
        {"change": ("- $d", "% $d + $k + 1")},
        {"k": (2, 5), "d": (2, 4)},
        {"list": Drawn((2, 4), (2, 12))},
    ),
    Family(
        "a stack: which end",
        """
def f($xs):
    $out = []
    while $xs and $xs[$end] != $k:
        $out.append($xs.pop())
        if len($out) > 3:
            $xs.append($out.pop(0))
    return $out
""",
        "$list",
        {"end": ("-1", "0")},
        {"k": (1, 9)},
        {"list": Drawn((5, 8))},
    ),
    Family(
        "sorting by swaps: equal ones",
        """
def f($xs):
    $flag = False
    while not $flag:
        $flag = True
        $i = 0
        while $i < len($xs) - 1:
            if $xs[$i] $test $xs[$i + 1]:
                $xs[$i], $xs[$i + 1] = $xs[$i + 1], $xs[$i]
                $flag = False
            $i += 1
    return $xs
""",
        "$list",
        {"test": (">", ">=")},
        {},
        {"list": Drawn((3, 4), (1, 5))},
    ),
    Family(
        "two names, one list",
        """
def f($xs):
    $out = $copied
    $steps = 0
    while len($xs) > 1:
        $out.pop()
        $out.append(0)
        $out.pop(0)
        $steps = len($out)
        if $steps == 0:
            $out = $copied
            $out.append($k)
    return $xs
""",
        "$list",
        {"copied": ("$xs", "$xs[:]")},
        {"k": (1, 9)},
        {"list": Drawn((3, 6))},
    ),
    Family(
        "a state machine: a transition",
        """
def f($state, $n):
    moves = {'idle': 'load', 'load': 'run', 'run': '$next', 'wait': '$last'}
    while $state != 'stop':
        $state = moves[$state]
        if $state == 'run' and $n > 0:
            $n -= 1
    return $n
""",
        "'$from', $turns",
        {"last": ("stop", "load")},
        {"turns": (1, 6)},
        choices={"from": ("idle", "load", "run"), "next": ("wait", "idle", "load")},
    ),
    Family(
        "following links: where they lead",
        """
def f($a):
    links = $list
    $steps = 0
    while links[$a] != $a:
        $b = links[$a]
        $a = $b
        if $b > $k:
            $steps = max($steps, $b)
    return $steps
""",
        "$start",
        {"list": ("$tree", "$ring")},
        {"start": (0, 5), "k": (1, 4)},
        {"tree": Drawn((6, 6), (0, 5)), "ring": Drawn((6, 6), (0, 5))},
    ),
    Family(
        "a flag: who sets it",
        """
def f($xs, $m):
    $flag = False
    $i = 0
    while not $flag:
        if $xs[$i] $test $m:
            $flag = True
        $i = ($i + $k) % len($xs)
    return $i
""",
        "$list, $aim",
        {"test": (">=", ">")},
        {"aim": (6, 9), "k": (1, 3)},
        {"list": Drawn((4, 7))},
    ),
    Family(
        "nested loops: which counter is set back",
        """
def f($n, $m):
    $total = 0
    $i = 0
    while $i < $n:
        $j = 0
        while $j < $m:
            $total = max($total, $i * $j)
            $j += 1
        $change
    return $total
""",
        "$rows, $columns",
        {"change": ("$i += 1", "$i = $j - $m")},
        {"rows": (2, 5), "columns": (2, 4)},
    ),
    Family(
        "a helper: what it gives back",
        """
def $helper($a, $m):
    while $a $test $m:
        $a = ($a + $k) % $modulus
    return $a

def f($b):
    $a = $helper($b, $aim)
    return $a + $b
""",
        "$start",
        {"test": ("<", "!=")},
        {"start": (0, 3), "k": (2, 5), "modulus": (8, 14), "aim": (4, 7)},
    ),
    Family(
        "recursion that ends, in a loop that may not",
        """
def $helper($a, $b):
    if $b == 0:
        return $a
    return $helper($b, $a % $b)

def f($n, $m):
    while $helper($n, $m) != 1:
        $n = ($n + $k) % $size
    return $n
""",
        "$start, $other",
        {"k": ("$one", "$two")},
        {"start": (4, 20), "other": (4, 18), "one": (1, 5), "two": (2, 6), "size": (12, 30)},
    ),
    Family(
        "steps on a ring: what they divide",
        """
def f($n, $m):
    $i = 0
    $out = [0]
    while True:
        $i = ($i + $n) % $m
        if $i == $aim:
            break
        $out[0] = $i
    return $out
""",
        "$step, $size",
        {"step": ("$one", "$two")},
        {"one": (1, 9), "two": (2, 9), "size": (8, 24), "aim": (1, 7)},
    ),
    Family(
        "digits: the base",
        """
def f($n):
    $total = 0
    while $n > 0:
        $total = max($total, $n % $base)
        $n $op $base
    return $total
""",
        "$start",
        {"op": ("//=", "%=")},
        {"start": (30, 9999), "base": (2, 10)},
    ),
    Family(
        "saving up: what is spent",
        """
def f($n, $m):
    $steps = 0
    $total = $k
    while $total < $m:
        $total += $n
        $steps += 1
        if $total > $k:
            $total -= $spent
    return $steps
""",
        "$gain, $stop",
        {"spent": ("$less", "$more")},
        {"gain": (4, 7), "stop": (16, 30), "k": (1, 4), "less": (1, 3), "more": (4, 9)},
        members=("$total <= $k", "$n <= $more", "$m >= $k + 1"),
    ),
    Family(
        "a countdown that is set back",
        """
def f($n, $m):
    $total = 0
    while $n > 0 and $m > 0:
        $n -= 1
        if $n == $again:
            $m $sign 1
            $n = $k
        $total += $m
    return $total
""",
        "$start, $times",
        {"sign": ("-=", "+=")},
        {"start": (5, 9), "times": (2, 4), "again": (1, 2), "k": (4, 6)},
        members=("$n >= $again + 1", "$m >= 1"),
    ),
)
