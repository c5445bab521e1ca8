"""Candidates for functions: argument lists, each once, the same for a seed; and nothing of a source is ever run."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracegen.inputs import Candidate, Kind, Origin, Parameter, Signature, candidates
from tracegen.inputs.admission import LONGEST, admitted, call_of
from tracegen.inputs.signature import function_in, parameters_of, parsed

ROOT = Path(__file__).parent.parent


def signature(source: str, name: str = "f", module: str = "") -> Signature:
    """The signature of a function in a source."""
    tree = parsed(source)
    assert tree is not None
    node = function_in(tree, name)
    assert node is not None
    text = ast.get_source_segment(source, node) or ""
    return Signature(name, parameters_of(node), ast.get_docstring(node), text, module or source)


def texts(source: str, count: int = 40, seed: int = 1, harvested: tuple[str, ...] = ()) -> list[str]:
    """The argument lists for the function ``f`` of a source."""
    return [each.arguments for each in candidates(signature(source), count, seed, harvested)]


def first_values(source: str, count: int = 40) -> list[object]:
    """The first arguments that are literals, as values."""
    calls = [call_of(text) for text in texts(source, count)]
    values: list[object] = []
    for call in calls:
        if call is not None and call.args:
            try:
                values.append(ast.literal_eval(call.args[0]))
            except ValueError:
                continue
    return values


# -- The order, and what is told.


def test_harvested_then_doctests_then_no_arguments_then_draws() -> None:
    source = 'def f(a=1):\n    """Do.\n\n    >>> f(7)\n    8\n    """\n    return a + 1\n'
    found = candidates(signature(source), 10, 1, ["99"])
    assert found[:3] == [
        Candidate("99", Origin.HARVESTED),
        Candidate("7", Origin.DOCTEST),
        Candidate("", Origin.DEFAULTS),
    ]
    assert {each.origin for each in found[3:]} == {Origin.STRATEGY}
    assert len(found) == 10


def test_a_function_without_parameters_has_one_candidate() -> None:
    assert candidates(Signature("f", ()), 10, 1) == [Candidate("", Origin.DEFAULTS)]


def test_a_function_of_two_inputs_gets_no_more_than_there_are() -> None:
    found = texts("def f(a: bool): ...", 60)
    assert {"True", "False"} <= set(found)
    assert len(found) < 60


def test_what_is_harvested_and_no_argument_list_is_left_out() -> None:
    assert texts("def f(a): ...", 2, harvested=("1)(2", "1 +", "[1]"))[0] == "[1]"


def test_harvested_arguments_say_what_others_may_look_like() -> None:
    found = texts("def f(thing): ...", 40, harvested=("{'a': [1, 2]}",))
    assert sum(text.startswith("{'") for text in found) > 20


def test_a_count_of_none_gives_none() -> None:
    assert texts("def f(a=1): ...", 0) == []


# -- How arguments are given.


def test_positional_only_and_keyword_only_are_given_as_they_must_be() -> None:
    names = set()
    for text in texts("def f(a, /, b, *rest, c, d=2, **more): ..."):
        call = call_of(text)
        assert call is not None and len(call.args) >= 2
        given = {each.arg for each in call.keywords}
        assert "c" in given and "a" not in given and "b" not in given
        names |= given
    assert "d" in names


def test_an_optional_parameter_is_left_out_at_times() -> None:
    counts = {len(call.args) + len(call.keywords) for text in texts("def f(a, b=1): ...") if (call := call_of(text))}
    assert counts == {1, 2}


def test_keywords_that_a_helper_takes_are_given() -> None:
    source = "def helper(*, width=3, flag=False): ...\ndef f(a, **kwargs):\n    return helper(**kwargs)\n"
    assert any("width=" in text for text in texts(source))


def test_a_method_gets_an_instance_of_its_class() -> None:
    source = "class Box:\n    def __init__(self, size: int): ...\n    def area(self): ...\n"
    found = candidates(signature(source, "Box.area"), 10, 1)
    assert found and all(each.arguments.startswith("Box(") for each in found)


# -- Laws.

names = st.sampled_from(["a", "text", "nums", "größe", "key", "n", "is_it", "grid", "d", "名前"])
written: st.SearchStrategy[str | None] = st.sampled_from(
    [None, "int", "'str'", "list[int]", "Optional[str]", "dict[str, list[float]]", "Callable[[int, int], bool]", "Any",
     "tuple[int, ...]", "Literal['a', 'b']", "nonsense", "set[list[int]]", "bytes | None", "Iterator[str]", "(", ""]
)  # fmt: skip
defaults: st.SearchStrategy[str | None] = st.sampled_from(
    [None, None, "None", "3", "'x'", "()", "object()", "__import__('os')"]
)
bodies = st.sampled_from(
    ["pass", "return text.split(',')", "return [x + 1 for x in nums]", "return d['name'] + d.get('age')",
     "for k, v in d.items():\n        print(k + 1)", "return key(n)", "return grid[0][0] == 'q'"]
)  # fmt: skip


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    """Signatures as a discovery could make them, and some that none would."""
    parameters = tuple(
        Parameter(name, draw(st.sampled_from(list(Kind))), draw(written), draw(defaults))
        for name in draw(st.lists(names, unique=True, max_size=4))
    )
    source = f"def f({', '.join(each.name for each in parameters)}):\n    {draw(bodies)}\n"
    return Signature("f", parameters, draw(st.none() | st.text(max_size=60)), source, source)


@given(signatures(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.nested_given])
def test_every_candidate_is_an_argument_list_and_stands_there_once(made: Signature, seed: int) -> None:
    found = [each.arguments for each in candidates(made, 20, seed)]
    assert len(found) == len(set(found)) <= 20
    for text in found:
        assert call_of(text) is not None
        assert len(text) <= LONGEST
        assert admitted(text)


SHOW = """
import json, sys
from tracegen.inputs import Kind, Parameter, Signature, candidates
source = "def f(text, n=3, *, grid, key=None):\\n    return text.split('::')[n] in 'aeiou'\\n"
parameters = (Parameter("text"), Parameter("n", default="3"),
              Parameter("key", Kind.KEYWORD, None, "None"),
              Parameter("grid", Kind.KEYWORD, "set[str] | dict[str, int]"))
print(json.dumps([each.arguments for each in candidates(Signature("f", parameters, None, source, source), 40, 7)]))
"""


def test_a_seed_gives_the_same_candidates_in_every_process(tmp_path: Path) -> None:
    """Other hash seeds, other modules loaded, another folder: hypothesis's own backend looks at the last two."""
    outputs = []
    for hash_seed, more in (("0", ""), ("77", "import cli, tests.rows\n")):
        done = subprocess.run(
            [sys.executable, "-B", "-c", more + SHOW],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        outputs.append(json.loads(done.stdout))
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 40
    assert list(tmp_path.iterdir()) == []


def test_threads_get_the_same_and_leave_the_processs_random_numbers_alone() -> None:
    made = [signature(f"def f(text, n={n}):\n    return text.split('{n}')[n]\n") for n in range(8)]
    serial = [candidates(each, 10, 1) for each in made]
    before = random.getstate()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda each: candidates(each, 10, 1), made)) == serial
    assert random.getstate() == before


def test_another_seed_gives_others() -> None:
    assert texts("def f(text): ...", seed=1) != texts("def f(text): ...", seed=2)


# -- Hostile sources.

MARK = "foretrace-was-here"
TOUCH = f"__import__('os').system('touch {MARK}')"


def test_what_a_source_says_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = f'def f(x={TOUCH}, y: {TOUCH} = 1):\n    """Do.\n\n    >>> f({TOUCH})\n    >>> f(2)\n    """\n'
    found = texts(f"import os\n{TOUCH}\nrun = os.system\n{source}")
    assert "2" in found
    assert not any("import" in text or "system" in text or "run" in text for text in found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    ["x" + "+1" * 900, "x" + "+1" * 20_000, "x" + ".a" * 3000, "[" * 150 + "]" * 150,
     "(" * 90 + "x" + ")" * 90, "9" * 4000, "'\\ud800' == x", "\0", "x" + "[0]" * 900, "lambda: " * 400 + "x"],
    ids=range(10),
)  # fmt: skip
def test_a_source_that_is_too_deep_or_broken_still_gets_candidates(body: str) -> None:
    source = f"def f(x):\n    return {body}\n"
    assert len(candidates(Signature("f", (Parameter("x"),), None, source, f"{source}\ny = {body}"), 10, 1)) == 10


def test_annotations_that_grow_without_end_are_cut() -> None:
    bomb = "\n".join(f"A{i} = dict[A{i + 1}, A{i + 1}] | list[A{i + 1}]" for i in range(60))
    loops = "B = 'C'\nC = 'list[B]'\nclass D:\n    def __init__(self, d: 'D', e: 'not ('): ...\n"
    for annotation in ("A0", "B", "D", "list[" * 80 + "int" + "]" * 80, "(" * 500):
        made = Signature("f", (Parameter("x", annotation=annotation),), None, "", f"{bomb}\n{loops}")
        assert candidates(made, 5, 1)


def test_a_function_of_too_many_parameters_is_let_be() -> None:
    assert candidates(Signature("f", tuple(Parameter(f"x{i}") for i in range(500))), 10, 1) == []


@pytest.mark.parametrize(
    "text",
    ["1, [2], x='a'", "{'a': (1, -2.5)}, *[1]", "set(), frozenset({1})", "lambda a, b: a < b",
     "[i * 2 for i in range(3)]", "float('nan')",
     "Box(1)", "Color.RED", "date(2024, 1, 2)", "dt.timedelta(1)", "'a b'.split()", "len", ""],
)  # fmt: skip
def test_literals_constructors_and_the_modules_names_are_admitted(text: str) -> None:
    assert admitted(text, {"Box", "Color"}, {"date": "datetime.date", "dt": "datetime"})


@pytest.mark.parametrize(
    "text",
    [
        *("__import__('os')", "eval('1')", "open('x')", "os.system('x')", "*os.listdir()", "print(1)", "exec"),
        *("x", "1)(2", "1\n", "[].__class__", "().__class__.__bases__", "'a'.__doc__", "Box._x", "getattr(1, 'a')"),
        *("dt.sys", "Other(1)", "(lambda: 0)()", "breakpoint()", "f'{1}'", "(yield)", "a := 1"),
        *("[0] * 10 ** 9", "[0] * 1000000000", "2 ** 9 ** 9"),
    ],
)
def test_other_names_and_calls_are_not_admitted(text: str) -> None:
    assert not admitted(text, {"Box"}, {"os": "os", "dt": "datetime"})
