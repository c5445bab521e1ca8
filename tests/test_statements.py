"""Statements that refer to sibling modules: spelled otherwise in place, doing what the package does, or refused.

Longer than 350 lines: a case for each place in which a name of a sibling can stand.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_discovery import written
from tests.test_excerpt import answer, library, program
from tracegen.programs.discovery import functions, modules
from tracegen.programs.edits import Edit, edited, tree_of
from tracegen.programs.excerpt import CONFLICT, INSIDE, OUTSIDE, UNDEFINED, WHOLE, Excerpt, Library, excerpt
from tracegen.programs.layout import ordered
from tracegen.programs.variables import Region, Variables, truth

UTIL = """
LOW, HIGH = 0, 10
TABLE = {"a": 1}
COUNT = 0

def clamp(x): return max(LOW, min(HIGH, x))

def twice(f): return lambda x: f(f(x))

class Box:
    size = 3
    def __init__(self, x=0): self.x = x

def bump():
    global COUNT
    COUNT += 1
    return COUNT
"""
PACKAGE = {
    "pkg/__init__.py": "from . import util as tools\nfrom .util import clamp\n",
    "pkg/util.py": UTIL,
    "pkg/deep/__init__.py": "from .. import util\n",
    "pkg/deep/inner.py": "import math as m\nLIMIT = 7\ndef up(x): return m.ceil(x)\n",
}


def made(text: str) -> Excerpt | str:
    """The excerpt of ``f`` of the module ``pkg.a``, among the siblings above."""
    texts = {
        name.removesuffix(".py").removesuffix("__init__").replace("/", "."): each for name, each in PACKAGE.items()
    }
    texts = {name if not name.endswith(".") else name[:-1] + "/": each for name, each in texts.items()}
    return answer(library({**texts, "pkg.a": text}), "pkg.a")


def own(text: str) -> str:
    """Of such an excerpt, the lines of ``pkg.a``."""
    found = made(text)
    assert isinstance(found, Excerpt), found
    lines = found.text.split("\n")
    return "\n".join(lines[number - 1] for number, place in sorted(found.line_of.items()) if place[0] == "pkg.a")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("from . import util\ndef f(x): return util.clamp(x)", "def f(x): return clamp(x)"),
        ("from pkg import util as u\ndef f(x): return u.clamp(x)", "def f(x): return clamp(x)"),
        ("from pkg import tools\ndef f(x): return tools.clamp(x)", "def f(x): return clamp(x)"),
        ("import pkg.util as u\ndef f(x): return u.TABLE.get(x)", "def f(x): return TABLE.get(x)"),
        ("import pkg.util\ndef f(x): return pkg.util.clamp(x)", "def f(x): return clamp(x)"),
        ("import pkg\ndef f(x): return pkg.util.clamp(x), pkg.clamp(x)", "def f(x): return clamp(x), clamp(x)"),
        ("from .deep import inner\ndef f(x): return inner.m.floor(x)", "def f(x): return m.floor(x)"),
        ("import pkg.deep.inner\ndef f(x): return pkg.deep.inner.up(x)", "def f(x): return up(x)"),
        ("from . import deep\ndef f(x): return deep.util.clamp(x)", "def f(x): return clamp(x)"),
        (
            "from . import util\ndef f(x): return 'é漢', util.clamp(x), '漢', util.HIGH",
            "def f(x): return 'é漢', clamp(x), '漢', HIGH",
        ),
        (
            "from . import util\ndef f(x): return 'util.clamp', x.util.clamp if x is None else util . clamp(x)",
            "def f(x): return 'util.clamp', x.util.clamp if x is None else clamp(x)",
        ),
        ("from . import util\ndef f(x): return (util\n    # why\n    .clamp)(x)", "def f(x): return (clamp)(x)"),
        (
            "from . import util\ndef f(x): return f'é {util.clamp(x)!r:>{util.HIGH}}'",
            "def f(x): return f'é {clamp(x)!r:>{HIGH}}'",
        ),
        (
            "from . import util\ndef f(x): return f'''\n{x}\n é {util.HIGH}'''",
            "def f(x): return f'''\n{x}\n é {HIGH}'''",
        ),
        ("from . import util\n@util.twice\ndef f(x): return x + 1", "@twice\ndef f(x): return x + 1"),
        ("from . import util\ndef f(x=util.HIGH, *, y=util.LOW): return x, y", "def f(x=HIGH, *, y=LOW): return x, y"),
        ("from . import util\ndef f(x: util.Box) -> util.Box: return x", "def f(x: Box) -> Box: return x"),
        (
            "from . import util\nclass A(util.Box):\n    size = util.HIGH\ndef f(x): return A(x).size",
            "class A(Box):\n    size = HIGH\ndef f(x): return A(x).size",
        ),
        ("from . import util\ndef f(x): return [util.clamp(util) for util in [x]] if x is None else util.HIGH", ""),
        (
            "from . import util\ndef f(x):\n    clamp = 3\n    return util.clamp(x) + clamp",
            "def f(x):\n    clamp = 3\n    return util_clamp(x) + clamp",
        ),
        ("from . import util\ndef f(clamp): return util.clamp(clamp)", "def f(clamp): return util_clamp(clamp)"),
        ("def f(x):\n    from .util import clamp\n    return clamp(x)", "def f(x):\n    pass\n    return clamp(x)"),
        (
            "def f(x):\n    from .util import clamp as c  # so\n    return c(x)",
            "def f(x):\n    c = clamp  # so\n    return c(x)",
        ),
        (
            "def f(x):\n    from .util import (\n        "
            "clamp as c,\n        LOW, HIGH as high); y = 1\n    return c(x)",
            "def f(x):\n    c = clamp; high = HIGH; y = 1\n    return c(x)",
        ),
        (
            "def f(x):\n    import pkg.util, os\n    return pkg.util.clamp(x), os.sep",
            "def f(x):\n    import os\n    return clamp(x), os.sep",
        ),
        (
            "def f(x):\n    if x:\n        from . import util\n        return util.HIGH",
            "def f(x):\n    if x:\n        pass\n        return HIGH",
        ),
        (
            "def f(x):\n    from .util import clamp\n    clamp = twice = clamp\n    return clamp(x)",
            "def f(x):\n    clamp = util_clamp\n    clamp = twice = clamp\n    return clamp(x)",
        ),
        (
            "class A:\n    from .util import clamp\ndef f(x): return A.clamp(x)",
            "class A:\n    clamp = clamp\ndef f(x): return A.clamp(x)",
        ),
        (
            "import sys\nif sys.platform == 'no such':\n    from .nowhere import g\n"
            "else:\n    from .util import clamp as g\ndef f(x): return g(x)",
            "import sys\nif sys.platform == 'no such':\n    pass\nelse:\n    g = clamp\ndef f(x): return g(x)",
        ),
        (
            "import os\nWEIRD = os.name == 'no such'\ndef f(x):\n    if WEIRD and x:\n        "
            "from .nowhere import g\n        return g(x)\n    return 1",
            "import os\nWEIRD = os.name == 'no such'\ndef f(x):\n    "
            "if WEIRD and x:\n        pass\n        return g(x)\n    return 1",
        ),
    ],
)
def test_a_statement_says_the_same_without_its_sibling(
    text: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wanted:
        assert own(text + "\n").replace("import sys\n\n", "import sys\n") == wanted
    found = made(text + "\n")
    assert isinstance(found, Excerpt), found
    assert same_as_the_package(tmp_path, monkeypatch, {"pkg/a.py": text + "\n"}, "pkg.a") == found.text


def same_as_the_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], name: str, function: str = "f"
) -> str:
    """Check that the excerpt's function does what the package's own does, imported; returns the excerpt."""
    written(folder, {**PACKAGE, **files})
    among = Library(modules(str(folder), sys.executable))
    [found] = [each for each in functions(among.modules[name]) if each.qualname == function]
    cut = excerpt(found, among)
    assert isinstance(cut, Excerpt), cut
    monkeypatch.syspath_prepend(str(folder))
    for each in [each for each in sys.modules if each.partition(".")[0] == "pkg"]:
        monkeypatch.delitem(sys.modules, each)
    importlib.invalidate_caches()
    original = getattr(importlib.import_module(name), function)
    ours = program(cut.text)[function]
    assert [result(ours, each) for each in (-3, 4, 12)] == [result(original, each) for each in (-3, 4, 12)]
    for each in [each for each in sys.modules if each.partition(".")[0] == "pkg"]:
        del sys.modules[each]
    return cut.text


def result(function: Any, argument: int) -> object:
    try:
        found = function(argument)
        return found if isinstance(found, (int, str, float, tuple, list, type(None))) else type(found).__name__
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from . import util\ndef f(x): return print(util)", WHOLE),
        ("from . import util\ndef f(x): return getattr(util, x)", WHOLE),
        ("from . import util\ndef f(x): util.HIGH = x", WHOLE),
        ("from . import util\ndef f(x): del util.HIGH", WHOLE),
        ("from . import util\nother = util\ndef f(x): return other.HIGH", WHOLE),
        ("from . import util\nclass A:\n    util = util\ndef f(x): return A.util.HIGH", WHOLE),
        ("from . import util\ndef f(x): return util.__name__", WHOLE),
        ("import pkg.util\ndef f(x): return pkg.util", WHOLE),
        ("from . import util\nutil = util or None\ndef f(x): return util.HIGH", WHOLE),
        ("from .deep import *\ndef f(x): return util.HIGH", WHOLE),
        ("import time\nif time.time() > 3:\n    from . import util\ndef f(x): return util.HIGH", INSIDE),
        ("from . import util\ndef f(x): return util.nothing", UNDEFINED),
        ("def f(x):\n    from .nowhere import g\n    return g", OUTSIDE),
        ("def f(x):\n    from . import util\n    return util", WHOLE),
        ("def f(x):\n    from . import util\n    util = util\n    return util.HIGH", INSIDE),
        ("def f(x):\n    try:\n        from .util import g\n    except ImportError:\n        return 1", UNDEFINED),
        ("def f(x):\n    try:\n        from .util import clamp\n    except ImportError:\n        return 1", INSIDE),
        ("import time\nif time.time() > 3:\n    from .util import clamp as c\ndef f(x): return c(x)", INSIDE),
        ("try:\n    from .util import clamp as c\nexcept ImportError:\n    c = None\ndef f(x): return c(x)", INSIDE),
        ("def f(x):\n    global clamp\n    from .util import clamp\n    return clamp", INSIDE),
        ("from . import util\ndef f(Box): return util.Box(Box)", CONFLICT),  # a class keeps its name
        ("from . import util\ndef f(f): return util.Box(f)", ""),
        ("from .util import COUNT, bump\ndef f(x): return bump(), COUNT", CONFLICT),  # COUNT is that of the import
        ("from . import util\ndef f(x): return util.bump(), util.COUNT", ""),
        ("from .util import clamp\nclamp = print(clamp)\ndef f(x): return clamp", CONFLICT),
    ],
)
def test_what_cannot_be_said_without_its_sibling_has_a_reason(text: str, reason: str) -> None:
    found = made(text + "\n")
    assert (found if isinstance(found, str) else "") == reason


@pytest.mark.parametrize(
    ("text", "util"),
    [
        (
            "from .b import g\nN = 1\ndef f(x): return g(x) + N",
            "N = 2\ndef g(x): return N * x, f'{N}'[0], [N for N in 'a']",
        ),
        ("from .b import g\ndef max(x): return 1\ndef f(x): return g(x), max(x)", "def g(x): return max(x, 2)"),
        ("from .b import g as max\ndef f(x): return max(x)", "def g(x): return max(x, 2)"),
        (
            "import math\nfrom .b import g\ndef f(x): return math.ceil(x), g(x)",
            "from math import ceil as math\ndef g(x): return math(x)",
        ),
        (
            "from .b import g\nN = 1\ndef f(x): return g(x), g(x), N",
            "N = 2\ndef g(x):\n    global N\n    N += x\n    return N",
        ),
        (
            "from .b import g, h\ndef n(x): return 1\ndef f(x): return g(x), n(x), h(x)",
            "def n(x): return 5\ng = n\ndef h(n): return n",
        ),
        (
            "from .b import g\nN = 1\ndef f(x): return g(x, N=3) + N",
            "N = 2\ndef g(x, N): return x * N + k()\ndef k(): return N",
        ),
        ("from . import b\nb.T[4] = 5\ndef f(x): return b.T.get(x)", "T = {}"),
        (
            "from . import b\ndef f(x): return b.g(x)\ndef h(x): return -x",
            "def g(x):\n    from .a import h\n    return h(x)",
        ),
        (
            "from .b import Base\nclass A(Base): n = 2\ndef f(x): return A().g()",
            "class Base:\n    def g(self):\n        from .a import A\n        return A.n",
        ),
        ("from .b import g\ndef f(x):\n    from .b import g as h\n    return h(x) - g(x)", "def g(x): return x"),
    ],
)
def test_names_of_two_meanings_and_circles_do_what_the_package_does(
    text: str, util: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same_as_the_package(tmp_path, monkeypatch, {"pkg/a.py": text + "\n", "pkg/b.py": util + "\n"}, "pkg.a")


def test_a_name_of_two_meanings_is_spelled_in_two_ways() -> None:
    text = "from .b import g\nN = 1\ndef f(): return g() + N\n"
    other = "N = 2\ndef g(N=N):\n    'N'\n    return N + h(N=1)\ndef h(**N): return N\n"
    found = answer(library({"p/": "", "p.a": text, "p.b": other}), "p.a")
    assert isinstance(found, Excerpt)
    assert found.text == (
        "b_N = 2\n\ndef g(N=b_N):\n    'N'\n    return N + h(N=1)\n\ndef h(**N): return N\n\n"
        "N = 1\n\ndef f(): return g() + N\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from .b import g\nclass A: pass\ndef f(): return A, g", "class A: n = 1\ndef g(): return A"),
        ("from .b import f as g\ndef f(): return g()", "def f(): return f\nf.n = 1"),
        ("from .b import g\nN = 1\ndef f(): return N, g", "N = 2\ndef g(): return globals()['N'], N"),
        ("from .b import g\n__n__ = 1\ndef f(): return __n__, g", "__n__ = 2\ndef g(): return __n__"),
    ],
)
def test_some_names_cannot_be_spelled_otherwise(one: str, other: str) -> None:
    found = answer(library({"p/": "", "p.a": one + "\n", "p.b": other + "\n"}), "p.a")
    assert found == CONFLICT or (
        isinstance(found, Excerpt) and "b_f" in found.text and "def f(): return g()" in found.text
    )


def test_lines_are_those_of_the_module_when_a_statement_gets_shorter() -> None:
    found = made("from . import util\ndef f(x):\n    y = (util\n        .clamp)(x)\n    return y\n")
    assert isinstance(found, Excerpt)
    places = {
        place[1]: found.text.split("\n")[number - 1] for number, place in found.line_of.items() if place[0] == "pkg.a"
    }
    assert places == {2: "def f(x):", 3: "    y = (clamp)(x)", 5: "    return y"}
    assert [found.text.split("\n")[number - 1].strip() for number in sorted(found.body_lines)] == [
        "y = (clamp)(x)",
        "return y",
    ]


def test_an_edit_that_is_not_what_it_seems_is_none() -> None:
    text = "y = f'u.x {u.x}'\n"
    tree = tree_of(text)
    [node] = [each for each in ast.walk(tree) if isinstance(each, ast.Attribute)]
    [string] = [each for each in ast.walk(tree) if isinstance(each, ast.JoinedStr)]
    # Two places look alike: where Python's positions are right they tell, and elsewhere nothing is changed.
    assert edited(text, tree, [Edit(node, "x", string)]) in ([("y = f'u.x {x}'\n", 1)], None)
    assert edited(text, tree, [Edit(node, "1 + 1", string)]) is None


@pytest.mark.parametrize(
    ("text", "module", "inner"),
    [
        ("def f(a=N): return N", {"f", "N"}, {"a"}),
        ("def f():\n    N = 1\n    def g(): return N\n", {"f"}, {"N", "g"}),
        ("def f():\n    global N\n    N = 1", {"f", "N"}, set()),
        ("def f():\n    N = 1\n    def g():\n        nonlocal N\n        N = 2", {"f"}, {"N", "g"}),
        ("class A:\n    N = 1\n    def f(self): return N", {"A", "N"}, {"N", "f", "self"}),
        ("x = [N for N in M if N]", {"x", "M"}, {"N"}),
        ("def f(): return [(N := i) for i in M]", {"f", "M"}, {"N", "i"}),
        ("def f():\n    try: pass\n    except E as N: return N", {"f", "E"}, {"N"}),
        ("def f(x):\n    match x:\n        case [N, *M]: return N, M, K", {"f", "K"}, {"x", "N", "M"}),
        ("f = lambda N, m=(lambda q: q): N + M", {"f", "M"}, {"N", "m", "q"}),
        ("def f():\n    import a.b, c as d", {"f"}, {"a", "d"}),
    ],
)
def test_names_are_of_the_scope_that_python_gives_them(text: str, module: set[str], inner: set[str]) -> None:
    variables = Variables(tree_of(text), lambda name: None)
    places = [(use.node.id, use.home) for use in variables.uses]
    places += [(each.name, each.home) for each in variables.bindings]
    assert {name for name, home in places if home.region is Region.MODULE} == module
    assert {name for name, home in places if home.region is not Region.MODULE} == inner


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("sys.platform == 'no such'", False),
        ("sys.platform != 'no such' and os.name in ('posix', 'nt')", True),
        ("sys.platform.startswith('no')", False),
        ("not platform.system() == 'No such'", True),
        ("x and TYPE_CHECKING or os.name == 'no such'", False),
        ("typing.TYPE_CHECKING", False),
        ("__name__ == '__main__'", False),
        ("FLAG", True),
        ("x or FLAG", True),
        ("sys.version_info >= (3, 8)", None),
        ("x", None),
        ("sys.platform == x", None),
        ("f()", None),
    ],
)
def test_only_conditions_on_the_platform_are_known(test: str, holds: bool | None) -> None:
    assert truth(ast.parse(test, mode="eval").body, {"FLAG": True}.get) is holds


def test_modules_that_need_each_other_stand_in_an_order_that_loads() -> None:
    assert ordered("a", {"a": {"b": True}, "b": {"c": True}}) == ["c", "b", "a"]
    assert ordered("a", {"a": {"b": False}, "b": {"a": True}}) == ["a", "b"]
    assert ordered("a", {"a": {"b": True}, "b": {"a": True}}) == ["b", "a"]
    assert ordered("a", {"a": {"a": True}}) == ["a"]


def test_a_flag_of_a_sibling_is_known() -> None:
    among = Library(
        library(
            {"p/": "", "p.a": "from .b import W\n", "p.b": "import os\nW = os.name == 'no such'\n"}
        ).modules.values()
    )
    assert among.flag(among.index("p.a"), "W") is False
