"""The smallest text that defines a function: what is kept, what is left out, and that it runs.

Longer than 350 lines: a case for each way in which Python lets a statement need another.
"""

from __future__ import annotations

import ast
import bisect
import colorsys
import copy
import heapq
import importlib
import json
import os
import posixpath
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path
from textwrap import dedent
from types import BuiltinFunctionType, ModuleType
from typing import Any

import pytest

from tests.test_discovery import written
from tracegen.context import lines_of
from tracegen.programs.discovery import Found, Module, Origin, functions, modules
from tracegen.programs.excerpt import CONFLICT, INSIDE, OUTSIDE, UNDEFINED, WHOLE, Excerpt, Library, excerpt


def library(texts: dict[str, str], origin: Origin = Origin.PACKAGE) -> Library:
    """Modules by name; ``pkg/`` is the package pkg itself."""
    return Library(
        Module(name.rstrip("/"), name, dedent(text).lstrip("\n"), name.endswith("/"), origin)
        for name, text in texts.items()
    )


def found(among: Library, module: str, function: str) -> Found:
    return next(each for each in functions(among.modules[module]) if each.qualname == function)


def answer(among: Library, module: str = "m", function: str = "f", *also: str) -> Excerpt | str:
    return excerpt(found(among, module, function), among, frozenset(also))


def kept(text: str, *also: str, function: str = "f", origin: Origin = Origin.FILE) -> str:
    """The excerpt of a function of a module ``pkg.m``."""
    made = answer(library({"pkg.m": text}, origin), "pkg.m", function, *also)
    assert isinstance(made, Excerpt), made
    return made.text


def same(text: str, wanted: str, *also: str) -> None:
    assert kept(text, *also) == dedent(wanted).lstrip("\n")


def program(text: str) -> dict[str, Any]:
    """What a text of ours defines when it is run."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "<program>", "exec", dont_inherit=True), names)
    return names


def test_only_what_is_needed_is_kept() -> None:
    same(
        '''
        #!/usr/bin/env python
        """A module."""
        import os, re
        from math import ceil, floor as down, pi  # three

        __all__ = ["f"]

        # The most that fits.
        # Never more.
        LIMIT = 10
        OTHER = pi


        def helper(x):
            # halves
            return down(x / 2)


        def unused():
            return os.name


        def f(x, limit=LIMIT):
            """Says."""
            return min(helper(x), limit)

        if __name__ == "__main__":
            LIMIT = 3
            print(f(3))
        ''',
        '''
        from math import floor as down

        # The most that fits.
        # Never more.
        LIMIT = 10


        def helper(x):
            # halves
            return down(x / 2)


        def f(x, limit=LIMIT):
            """Says."""
            return min(helper(x), limit)
        ''',
    )


def test_lines_and_body_are_those_of_the_module() -> None:
    text = "import os\n\nA = 1\nB = 2\n\ndef f():\n    'doc'\n    if A:\n        return (\n            1)\n\nC = 3\n"
    made = answer(library({"m": text}))
    assert isinstance(made, Excerpt)
    assert made.function == "f"
    lines = lines_of(made.text)
    assert {number: place for number, place in made.line_of.items() if place[1] > 3} == {
        3: ("m", 6),
        4: ("m", 7),
        5: ("m", 8),
        6: ("m", 9),
        7: ("m", 10),
    }
    assert all(lines[number - 1] == lines_of(text)[line - 1] for number, (_, line) in made.line_of.items())
    assert [lines[number - 1].strip() for number in sorted(made.body_lines)] == ["if A:", "return ("]


@pytest.mark.parametrize(
    "needed",
    [
        "def f(a=N): return a",
        "def f(a: N): return a",
        "def f() -> N: return 1",
        "@N\ndef f(): return 1",
        "def f(): return f'{N}'",
        "def f():\n    def g(): return [N for _ in 'a']\n    return g",
        "def f():\n    class A(N): pass\n    return A",
        "class A(N): pass\ndef f(): return A",
        "class A:\n    N = N\ndef f(): return A",
        "class A:\n    def m(self): return N\ndef f(): return A",
        "def f():\n    global N\n    N = 1\n    return N",
        "M = {1: N}\ndef f(): return M",
        "x, (y, z) = 1, N\ndef f(): return y",
        "for i in N:\n    j = i\ndef f(): return j",
        "with N as file: text = 1\ndef f(): return text",
        "try:\n    import zlib\nexcept N: zlib = None\ndef f(): return zlib",
        "if (text := N): pass\ndef f(): return text",
        "text = 1\ntext += N\ndef f(): return text",
    ],
)
def test_a_name_that_is_loaded_anywhere_is_kept(needed: str) -> None:
    assert "N = 5" in kept(f"N = 5\nOTHER = 1\n{needed}\n")
    assert "OTHER" not in kept(f"N = 5\nOTHER = 1\n{needed}\n")


@pytest.mark.parametrize("local", ["def f(N): return N", "def f(): return [N for N in 'a']", "def f(a): return a.N"])
def test_a_name_of_the_functions_own_is_not_the_modules(local: str) -> None:
    assert kept(f"N = 5\n{local}\n") == local + "\n"


@pytest.mark.parametrize(
    "change",
    [
        "T[1] = 2",
        "T[1]['a'].b = 2",
        "T[1] += 2",
        "del T[1]",
        "T.update(a=1)",
        "T.part.append(1)",
        "x = T.pop(1)",
        "for i in range(3):\n    T[i] = i",
        "for each in (T, 1):\n    each[0] = 1",
        "if True:\n    T.attribute = 1",
        "register(T)",
        "setattr(T, 'a', 1)",
        "@T.register(int)\ndef _(a): return a",
        "def fill():\n    T['a'] = 1\nfill()",
        "def fill():\n    global T\n    T = 1\ndef outer(): fill()\nx = outer()",
        "def mark(g):\n    T[g] = 1\n    return g\n@mark\ndef g(): return 1",
        "T |= {}",
        "d = T\nd[1] = 2",
        "def fill():\n    pairs = ((T, 1), (T, 2))\n    for a, b in pairs:\n        a.b = b\nfill()",
    ],
)
def test_what_changes_a_needed_name_is_kept(change: str) -> None:
    text = "def register(a): return a\ndef T(): return 1\nU = {}\ndef f(): return T\n"
    for line in change.split("\n"):
        assert line in kept(f"{text}{change}\n")
        assert line.strip() not in kept(f"{text}{change}\n".replace("return T\n", "return U\n"))


def test_a_script_is_not_run_for_the_modules_that_it_uses() -> None:
    text = "import random, sys, os\ndef f(): return random, sys, os\nrandom.seed(1)\nsys.setrecursionlimit(9999)\n"
    made = kept(text + "os.makedirs('out')\nmain(f)\nsys.exit(f())\nos.environ['A'] = 'b'\n")
    assert made == f"{text}os.environ['A'] = 'b'\n".replace("\ndef", "\n\ndef").replace("\nrandom", "\n\nrandom")


@pytest.mark.parametrize("idle", ["print(T)", "main()", "'text'", "other.update(T)", "del T", "assert T"])
def test_what_changes_nothing_is_not_kept(idle: str) -> None:
    assert idle not in kept(f"other = {{}}\ndef main(): return 1\nT = {{}}\ndef f(): return T\n{idle}\n")


def test_a_table_that_is_filled_by_another_name_is_filled() -> None:
    """As copy.py does it, with the same name for two tables."""
    text = "A = d = {}\nd['a'] = 1\ndel d\nB = d = {}\nd['b'] = 2\ndel d\ndef f(): return A, B\n"
    assert program(kept(text))["f"]() == ({"a": 1}, {"b": 2})


def test_all_definitions_of_a_name_are_kept_but_not_overloads() -> None:
    assert (
        kept("x = 1\nx = x + 1\ny = 2\ndef f(): return x\nx = 3\n")
        == "x = 1\nx = x + 1\n\ndef f(): return x\n\nx = 3\n"
    )
    stubs = "@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\n"
    assert kept(f"from typing import overload\n{stubs}def f(a): return a\n") == "def f(a): return a\n"


def test_the_faster_twin_of_a_definition_is_not_wanted() -> None:
    text = "def g(): return 1\ndef f(): return g() + h()\n"
    text += "try:\n    from _fast import g, h\nexcept ImportError:\n    pass\n"
    assert "_fast" in kept(text)  # h is nowhere else
    assert "_fast" not in kept(text.replace(" + h()", ""))


def test_a_star_import_is_kept_for_what_nothing_else_binds() -> None:
    text = "from math import *\ndef f(x): return floor(x)\ndef g(x): return abs(x)\n"
    assert kept(text).startswith("from math import *\n")
    assert kept(text, function="g") == "def g(x): return abs(x)\n"


def test_globals_are_reached_into_only_for_what_nothing_else_binds() -> None:
    text = "def make():\n    globals().update(N=1)\nx = make()\ndef f(): return N\ndef g(): return 1\n"
    assert program(kept(text))["f"]() == 1
    assert kept(text, function="g") == "def g(): return 1\n"


def test_the_future_is_kept_and_the_docstring_if_it_is_asked_for() -> None:
    text = '"""Usage."""\nfrom __future__ import annotations, division\nimport os\ndef f(): return __doc__\n'
    text += "def g(): return 1\n"
    made = kept(text)
    assert made == '"""Usage."""\n\nfrom __future__ import annotations\n\ndef f(): return __doc__\n'
    assert program(made)["f"]() == "Usage."
    assert kept(text, function="g") == "from __future__ import annotations\n\ndef g(): return 1\n"


def test_what_only_type_checkers_see_is_left_out() -> None:
    text = (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import T\n"
    )
    assert "from x" not in kept(text + "def f(a: T): return a\n")


def test_statements_on_one_line_stay_together_and_odd_texts_stay_whole() -> None:
    same("a = 1; b = a\nc = 3\ndef f(): return b\n", "a = 1; b = a\n\ndef f(): return b\n")
    text = "\x0c@print\ndef f(): return '''a\n\x0c\n\tb''' \\\n + 'é'; c = 1\n"
    assert kept(text, "c") == text[1:]
    assert kept("\x0c\ndef f():\n\treturn 1") == "def f():\n\treturn 1\n"


def test_long_imports_are_wrapped_when_they_are_cut_down() -> None:
    names = [f"name_number_{number}" for number in range(9)]
    made = kept(f"from somewhere import other, {', '.join(names)}\ndef f(): return {' + '.join(names)}\n")
    assert made.startswith("from somewhere import (\n    name_number_0,\n")
    assert max(map(len, made.split("def f")[0].split("\n"))) < 100


def test_what_a_run_missed_can_be_asked_for() -> None:
    text = "N = 1\nM = 2\ndef f(): return globals()['N']\n"
    assert kept(text) == "def f(): return globals()['N']\n"
    assert kept(text, "N", "nowhere") == "N = 1\n\ndef f(): return globals()['N']\n"


def test_methods_come_with_their_class() -> None:
    made = answer(library({"m": "K = 1\nclass A:\n    @staticmethod\n    def s(a):\n        return K\n"}), "m", "A.s")
    assert isinstance(made, Excerpt)
    assert (made.function, sorted(made.body_lines)) == ("A.s", [6])
    assert program(made.text)["A"].s(1) == 1


def test_relative_imports_of_what_is_installed_become_absolute() -> None:
    text = "from .decoder import (\n    A, B)\nfrom . import c\n"
    text += "def f():\n    from .. import d; from .e import (g,\n        h)\n    return A, c, d\n"
    among = library({"json.tool/": text}, Origin.INSTALLED)
    made = answer(among, "json.tool")
    assert isinstance(made, Excerpt)
    assert made.text == (
        "from json.tool.decoder import A\nfrom json.tool import c\n\n"
        "def f():\n    from json import d; from json.tool.e import (g,\n        h)\n    return A, c, d\n"
    )
    assert [made.line_of[number] for number in (1, 2, 4)] == [("json.tool", 1), ("json.tool", 3), ("json.tool", 4)]


PACKAGE = {
    "pkg/__init__.py": "from .util import *\nfrom .deep.inner import level\nVERSION = '1'\n",
    "pkg/util.py": """
        import math, re
        from .deep.inner import depth as _depth
        __all__ = ["clamp", "words"]
        LOW, HIGH = 0, 10
        TABLE = {}
        TABLE["a"] = _depth(1)

        def clamp(x):
            return max(LOW, min(HIGH, math.floor(x)))

        def words(text):
            return re.findall("[a-z]+", text)
        """,
    "pkg/deep/__init__.py": "",
    "pkg/deep/inner.py": """
        from __future__ import annotations
        import re

        def depth(n: Unknown):
            return n * 2

        def level(text):
            return len(re.sub("a", "", text))
        """,
    "pkg/main.py": """
        import re
        from . import VERSION, words
        from .util import clamp as c, TABLE
        from pkg import level
        from pkg.deep import inner
        import pkg.util

        def f(x):
            return c(x), VERSION, TABLE

        def g(text):
            return [level(each) for each in words(text) if re.match("[a-m]", each)]

        def whole(x):
            return inner.depth(x)

        def whole_too(x):
            return pkg.util.clamp(x)

        def inside(x):
            from .util import clamp
            return clamp(x)

        def passed(x):
            return inner
        """,
}


def test_a_packages_siblings_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    among = Library(modules(str(written(tmp_path, PACKAGE)), sys.executable))
    made = {name: answer(among, "pkg.main", name) for name in ("f", "g", "whole", "whole_too", "inside", "passed")}
    one, two = made["f"], made["g"]
    assert isinstance(one, Excerpt) and isinstance(two, Excerpt)
    assert one.text == dedent(
        """
        from __future__ import annotations
        import math

        def depth(n: Unknown):
            return n * 2

        _depth = depth
        LOW, HIGH = 0, 10
        TABLE = {}
        TABLE["a"] = _depth(1)

        def clamp(x):
            return max(LOW, min(HIGH, math.floor(x)))

        VERSION = '1'

        c = clamp

        def f(x):
            return c(x), VERSION, TABLE
        """
    ).lstrip("\n")
    assert "pkg" not in two.text and two.text.count("import re") == 1
    assert made["passed"] == WHOLE
    monkeypatch.syspath_prepend(str(tmp_path))
    main = importlib.import_module("pkg.main")
    for x in (-3, 5.5, 100):
        assert program(one.text)["f"](x) == main.f(x)
    for name in ("whole", "whole_too", "inside"):
        each = made[name]
        assert isinstance(each, Excerpt)
        assert "pkg" not in each.text and program(each.text)[name](4.5) == getattr(main, name)(4.5)
    assert program(two.text)["g"]("able baker zebra") == main.g("able baker zebra")
    places = {place[0] for place in one.line_of.values()}
    assert places == {"pkg", "pkg.main", "pkg.util", "pkg.deep.inner"}


def test_excerpts_are_the_same_in_every_run(tmp_path: Path) -> None:
    """Whatever the order of sets: hashes of texts differ between runs."""
    written(tmp_path, PACKAGE)
    program = (
        "import sys; from tracegen.programs.discovery import *; from tracegen.programs.excerpt import *\n"
        "found = [each for source in sys.argv[1:] for each in modules(source, sys.executable)]\n"
        "print([excerpt(f, Library(found)) for each in found for f in functions(each)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), "xml.sax"],
            capture_output=True,
            text=True,
            env=env,
            check=True,
        ).stdout
        for env in ({**os.environ, "PYTHONHASHSEED": seed} for seed in "123")
    ]
    assert len(set(told)) == 1


def test_scripts_find_what_lies_beside_them() -> None:
    among = library({"tools.a": "from b import g\ndef f(): return g()\n", "tools.b": "def g(): return 1\n"})
    made = answer(among, "tools.a")
    assert isinstance(made, Excerpt)
    assert made.text == "def g(): return 1\n\ndef f(): return g()\n"


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("from .b import g\nN = 1\ndef f(): return g() + N", "N = 2\ndef g(): return N", ""),
        ("from .b import g\ndef max(): return 1\ndef f(): return g(), max()", "def g(): return max(1, 2)", ""),
        ("from .b import g as max\ndef f(): return max()", "def g(): return max(1, 2)", ""),
        ("import datetime\nfrom .b import g\ndef f(): return g, datetime", "from datetime import datetime as g", ""),
        ("import time\nfrom .b import g\ndef f(): return g, time", "from time import time\ng = time", ""),
        ("from .b import g\nclass N: pass\ndef f(): return g(), N", "class N: pass\ndef g(): return N", CONFLICT),
        ("import os\nfrom .b import g\ndef f(): return g, os", "import os.path\ng = os", ""),
        ("from .b import g\ndef f(): return g", "h = 1", UNDEFINED),
        ("from .c import g\ndef f(): return g", "", OUTSIDE),
        ("from ...c import g\ndef f(): return g", "", OUTSIDE),
        ("from . import b\ndef f(): return b.g", "g = 1", ""),
        ("import p.b as b\ndef f(): return b.g", "g = 1", ""),
        ("try:\n    from .b import g\nexcept ImportError:\n    g = 1\ndef f(): return g", "g = 1", INSIDE),
        ("from .b import *\ndef f(): return g", "__all__ = ['h']\ng = h = 1", ""),
        ("from .b import *\ndef f(): return h", "__all__ = ['h']\ng = h = 1", ""),
        ("from .b import g\ndef f(): return g", "from .a import f\ndef g(): return f", ""),
    ],
)
def test_what_cannot_go_into_one_text_has_a_reason(one: str, other: str, reason: str) -> None:
    made = answer(library({"p/": "", "p.a": one + "\n", "p.b": other + "\n"}), "p.a")
    assert (made if isinstance(made, str) else "") == reason


STANDARD = """
textwrap bisect heapq colorsys string difflib statistics fractions posixpath calendar shlex fnmatch base64 html keyword
urllib.parse ast inspect tokenize random copy json.decoder configparser functools re dataclasses enum datetime plistlib
ssl ipaddress typing
"""
ONCE = {"_getter", "_setter", "_dims_getter", "_dims_setter"}
"""ast defines these if `hasattr(Constant, "n")` is False: once in a process, and the process has loaded ast."""

_DEFINE = """
import json, sys, types
for line in sys.stdin:
    module, name, text = json.loads(line)
    sys.modules["program"] = program = types.ModuleType("program")
    trouble = ""
    try:
        exec(compile(text, "<program>", "exec", dont_inherit=True), program.__dict__)
        found = program
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found) or isinstance(found, classmethod)
    except Exception as error:
        trouble = repr(error)
    print(json.dumps([module, name, trouble]))
"""


def test_every_excerpt_of_the_standard_library_defines_its_function() -> None:
    among = Library(module for name in STANDARD.split() for module in modules(name, sys.executable))
    rows = []
    for name, module in among.modules.items():
        for each in functions(module):
            made = excerpt(each, among)
            assert isinstance(made, Excerpt), (name, each.qualname, made)
            assert made.body_lines or not each.statements
            assert made.text.endswith("\n") and not made.text.endswith("\n\n")
            # ast of 3.12 and 3.13 takes names out of globals() again: what needs these as well does not load.
            if each.qualname not in ONCE and not (name == "ast" and hasattr(ast, "_deprecated_globals")):
                rows.append(json.dumps([name, each.qualname, made.text]) + "\n")
    assert len(rows) > 500
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", _DEFINE], input="".join(rows), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(rows)
    assert [row for row in told if row[2]] == []


@pytest.mark.parametrize(
    ("module", "function", "arguments"),
    [
        (textwrap, "dedent", ("  a\n   b\n",)),
        (textwrap, "wrap", ("the quick brown fox jumps over the lazy dog", 12)),
        (textwrap, "indent", ("a\n\nb\n", "> ")),
        (textwrap, "shorten", ("the quick brown fox", 10)),
        (bisect, "bisect_right", ([1, 2, 2, 3], 2)),
        (bisect, "bisect_left", ([1, 2, 2, 3], 2)),
        (bisect, "insort_right", ([1, 2, 2, 3], 2)),
        (heapq, "nsmallest", (2, [5, 1, 4, 2])),
        (heapq, "nlargest", (2, [5, 1, 4, 2])),
        (heapq, "heappushpop", ([1, 3, 5], 2)),
        (heapq, "heapify", ([5, 1, 4, 2],)),
        (colorsys, "rgb_to_hls", (0.2, 0.4, 0.1)),
        (colorsys, "hsv_to_rgb", (0.5, 0.5, 0.5)),
        (colorsys, "rgb_to_yiq", (0.5, 0.1, 0.9)),
        (statistics, "mean", ([1, 2, 3, 4],)),
        (statistics, "median", ([3, 1, 2],)),
        (statistics, "multimode", ("aabbc",)),
        (statistics, "quantiles", ([1, 2, 3, 4, 5],)),
        (statistics, "pstdev", ([1.5, 2.5, 4.0],)),
        (posixpath, "join", ("a", "b", "/c", "d")),
        (posixpath, "normpath", ("a//b/../c/.",)),
        (posixpath, "splitext", ("a/b.tar.gz",)),
        (posixpath, "commonpath", (["/a/b/c", "/a/b/d"],)),
        (posixpath, "relpath", ("/a/b", "/a/c/d")),
    ],
)
def test_an_excerpt_returns_what_the_module_returns(
    module: ModuleType, function: str, arguments: tuple[Any, ...]
) -> None:
    home = module.__name__
    among = Library(modules(home, sys.executable))
    made = answer(among, home, function)
    assert isinstance(made, Excerpt)
    ours, theirs = copy.deepcopy(arguments), copy.deepcopy(arguments)
    excerpted, original = program(made.text)[function], getattr(module, function)
    assert excerpted is not original or isinstance(original, BuiltinFunctionType)
    assert excerpted(*ours) == original(*theirs)
    assert ours == theirs
