"""The reference and the native tracer write the same bytes: random programs, and those of tests/differences.

A difference is shrunk and kept in tests/differences: there it is a test from then on.  A missing compiler is a failure
here, not a reason to skip: what has not been compared is not known to be right.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import fuzzer
from tests.fuzzer import DIED, DIFFERENCES, PAYLOAD, Pair, Report
from tests.random_programs import classes, literals, scenes
from tests.random_programs.generator import generated
from tests.random_programs.program import Conduct, Program, read, written
from tests.scripted import INTERPRETERS, every_interpreter
from tests.shrinking import shrunk
from tracegen import native

PROGRAMS = 300
MANY = 5_000
SOME = 60

KEPT = sorted(DIFFERENCES.glob("*.py"))


def on_every_interpreter(report: Callable[[Pair], Report]) -> dict[str, Report]:
    """What each interpreter reports, two at a time."""
    pairs = [Pair(interpreter.path, str(native.library(interpreter.path))) for interpreter in INTERPRETERS]
    with ThreadPoolExecutor(fuzzer.JOBS) as pool:
        return {pair.python: told for pair, told in zip(pairs, pool.map(report, pairs), strict=True)}


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """The programs of the first seeds."""
    return on_every_interpreter(lambda pair: fuzzer.seeds(pair, 0, PROGRAMS))


@pytest.fixture(scope="module")
def many_reports() -> dict[str, Report]:
    """The programs of the seeds behind them."""
    return on_every_interpreter(lambda pair: fuzzer.seeds(pair, PROGRAMS, MANY))


@pytest.fixture(scope="module")
def kept_reports() -> dict[str, Report]:
    """The programs under which the tracers once parted."""
    return on_every_interpreter(lambda pair: fuzzer.files(pair, KEPT))


def assert_none_differs(python: str, report: Report) -> None:
    """Fail with the first difference; the program of a seed is shrunk and kept."""
    for difference in report.differences[:1]:
        if not difference.program.isdigit():
            pytest.fail(str(difference))
        path = fuzzer.kept(Pair(python, str(native.library(python))), difference, DIFFERENCES)
        count = len(report.differences)
        pytest.fail(f"{count} of {report.programs} programs\n{difference}\n{path}:\n{path.read_text(encoding='utf-8')}")


# Two tracers.


@every_interpreter
def test_two_tracers_write_the_same_bytes_of_random_programs(python: str, reports: dict[str, Report]) -> None:
    assert_none_differs(python, reports[python])
    assert reports[python].programs == PROGRAMS


@pytest.mark.slow
@every_interpreter
def test_two_tracers_write_the_same_bytes_of_many_programs(python: str, many_reports: dict[str, Report]) -> None:
    assert_none_differs(python, many_reports[python])
    assert many_reports[python].programs == MANY


@every_interpreter
def test_two_tracers_write_the_same_bytes_of_what_once_differed(python: str, kept_reports: dict[str, Report]) -> None:
    assert_none_differs(python, kept_reports[python])
    assert kept_reports[python].programs == len(KEPT) > 20


# The programs.


@every_interpreter
def test_random_programs_run_and_are_the_same_on_every_version(python: str, reports: dict[str, Report]) -> None:
    report = reports[python]
    assert report.raised < PROGRAMS / 10
    assert report.early < PROGRAMS / 30
    assert report.steps > 100 * PROGRAMS
    [sources] = report.sources
    assert sources == next(iter(reports.values())).sources[0]


def test_random_programs_are_the_same_under_every_hash_seed() -> None:
    program = "from tests.random_programs.generator import generated\nprint([generated(seed) for seed in range(40)])"
    said = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}, cwd=root
        ).stdout
        for root in [PAYLOAD.parent.parent]
        for seed in ("0", "1", "77")
    }
    assert len(said) == 1


FEATURES = {
    "a foreign repr": "def __repr__",
    "a repr that raises": r"def __repr__\(self\):\n +raise",
    "a repr that counts": r"count \+= 1",
    "a repr that is cut off": "while True",
    "a repr that prints": r"print\('printed'",
    "a repr that mutates": r"SHARED\.(append|clear|pop)",
    "a repr that takes the tracer away": r"sys\.settrace\(None\)",
    "a repr that re-enters": r"repr\(self\.holder|holder!r",
    "subclasses of builtins": r"class C\d\((int|str|list|dict|tuple|set)\)",
    "metaclasses": r"\(metaclass=",
    "slots": "__slots__",
    "dataclasses and enums": "dataclass|enum",
    "huge ints": r"10\*\*4300",
    "nan": "nan",
    "lone surrogates": r"\\ud800",
    "characters of four bytes": r"\\U0001f600",
    "deep nesting": r"range\(120\)",
    "large containers": r"range\(1000\)",
    "cycles": r"\['self'\] =|append\(loop\)",
    "aliases": r"\['in'\] =|\[0:1\] = \[",
    "deletions": r"\n +del \w+\n",
    "changes of type of equal values": "= True",
    "changes in place": r"\.insert\(0",
    "extended slices": r"\[::2\] =",
    "dict order": "popitem|reversed",
    "sets": r"\.discard\(",
    "bytearrays": "bytearray",
    "closures": "nonlocal",
    "globals": "global ",
    "lambdas": "lambda",
    "comprehensions": r"\[.* for .* in .*\]",
    "generators": "yield ",
    "yield from": "yield from",
    "thrown into": r"\.throw\(",
    "coroutines": "await ",
    "asynchronous generators": "async for|__anext__",
    "asyncio": r"asyncio\.run",
    "with": r"\bwith ",
    "finally": "finally:",
    "exceptions from exceptions": "raise .* from ",
    "exception groups": r"except\*",
    "match": "match each",
    "decorators": "@functools.wraps",
    "class bodies": "class Local",
    "threads": "joined",
    "deaths": "__del__",
    "weak references": "weakref.ref",
    "renamed": "__qualname__ =|__name__ =",
    "walrus": ":=",
    "star-unpacking": r"\*\w+ = ",
    "other files": "/roots/",
    "calls from C": "functools.reduce",
    "the garbage collector": r"gc\.collect",
    "multi-line statements": r"= \(\n",
}


def test_every_feature_occurs_among_the_programs_of_every_run() -> None:
    sources = [generated(seed).source.partition(classes.PRELUDE)[2] for seed in range(PROGRAMS)]
    missing = [name for name, pattern in FEATURES.items() if not any(re.search(pattern, text) for text in sources)]
    assert not missing


def test_every_scene_and_setting_occurs_among_the_programs_of_every_run() -> None:
    programs = [generated(seed) for seed in range(PROGRAMS)]
    for name, plain in Conduct()._asdict().items():
        assert any(getattr(program.conduct, name) != plain for program in programs), name
    assert {program.conduct.policy for program in programs} == {"repr", "safe", "fields"}
    assert {program.conduct.begin for program in programs} == {"outermost", "code", "functions"}
    used = "".join(program.source for program in programs)
    shapes = [text for templates in scenes.SUBJECTS.values() for text in templates]
    for shape in shapes:
        [line, *_] = [line for line in shape.splitlines() if not re.search(r"\$|SCENE", line) and len(line) > 12]
        assert line in used


def test_literals_are_expressions() -> None:
    for text in [
        *literals.INTS,
        *literals.FLOATS,
        *literals.STRINGS,
        *literals.BYTES,
        *literals.OTHERS,
        *literals.CODE,
    ]:
        compile(text, "<literal>", "eval")


@pytest.mark.parametrize("seed", range(20))
def test_a_program_is_one_text_with_its_conduct(seed: int) -> None:
    program = generated(seed)
    assert read(written(program)) == program
    assert read("# Says why it is kept.\n" + written(program)).conduct == program.conduct


# The harness, with faults that were planted.

FAULTS = {
    "a digit in a list": (
        "values.py",
        "items = list(tuple.__iter__(value))",
        "items = [4 if item == 3 and type(item) is int else item for item in tuple.__iter__(value)]",
    ),
    "a missed deletion": ("activation.py", "if not everything:", "if False:"),
    "one repr too many": ("reference.py", "return _repr(value)", "return _repr(value) and _repr(value)"),
}


CRASH = ("values.py", "bytearray: bytearray.__repr__", "bytearray: lambda value: __import__('os').abort()")


def faulty(folder: Path, fault: tuple[str, str, str]) -> Pair:
    """The reference against itself with a fault."""
    file, right, wrong = fault
    copy = folder / "payload"
    shutil.copytree(PAYLOAD, copy, ignore=shutil.ignore_patterns("__pycache__", "native"))
    text = (copy / file).read_text(encoding="utf-8")
    assert right in text
    (copy / file).write_text(text.replace(right, wrong), encoding="utf-8")
    return Pair(sys.executable, other=copy)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_among_a_few_programs(fault: str, tmp_path: Path) -> None:
    report = fuzzer.seeds(faulty(tmp_path, FAULTS[fault]), 0, SOME)
    assert report.programs == SOME
    assert report.differences


@pytest.mark.parametrize(
    "fault",
    [
        "one repr too many",
        pytest.param("a digit in a list", marks=pytest.mark.slow),
        pytest.param("a missed deletion", marks=pytest.mark.slow),
    ],
)
def test_a_planted_fault_is_shrunk_to_a_few_lines(fault: str, tmp_path: Path) -> None:
    pair = faulty(tmp_path, FAULTS[fault])
    report = fuzzer.seeds(pair, 0, SOME)
    path = fuzzer.kept(pair, report.differences[0], tmp_path)
    small = path.read_text(encoding="utf-8")
    assert len(small.splitlines()) <= 16, small
    assert "def main" in small
    [again] = fuzzer.files(pair, [path]).differences
    assert again.program == str(path)
    assert fuzzer.files(Pair(pair.python), [path]).differences == ()


def test_a_crash_is_a_difference_and_the_others_go_on(tmp_path: Path) -> None:
    report = fuzzer.seeds(faulty(tmp_path, CRASH), 0, SOME)
    assert report.programs == SOME
    assert {difference.what for difference in report.differences} == {f"{DIED}-6"}
    assert any("Aborted" in line for line in report.differences[0].right)


def test_a_hung_program_is_a_difference_and_the_others_go_on(tmp_path: Path) -> None:
    texts = ["def main():\n    return 1\n", "def main():\n    while True: pass\n", "def main():\n    return 2\n"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.py").write_text(text)
    report = fuzzer.files(Pair(sys.executable), sorted(tmp_path.glob("*.py")), patience=0.5)
    assert [(Path(d.program).name, d.what) for d in report.differences] == [("1.py", f"{DIED}1")]
    assert any("Timeout" in line for line in report.differences[0].right)
    assert report.programs == 3


def test_what_is_shrunk_keeps_doing_it_and_nothing_else() -> None:
    source = """\
import math

class Unused:
    def method(self):
        return 1

def main():
    x = 1; y = [x, 2]
    try:
        for n in range(3):
            if n:
                print('wanted', [n, math.pi], {
                    1: 2})
    except ValueError:
        pass
    else:
        x = 2
    return y
"""

    def first_of(programs: object) -> int | None:
        assert isinstance(programs, list)
        return next((at for at, program in enumerate(programs) if "print('wanted'" in program.source), None)

    given = Program(source, Conduct(policy="fields", events=3))
    assert shrunk(given, first_of) == Program("print('wanted')\n", Conduct())
