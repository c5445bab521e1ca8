"""Generated programs: the same everywhere, they end, they return, they take both ways; and the command."""

from __future__ import annotations

import ast
import builtins
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import distribution
from tests.scripted import INTERPRETERS
from tracegen.programs import synthetic
from tracegen.programs.samples import Sample, read_samples
from tracegen.programs.synthetic import Program
from tracegen.programs.synthetic.arguments import argument_list, written
from tracegen.programs.synthetic.chance import Chance
from tracegen.programs.synthetic.expressions import TABLE, instances
from tracegen.programs.synthetic.literals import Literals
from tracegen.programs.synthetic.relevance import matters
from tracegen.programs.synthetic.shapes import Parameter
from tracegen.programs.synthetic.trial import BUILTINS, LONGEST_RESULT, STEPS, Tried, watched
from tracegen.programs.synthetic.wish import described, drawn

PROGRAMS = Path(synthetic.__file__).parent.parent
HOSTS = [i for i in INTERPRETERS if i.version[:2] >= (3, 10)]
SINCE_39 = (".removeprefix(", ".removesuffix(")
"""What generated programs use that 3.8 lacks: it raises AttributeError there."""


@pytest.fixture(scope="module")
def made() -> list[Program]:
    """300 programs, made once."""
    return list(synthetic.programs(300, seed=5))


# -- The same programs.

GENERATE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import synthetic
print(json.dumps([[each.id, each.code, each.input] for each in synthetic.programs(50, 5)]))
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("tracegen", "pyarrow", "numpy")))
"""


@pytest.mark.parametrize(
    ("python", "hash_seed"),
    [(host.path, "0") for host in HOSTS] + [(HOSTS[-1].path, "77")],
    ids=[f"{host}-0" for host in HOSTS] + [f"{HOSTS[-1]}-77"],
)
def test_a_seed_gives_the_same_programs_on_every_python(made: list[Program], python: str, hash_seed: str) -> None:
    done = subprocess.run(
        [python, "-B", "-c", GENERATE, str(PROGRAMS)],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    rows, others = done.stdout.splitlines()
    assert json.loads(rows) == [[each.id, each.code, each.input] for each in made[:50]]
    assert others == "[]"


def test_a_program_does_not_depend_on_how_many_are_made(made: list[Program]) -> None:
    assert list(synthetic.programs(7, 5)) == made[:7]
    assert synthetic.program(5, 20) == made[20]
    assert made[20].id == "synthetic-5-000020"


def test_another_seed_gives_other_programs(made: list[Program]) -> None:
    codes = {each.code for each in made}
    assert len(codes) > 290
    assert not codes & {each.code for each in synthetic.programs(20, 6) if each.code.count("\n") > 2}
    assert synthetic.program(-1, 0).id == "synthetic--1-000000"


# -- They run.

RUN = """
import json, sys, warnings
warnings.simplefilter("error")
results = []
for code, input in json.load(sys.stdin):
    names = {}
    exec(compile(code, "program.py", "exec"), names)
    try:
        results.append(repr(eval("f(" + input + ")", names)))
    except Exception as error:
        results.append("raises " + type(error).__name__)
print(json.dumps(results))
"""


def results(python: str, programs: list[Program]) -> list[str]:
    given = json.dumps([[each.code, each.input] for each in programs])
    done = subprocess.run([python, "-c", RUN], input=given, capture_output=True, text=True, check=True, timeout=60)
    found: list[str] = json.loads(done.stdout)
    return found


def test_every_program_ends_and_returns_the_same_on_every_python(made: list[Program]) -> None:
    first = results(INTERPRETERS[-1].path, made)
    assert not [result for result in first if result.startswith("raises ")]
    assert max(map(len, first)) <= LONGEST_RESULT
    for interpreter in INTERPRETERS[:-1]:
        for each, one, other in zip(made, first, results(interpreter.path, made), strict=True):
            if interpreter.version[:2] == (3, 8) and any(method in each.code for method in SINCE_39):
                assert other in (one, "raises AttributeError")
            else:
                assert one == other, (str(interpreter), each)


def test_a_program_needs_nothing_but_itself(made: list[Program]) -> None:
    for each in made:
        nodes = list(ast.walk(ast.parse(each.code)))
        assert not [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
        used = {n.id for n in nodes if isinstance(n, ast.Name) and n.id in dir(builtins)}
        assert used <= set(BUILTINS), each


def test_conditions_come_out_both_ways_and_loops_turn(made: list[Program]) -> None:
    taken: Counter[bool] = Counter()
    turned: Counter[bool] = Counter()
    for each in made:
        lines = Tried(each.code).run(each.input).lines
        for node in ast.walk(ast.parse(each.code)):
            if isinstance(node, ast.If) and node.lineno in lines:
                taken[node.body[0].lineno in lines] += 1
            if isinstance(node, (ast.For, ast.While)) and node.lineno in lines:
                turned[node.body[0].lineno in lines] += 1
    assert 0.35 < taken[True] / taken.total() < 0.8
    assert turned[True] / turned.total() > 0.7


def test_most_programs_do_nothing_in_vain(made: list[Program]) -> None:
    assert sum(matters(each.code) for each in made) > 0.75 * len(made)


def test_helpers_recursion_and_try_are_among_them(made: list[Program]) -> None:
    codes = "\n".join(each.code for each in made)
    for wanted in ("\n    try:", "return f(", "\ndef f(", "except ", "while ", ".popitem()", "{}", " for "):
        assert wanted in codes, wanted
    assert codes.count("\ndef ") > 299  # one f each, but for the first; the others are helpers


# -- The parts, by hand.


def test_chance_is_what_it_was() -> None:
    chance = Chance("a", 1)
    assert [chance.below(1000) for _ in range(5)] == [947, 741, 614, 158, 341]
    assert Chance("a", 1).below(1 << 60) != Chance("a1").below(1 << 60)


def test_chances_are_as_likely_as_their_weights_say() -> None:
    chance = Chance("weights")
    counts = Counter(chance.weighted([(1, "a"), (0, "never"), (3, "b")]) for _ in range(4000))
    assert set(counts) == {"a", "b"} and 900 < counts["a"] < 1100
    assert 350 < sum(chance.often(10) for _ in range(4000)) < 450
    assert {chance.between(2, 4) for _ in range(100)} == {2, 3, 4}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<str>", ["<str>"]),
        ("<var:list[T]>.count(<T>)", ["<var:list[int]>.count(<int>)", "<var:list[str]>.count(<str>)"]),
        ("<type:T>", ["<type:int>", "<type:str>"]),
        (
            "<K=> in <var:dict[K,V]>",
            [
                f"<{k}=> in <var:dict[{k},{v}]>"
                for k, v in (("str", "int"), ("int", "int"), ("str", "str"), ("int", "str"))
            ],
        ),
    ],
)
def test_letters_in_the_grammar_stand_for_kinds(text: str, expected: list[str]) -> None:
    assert instances(text) == expected


def test_every_hole_of_the_grammar_can_be_filled() -> None:
    for productions in TABLE.values():
        for production in productions:
            assert len(production.texts) == len(production.holes) + 1
            assert "<" not in "".join(production.texts).replace(" < ", "").replace("<= ", "").replace("<%s>", "")
            assert production.weight > 0


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a):\n    return a.upper()", True),
        ("def f(a):\n    return a", False),
        ("def f(a, b):\n    return a.upper()", False),
        ("def f(a):\n    b = a.count('x')\n    return a.upper()", False),
        ("def f(a):\n    b = a.upper()\n    b = a.lower()\n    return b", False),
        ("def f(a):\n    b = a.upper()\n    b = b.lower()\n    return b", True),
        ("def f(a):\n    a.sort()\n    return a", True),
        ("def f(a):\n    b = a.pop()\n    return a", True),
        ("def f(a):\n    n = 0\n    for x in a:\n        n += 1\n    return a.copy()", False),
        ("def f(a):\n    n = 0\n    for x in a:\n        if x > 1:\n            n += 1\n    return n", True),
        ("def f(a):\n    for x in a:\n        if x:\n            return 1\n    return 0", True),
        ("def f(a):\n    try:\n        b = int(a)\n    except ValueError:\n        b = 0\n    return b", True),
        ("def g(a):\n    return a + 1\n\ndef f(b):\n    return g(b)", True),
        ("def g(a):\n    return a + 1\n\ndef f(b):\n    return b + 1", False),
        ("def f(a):\n    return sorted(list(a))", False),
        ("def f(a):\n    return a * (1 + 1)", False),
        ("def f(a):\n    return a if 'x' == 'y' else ''", False),
    ],
)
def test_code_in_vain_is_told_from_code_that_matters(code: str, expected: bool) -> None:
    assert matters(code) is expected


def test_a_trial_says_how_a_run_went() -> None:
    code = "def f(a):\n    n = 0\n    for x in a:\n        if x:\n            n += x\n    return n"
    trial = Tried(code).run("[1, 0, 2]")
    # n = 0; the head of the loop and its three turns; three ifs; two additions; the return.
    assert (trial.returned, trial.result, trial.kind, trial.steps) == (True, "3", "int", 1 + 4 + 3 + 2 + 1)
    assert trial.lines == {2, 3, 4, 5, 6} == Tried(code).statements
    assert Tried(code).run("[]").lines == {2, 3, 6}


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("def f():\n    while True:\n        pass", "_Enough"),
        ("def f():\n    a = 'ab'\n    while True:\n        a += a", "_Enough"),
        ("def f():\n    a = []\n    while True:\n        a = [a, a]", "_Enough"),
        ("def f():\n    d = {}\n    while True:\n        d[' '.join(list(d) + list(d) + ['a'])] = 1", "_Enough"),
        ("def f():\n    n = 9\n    while True:\n        n *= n", "_Enough"),
        ("def f():\n    return f()", "_Enough"),
        ("def f():\n    return [][0]", "IndexError"),
        ("def f():\n    return open('/etc/passwd')", "NameError"),
        (
            "def f():\n    try:\n        while True:\n            pass\n    except Exception:\n        return 1",
            "_Enough",
        ),
    ],
)
def test_a_trial_ends_whatever_the_program_does(code: str, result: str) -> None:
    trial = Tried(code).run("")
    assert (trial.returned, trial.result) == (False, result)
    assert trial.steps <= STEPS + 1


def test_a_result_that_is_too_long_does_not_count_as_returned() -> None:
    assert not Tried("def f(a):\n    return a").run(repr("x" * LONGEST_RESULT)).returned


def test_a_watched_program_is_the_program_with_calls_between() -> None:
    code = "def f(a):\n    if a:\n        return 1\n    else:\n        return 2"
    text = watched(code)
    assert [line for line in text.split("\n") if "_at(" not in line] == code.split("\n")
    assert text.count("_at(") == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "str"), ("", "str, empty"), ([], "list, empty"), ({}, "dict, empty"), ((), "tuple"), (1, "int"),
        (True, "bool"), ([1], "list of int"), (["a"], "list of str"), ([1, "a"], "list"), ([True], "list"),
        ({"a": 1}, "dict"), (None, "other"), (1.5, "other"), (b"", "other"),
    ],
)  # fmt: skip
def test_a_result_is_of_one_of_the_groups_that_can_be_wished_for(value: object, expected: str) -> None:
    assert described(value) == expected


def test_wishes_are_drawn_as_often_as_they_are_weighted() -> None:
    wishes = [drawn(Chance("wishes", n)) for n in range(2000)]
    assert 0.35 < sum(wish.plan == "loop" for wish in wishes) / 2000 < 0.48
    assert {wish.result for wish in wishes if wish.plan == "recursion"} <= {"str", "int"}


def test_arguments_are_literals_or_calls_that_read_back_as_the_value() -> None:
    values = [{"ab": 1, "c": "x"}, ["a", "b"], ["a b"], "ABC", "aBc", [], {"a b": 1}, {1: 2}, (1,), None, "é"]
    for n in range(200):
        for value in values:
            assert eval(written(value, Chance("written", n))) == value
    texts = {written(values[0], Chance("written", n)) for n in range(200)}
    assert texts == {"{'ab': 1, 'c': 'x'}", "dict(ab=1, c='x')"}


def test_later_arguments_are_often_found_in_the_first() -> None:
    parameters = (Parameter("text", "str"), Parameter("char", "piece"))
    inside = 0
    for n in range(300):
        text, char = eval(f"({argument_list(parameters, Literals(Chance('arguments', n)))})")
        inside += char in text
    assert 0.5 < inside / 300 < 0.95


# -- The distribution.

cruxeval = pytest.mark.skipif(
    not distribution.CRUXEVAL.is_file(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)"
)


@cruxeval
def test_nothing_that_cruxeval_uses_in_one_percent_of_its_samples_is_missing(made: list[Program]) -> None:
    samples = [Sample(each.id, each.code, each.input) for each in [*made, *synthetic.programs(400, 0)]]
    real, ours = distribution.shares_of(read_samples(distribution.CRUXEVAL)), distribution.shares_of(samples)
    for group in ("constructs", "methods", "builtins", "own functions", "arguments", "number of arguments"):
        assert distribution.missing(real[group], ours[group]) == [], group


@cruxeval
def test_programs_and_their_traces_are_about_as_long_as_those_of_cruxeval(made: list[Program]) -> None:
    steps = sorted(Tried(each.code).run(each.input).steps for each in made)
    # CRUXEval: median 5, p90 24, p99 98 (tests/test_cruxeval.py).
    assert 4 <= steps[150] <= 7
    assert 18 <= steps[270] <= 34
    assert 50 <= steps[297] <= 200
    lines = sorted(each.code.count("\n") + 1 for each in made)
    real = sorted(sample.code.strip().count("\n") + 1 for sample in read_samples(distribution.CRUXEVAL))
    assert lines[150] == real[400] and abs(lines[270] - real[720]) <= 1


def test_shares_are_counted_once_a_sample_and_by_group() -> None:
    sample = Sample("a", "def f(a):\n    return [len(a), len(a), a.upper().upper(), f(a)]", "'x', []", "[]")
    shares = distribution.shares_of([sample, Sample("b", "def f(a): return a", "{'a': None}")])
    assert shares["builtins"].counts == {"len": 1} and shares["builtins"]["len"] == 0.5
    assert shares["methods"].counts == {"upper": 1}
    assert shares["own functions"].counts == {"f (recursion)": 1}
    assert shares["arguments"].counts == {"str": 1, "list, empty": 1, "dict of str to NoneType": 1}
    assert shares["number of arguments"].counts == {"2": 1, "1": 1}
    assert shares["results"].counts == {"list, empty": 1}
    assert distribution.missing(shares["builtins"], shares["methods"]) == ["len"]
