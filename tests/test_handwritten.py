"""The functions written by hand for evaluation: 100, all different, none of CRUXEval's, the same on every Python."""

from __future__ import annotations

import ast
import builtins
import json
import os
import subprocess
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations, product
from pathlib import Path

import pytest

from tests.scripted import every_interpreter
from tracegen.programs.samples import Sample, read_samples

ROOT = Path(__file__).parent.parent
FILE = ROOT / "evals" / "data" / "handwritten.jsonl"
CRUXEVAL = ROOT / os.environ.get("FORETRACE_DATA", "../shared/data") / "cruxeval" / "cruxeval.jsonl"
SHARES = {"str": 40, "list": 30, "int": 12, "dict": 8, "bool": 6, "tuple": 4}
NEAR = 0.85
"""From here on, two functions are nearly the same: drafts that repeated an idea of CRUXEval's had 0.86 and 0.98."""


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return read_samples(FILE)


def lines(sample: Sample) -> int:
    return sample.code.count("\n") + 1


def shape(code: str) -> list[str]:
    """The kinds of a code's nodes, outermost first, with its methods, its builtins and no name of its writer's."""
    found: list[str] = []
    known = set(dir(builtins))

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            found.append(f".{node.attr}")
        elif isinstance(node, ast.Name) and node.id in known:
            found.append(node.id)
        elif not isinstance(node, ast.expr_context):
            found.append(type(node).__name__)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(code))
    return found


def likeness(one: list[str], other: list[str]) -> float:
    """The share of nodes that two shapes have in common, in order; 0 where it is surely below `NEAR`."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    near = matcher.real_quick_ratio() >= NEAR and matcher.quick_ratio() >= NEAR
    return matcher.ratio() if near else 0.0


class Anonymous(ast.NodeTransformer):
    """Calls the names of a code a0, a1, ... in their order; builtins and methods keep theirs."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def rename(self, name: str) -> str:
        return name if name in dir(builtins) else self.names.setdefault(name, f"a{len(self.names)}")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.rename(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self.rename(node.arg))

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        return ast.Nonlocal([self.rename(name) for name in node.names])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.rename(node.name)
        return self.generic_visit(node)


def anonymous(code: str) -> str:
    return ast.dump(Anonymous().visit(ast.parse(code)))


# -- What is compared, by hand.


def test_other_names_make_no_other_function() -> None:
    one = "def f(xs):\n    for x in xs:\n        if len(x) > 2:\n            return x.upper()"
    other = "def f(a):\n    for len_ in a:\n        if len(len_) > 2:\n            return len_.upper()"
    assert anonymous(one) == anonymous(other) and likeness(shape(one), shape(other)) == 1
    assert anonymous(one) != anonymous(one.replace("upper", "lower"))
    assert anonymous(one) != anonymous(one.replace("2", "3"))
    assert likeness(shape(one), shape(one.replace("2", "-3"))) > NEAR
    assert likeness(shape(one), shape("def f(x):\n    return x")) == 0


# -- The rows.


def test_a_hundred_rows_in_the_order_of_their_ids_and_lengths(samples: list[Sample]) -> None:
    assert [each.id for each in samples] == [f"hand-{number:03d}" for number in range(100)]
    counts = [lines(each) for each in samples]
    assert counts == sorted(counts) and counts[0] >= 3 and counts[-1] <= 15


def test_a_row_is_written_as_cruxevals_are() -> None:
    for line in FILE.read_text("ascii").splitlines():
        row = json.loads(line)
        assert set(row) == {"id", "code", "input", "output"} and json.dumps(row) == line
        assert row["code"] == row["code"].strip() and repr(ast.literal_eval(row["output"])) == row["output"]


def test_each_is_one_function_of_one_to_three_arguments_that_imports_nothing(samples: list[Sample]) -> None:
    for each in samples:
        [function] = ast.parse(each.code, feature_version=(3, 8)).body
        assert isinstance(function, ast.FunctionDef) and function.name == "f", each
        assert 1 <= len(function.args.args) <= 3, each
        nodes = list(ast.walk(function))
        assert not [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))], each
        assert not {"print", "input", "open"} & {node.id for node in nodes if isinstance(node, ast.Name)}, each


def test_types_of_outputs_have_their_shares(samples: list[Sample]) -> None:
    outputs = [each.output or "" for each in samples]
    assert Counter(type(ast.literal_eval(output)).__name__ for output in outputs) == SHARES
    assert max(map(len, outputs)) < 60
    assert {"True", "False"} <= set(outputs)


# -- They run.

RUN = """
import json, sys, warnings
warnings.simplefilter("error")
results = []
for code, input in json.load(sys.stdin):
    names, count = {}, 0
    exec(compile(code, "program.py", "exec"), names)
    call = eval("lambda: f(" + input + ")", names)
    def traced(frame, event, arg):
        global count
        if frame.f_code.co_filename == "program.py":
            count += event == "line"
            return traced
    count = 0
    sys.settrace(traced)
    output = call()
    sys.settrace(None)
    results.append([repr(output), count])
print(json.dumps(results))
"""


@every_interpreter
def test_every_output_is_as_said_and_no_run_is_long(samples: list[Sample], python: str) -> None:
    given = json.dumps([[each.code, each.input] for each in samples])
    done = subprocess.run([python, "-c", RUN], input=given, capture_output=True, text=True, check=True, timeout=60)
    results: list[tuple[str, int]] = json.loads(done.stdout)
    assert [(each.id, output) for each, (output, _) in zip(samples, results, strict=True)] == [
        (each.id, each.output) for each in samples
    ]
    assert all(1 < count < 150 for _, count in results)


# -- They are new.


def test_no_two_are_the_same_or_nearly(samples: list[Sample]) -> None:
    assert len({anonymous(each.code) for each in samples}) == len({each.code for each in samples}) == 100
    shapes = [(each.id, shape(each.code)) for each in samples]
    assert not [(one, other) for (one, a), (other, b) in combinations(shapes, 2) if likeness(a, b) >= NEAR]


@pytest.mark.skipif(not CRUXEVAL.is_file(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)")
def test_none_is_one_of_cruxevals_or_nearly(samples: list[Sample]) -> None:
    theirs = read_samples(CRUXEVAL)
    assert not {anonymous(each.code) for each in samples} & {anonymous(each.code) for each in theirs}
    ours, others = ([(each.id, shape(each.code)) for each in rows] for rows in (samples, theirs))
    assert not [(one, other) for (one, a), (other, b) in product(ours, others) if likeness(a, b) >= NEAR]
