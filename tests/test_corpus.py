"""Documents made on the fly: the same whoever makes them, without what is shunned; and what they are made of.

Longer than the house's 350 lines: programs, their names, their traces and their documents share one small corpus.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice, takewhile

import pytest

from cwm_model.tokenizer import BUNDLED, small
from cwm_model.training.corpus import BLOCK, Making, Mixture, documents, fingerprint, fingerprints
from cwm_model.training.documents import Document, Form
from tracegen import Ending, Event, Settings, render
from tracegen.programs.here import Here
from tracegen.programs.synthetic import Program, program
from tracegen.programs.synthetic.chance import Chance
from tracegen.programs.synthetic.drills import drill, renamed
from tracegen.programs.synthetic.literals import CODED, Literals
from tracegen.programs.synthetic.trial import Trial, Tried

ROOT = BUNDLED.parent.parent.parent
QUICK = Mixture(drills=80, longest=700)
SHUNNED = 3
"""A program that the tests' corpus does without."""


def made(count: int, **where: int) -> dict[int, Document]:
    """The first documents of a part, by number, with all numbers below the count of blocks looked at."""
    how = {"part": 0, "parts": 1, "start": 0, "workers": 1, **where}
    shunned = frozenset({fingerprint(Making(QUICK, small()).program(SHUNNED).code)})
    with documents(QUICK, BUNDLED / "tokenizer.json", shunned, **how) as stream:
        return dict(takewhile(lambda pair: pair[0] < count * BLOCK, islice(stream, count * BLOCK)))


@pytest.fixture(scope="module")
def corpus() -> dict[int, Document]:
    """The documents of the first four blocks, made by one worker."""
    return made(4)


# -- Documents by number.


def test_numbers_come_in_order_and_few_are_missing(corpus: dict[int, Document]) -> None:
    assert list(corpus) == sorted(corpus)
    assert 200 < len(corpus) <= 4 * BLOCK
    assert max(map(len, corpus.values())) <= QUICK.longest


def test_two_workers_of_one_part_make_its_blocks_from_a_number_on_as_one_makes_them(
    corpus: dict[int, Document],
) -> None:
    found = made(4, part=1, parts=2, start=70, workers=2)
    assert found == {number: each for number, each in corpus.items() if number >= 70 and number // BLOCK % 2}


def test_a_part_begins_with_its_own_block_wherever_it_goes_on(corpus: dict[int, Document]) -> None:
    found = made(3, part=0, parts=2, start=70)
    assert found == {number: each for number, each in corpus.items() if number // BLOCK == 2}


def test_a_worker_makes_what_is_made_here(corpus: dict[int, Document]) -> None:
    making = Making(QUICK, small(), frozenset({fingerprint(Making(QUICK, small()).program(SHUNNED).code)}))
    for number in range(30):
        if "set(" not in making.program(number).code:  # This process shows sets in another order.
            assert making.document(number) == corpus.get(number), number


def test_a_shunned_program_is_left_out_and_no_other(corpus: dict[int, Document]) -> None:
    assert SHUNNED not in corpus
    assert Making(QUICK, small()).document(SHUNNED) is not None


def test_a_shunned_program_is_left_out_under_other_names() -> None:
    found = Making(Mixture(renamed=100), small()).program(SHUNNED)
    plain = Making(Mixture(renamed=0), small()).program(SHUNNED)
    assert found.code != plain.code
    shunning = Making(Mixture(renamed=100), small(), fingerprints([plain.code]))
    assert shunning.document(SHUNNED) is None


def test_every_form_is_made_as_often_as_the_mixture_says() -> None:
    for form, mixture in ((Form.SINGLE, Mixture(single=100, over=0)), (Form.OVER, Mixture(single=0, over=100))):
        making = Making(mixture, small())
        assert making.document(1) == making.whole(making.program(1), form)


def test_a_document_that_is_too_long_is_none() -> None:
    making = Making(Mixture(longest=300), small())
    found = [making.whole(making.program(number)) for number in range(20)]
    assert None in found
    assert all(len(each) <= 300 for each in found if each)
    assert found == [
        each if each and len(each) <= 300 else None
        for each in (Making(Mixture(), small()).whole(making.program(number)) for number in range(20))
    ]


def test_long_documents_are_taken_in_proportion() -> None:
    every, some = (Making(Mixture(drills=0, balanced=balanced), small()) for balanced in (4096, 200))
    pairs = [(every.document(number), some.document(number)) for number in range(36)]
    assert all(right in (left, None) for left, right in pairs)
    assert all(left == right for left, right in pairs if left and len(left) <= 200)
    assert 5 < len([right for left, right in pairs if left and right]) < 33


def test_another_seed_gives_other_documents(corpus: dict[int, Document]) -> None:
    other = Making(Mixture(seed=2, drills=80, longest=700), small())
    assert not {each.ids for each in map(other.document, range(5)) if each} & {each.ids for each in corpus.values()}


# -- Fingerprints.

CODE = "def f(text, n):\n    total = [len(text) for c in text]\n    return sorted(total, key=lambda x: -x)[:n]"


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace("text", "a").replace("total", "text"),
        CODE.replace("    ", "\t"),
        CODE.replace("\n", "  # so\n\n"),
        CODE.replace("(text, n)", "(\n  text,\n  n)"),
        CODE.replace("lambda x: -x", "(lambda x: (-x))"),
        CODE.replace("def f(", "def g("),
    ],
)
def test_names_and_layout_change_no_fingerprint(same: str) -> None:
    assert same != CODE
    assert fingerprint(same) == fingerprint(CODE)


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("[:n]", "[n:]"),
        ("-x", "+x"),
        ("-x", "-n"),
        ("text, n", "n, text"),
        ("c in text", "text in text"),
        ("len(text)", "text.upper()"),
        ("len(text)", "'a'"),
        ("len(text)", "n(text)"),
        ("len", "int"),
        ("sorted", "max"),
        ("key=", "reverse="),
    ],
)
def test_what_a_program_does_changes_its_fingerprint(said: str, other: str) -> None:
    assert fingerprint(CODE.replace(said, other)) != fingerprint(CODE)


@pytest.mark.parametrize(
    ("code", "same", "other"),
    [
        (
            "def f(x):\n n = 0\n def g():\n  nonlocal n\n  n += x\n g()\n return n",
            "def f(y):\n count = 0\n def go():\n  nonlocal count\n  count += y\n go()\n return count",
            "def f(y):\n count = 0\n def go():\n  nonlocal count\n  count += y\n go()\n return y",
        ),
        ("def f():\n global a\n a = 1", "def g():\n global b\n b = 1", "def f():\n global a\n b = 1"),
        (
            "def f(d):\n match d:\n  case {'a': x, **rest}: return rest",
            "def f(e):\n match e:\n  case {'a': y, **others}: return others",
            "def f(e):\n match e:\n  case {'a': y, **others}: return y",
        ),
        ("import math\nx = math.pi", "import math as m\ny = m.pi", "import cmath\nx = cmath.pi"),
        ("from os import path\npath.sep", "from os import path as p\np.sep", "from os import sys\nsys.sep"),
        ("import os.path\nos.sep", "import os.path\nos . sep", "import os.path as os\nos.sep"),
    ],
)
def test_names_that_stand_as_texts_in_the_tree_are_names_too(code: str, same: str, other: str) -> None:
    assert fingerprint(same) == fingerprint(code) != fingerprint(other)


def test_programs_that_differ_differ_in_all_their_fingerprints() -> None:
    several = ["text.upper()", "text.lower()", "len(text)", "int(text)", "'a'", "'b'", "n", "text"]
    assert len(fingerprints(CODE.replace("len(text)", each) for each in several)) == len(several)


def test_what_does_not_parse_has_no_fingerprint() -> None:
    nested = "(" * 5000 + ")" * 5000
    assert fingerprints([CODE, "def f(", "\0", nested, CODE.replace("text", "t")]) == {fingerprint(CODE)}


# -- Drills, and other names.


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    """Some of either kind."""
    return [each(9, number) for number in range(40) for each in (program, drill)]


def test_drills_return_and_are_the_same_every_time(programs: list[Program]) -> None:
    for number, each in enumerate(programs[1::2]):
        assert each == drill(9, number)
        assert each.id == f"drill-9-{number:06}"
        assert Tried(each.code).run(each.input).returned


def test_drills_are_other_programs(programs: list[Program]) -> None:
    prints = [fingerprint(each.code) for each in programs]
    assert not set(prints[::2]) & set(prints[1::2])
    assert len(set(prints[1::2])) > 35


def test_a_drill_has_no_loop_and_computes_a_value_a_line(programs: list[Program]) -> None:
    codes = [each.code for each in programs[1::2]]
    assert not [code for code in codes if "\n    while " in code]
    assert all(code.count("\n") >= 3 for code in codes)
    assert len({line.strip() for code in codes for line in code.split("\n")}) > 150


DRILLS = """
import json
from tracegen.programs.synthetic.drills import drill
print(json.dumps([[each.id, each.code, each.input] for each in (drill(9, number) for number in range(20))]))
"""


def test_a_drill_does_not_depend_on_the_hash_seed(programs: list[Program]) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    done = subprocess.run(
        [sys.executable, "-c", DRILLS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[each.id, each.code, each.input] for each in programs[1:40:2]]


def tried(program: Program) -> Trial:
    return Tried(f"{program.code}\nf = {program.function}").run(program.input)


def test_other_names_change_no_result_and_no_length(programs: list[Program]) -> None:
    here = Here()
    changed = called = 0
    for number, each in enumerate(programs):
        other = renamed(each, Chance("names", number))
        changed += other.code != each.code
        runs = [tried(one) for one in (each, other)]
        assert runs[0] == runs[1], each
        assert fingerprint(other.code) == fingerprint(each.code)
        traces = [here.trace(one.id, one.code, one.input, one.function) for one in (each, other)]
        if "set(" not in each.code:
            shapes = [[(step.event, step.line, step.depth, step.value) for step in trace.steps] for trace in traces]
            assert shapes[0] == shapes[1]
        assert len(traces[0].steps) == len(traces[1].steps)
        called += other.function != "f"
    assert changed > 60 and called > 30


def test_names_in_texts_and_methods_stay(programs: list[Program]) -> None:
    code = "def f(text, index):\n    count = text.count('text') + text.index(\"count\")\n    return [count, index]"
    found = renamed(Program("by hand", code, "'text count', 1"), Chance("names", 1))
    lines = found.code.split("\n")
    assert ".count('text')" in lines[1] and '.index("count")' in lines[1]
    assert "text," not in lines[0] and not lines[2].endswith("[count, index]")
    assert tried(found) == Tried(code).run(found.input)


def test_a_program_that_formats_with_its_names_keeps_them() -> None:
    code = "def f(text):\n    return f'{text}!'"
    assert renamed(Program("by hand", code, "'a'"), Chance("names", 1)).code == code


def test_the_prefix_of_bytes_is_no_name() -> None:
    code = "def f(a, b):\n    if a:\n        return b + b'x' + b\"y\"\n    return b''"
    for number in range(20):
        found = renamed(Program("by hand", code, "1, b'z'"), Chance("names", number))
        assert tried(found).result == "b'zxy'" and found.code != code


def test_a_name_that_is_new_is_nobody_elses(programs: list[Program]) -> None:
    code = "def f(a, b, c, d, x, n, k, i, s):\n    return [a, b, c, d, x, n, k, i, s]"
    for number in range(200):
        found = renamed(Program("by hand", code, "1, 2, 3, 4, 5, 6, 7, 8, 9"), Chance("names", number))
        assert tried(found).result == "[1, 2, 3, 4, 5, 6, 7, 8, 9]"


def test_wide_literals_hold_texts_that_look_like_code_and_larger_numbers() -> None:
    wide = [Literals(Chance("literals", number), wide=True) for number in range(60)]
    narrow = [Literals(Chance("literals", number)) for number in range(60)]
    odd = [text for text in CODED if text]
    said = ["".join(each.text() for _ in range(20)) for each in wide]
    assert all(any(text in every for every in said) for text in odd)
    assert not any("frame_sep" in each.text() for each in narrow for _ in range(20))
    assert max(max(each.numbers) for each in wide) > 500 > 99 >= max(max(each.numbers) for each in narrow)
    assert all(len(each.letters) >= 9 for each in wide)


# -- Here.

COMPARE = r"""
import json, sys
from dataclasses import fields

from tracegen import Settings
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.programs.here import Here, SHOWN
from tracegen.stored import trace_at

here = Here()
for code, arguments in json.load(sys.stdin):
    ours = here.trace("it", code, arguments)
    told = trace_call(Call("it", code, "f", arguments, SHOWN, SHOWN, "program"), Settings(), source="synthetic")
    theirs = trace_at(main_trace(told), 0)
    for one, other in zip(ours.frames(), theirs.frames(), strict=True):
        for field in fields(one):
            assert getattr(one, field.name) == getattr(other, field.name), (code, one, other)
    for field in fields(ours):
        if field.name not in ("steps", "stdout"):
            assert getattr(ours, field.name) == getattr(theirs, field.name), (code, field.name, ours, theirs)
    assert list(ours.steps) == list(theirs.steps)
    print(len(ours.steps))
"""


def test_a_trace_made_here_is_the_one_that_a_child_records() -> None:
    rows = [(each.code, each.input) for number in range(3) for each in (program(9, number), drill(9, number))]
    rows += [
        ("def f(a):\n    return {*a, 'xyz'}, [x for x in set(a)]", "'hello'"),
        ("def f(a):\n    return 1 // a\n", "0"),
        ("def f(a):\n    def g(n):\n        yield from range(n)\n    return sum(g(a))", "3"),
        ("def f(a, *b, **c):\n    del a\n    return b, c", "1, *[2], c='<|frame_sep|>'"),
        ("import math\n\nclass f:\n    def __init__(self, a):\n        self.a = math.pi", "1"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMPARE],
        input=json.dumps(rows),
        env={**os.environ, "PYTHONHASHSEED": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.split()) == len(rows)


def test_a_trace_says_under_which_hash_seed_it_was_made() -> None:
    script = (
        "from tracegen.programs.here import Here\n"
        "print(Here().trace('it', 'def f(a):\\n    return a', '1').provenance.hash_seed)"
    )
    for seed in ("0", "5"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{seed}\n"


def test_what_a_program_raises_stands_in_its_trace() -> None:
    trace = Here().trace("it", "def f(a):\n    return a[5]", "'abc'")
    assert trace.ending is Ending.RAISED
    assert [frame.value for frame in trace.frames() if frame.event is Event.EXCEPTION] == [
        "IndexError('string index out of range')"
    ] * 2
    assert trace.frames()[-1].value == "None" and trace.steps[-1].unwinding


@pytest.mark.parametrize("tracer", ["reference", "auto"])
def test_the_trace_function_is_afterwards_what_it_was(tracer: str) -> None:
    settings = Settings(tracer=tracer)
    before = sys.gettrace()

    def mine(*_: object) -> None:
        """Traces nothing."""

    for code in ("def f(a):\n    return a", "def f(a):\n    return a[0]"):
        Here(settings).trace("it", code, "1")
        assert sys.gettrace() is before
        sys.settrace(mine)
        try:
            Here(settings).trace("it", code, "1")
            found = sys.gettrace()
        finally:
            sys.settrace(before)
        assert found is mine


def test_a_program_that_cannot_be_run_leaves_the_place_as_it_was() -> None:
    here = Here()
    before = sys.gettrace()
    for code, arguments in (("def f(", "1"), ("def g(a):\n    pass", "1"), ("1 / 0", ""), ("def f():\n    pass", ")")):
        with pytest.raises((SyntaxError, KeyError, ZeroDivisionError)):
            here.trace("it", code, arguments)
    assert sys.gettrace() is before
    assert here.trace("it", "def f(a):\n    return a", "1").frames()[-1].value == "1"


@pytest.mark.parametrize("tracer", ["reference", "auto"])
def test_a_place_is_used_again_and_again_and_keeps_nothing(tracer: str) -> None:
    here = Here(Settings(tracer=tracer))
    cases = [("def f(a):\n    g = a\n    return g", "1"), ("def f(b):\n    return b * 2", "'x'")]
    first = [here.trace("it", *case) for case in cases]
    assert [here.trace("it", *case) for case in cases] == first
    assert [Here(Settings(tracer=tracer)).trace("it", *case) for case in cases] == first


def test_both_tracers_give_the_same_text() -> None:
    each = drill(9, 2)
    one, other = (
        Here(Settings(tracer=tracer)).trace(each.id, each.code, each.input) for tracer in ("reference", "auto")
    )
    assert render(one.pieces()) == render(other.pieces())
    assert one.content == other.content


def test_the_recording_stops_at_a_limit_and_the_program_goes_on() -> None:
    trace = Here().trace("it", "def f(n):\n    while n:\n        n -= 1\n    return n", "6000")
    assert trace.ending is Ending.EVENTS
    assert len(trace.steps) == Settings().limits.events
