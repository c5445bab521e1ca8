"""Programs with tests: what is read, how they are judged, and what is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracegen
from tests.command import foretrace, refused
from tracegen import CannotRun, Ending, Settings
from tracegen.programs.judged import Case, Judgement, Program, ProgramsWork, read_programs, trace_program
from tracegen.programs.workplace import Workplace
from tracegen.sandbox import Level, Sandbox

SUM = "n = int(input())\nprint(sum(int(word) for word in input().split()))\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(deadline=5.0), Level.PROCESS) as box:
        yield box


def judge(sandbox: Sandbox, source: str, input: str, output: str, **settings: float) -> Judgement | None:
    test = Case(input, output)
    return trace_program(Program("p", source, (test,)), test, Settings(**settings), sandbox.run)[1]  # type: ignore[arg-type]


@pytest.mark.parametrize("output", ["6", "6\n", "6  \n\n", "6\r\n"])
def test_spaces_at_the_ends_do_not_count(sandbox: Sandbox, output: str) -> None:
    assert judge(sandbox, SUM, "3\n1 2 3\n", output) is Judgement.PASSED


@pytest.mark.parametrize("output", ["7", "", " 6", "6\n6", "\n6"])
def test_another_output_is_wrong(sandbox: Sandbox, output: str) -> None:
    assert judge(sandbox, SUM, "3\n1 2 3\n", output) is Judgement.WRONG


@pytest.mark.parametrize("end", ["1 / 0", "raise SystemExit(3)", "import os; os.abort()"])
def test_a_program_that_crashes_is_not_saved_by_what_it_printed(sandbox: Sandbox, end: str) -> None:
    assert judge(sandbox, f"print(6, flush=True)\n{end}\n", "", "6") is Judgement.CRASHED


def test_a_program_that_is_ended_from_outside_has_no_verdict(sandbox: Sandbox) -> None:
    program = Program("p", "while True:\n    pass\n", (Case("", ""),))
    told, judgement = trace_program(program, program.tests[0], Settings(deadline=1.0), sandbox.run)
    assert judgement is None
    [trace] = told.traces()
    # The trace had reached its limit long before, and is the same whatever the clock said then.
    assert (trace.ending, trace.stdout, trace.verdict, trace.expected) == (Ending.EVENTS, None, None, "")
    assert len(trace.steps) == 10_000


def test_a_program_sees_its_input_as_a_script_does(sandbox: Sandbox) -> None:
    source = "import sys\nprint([sys.stdin.readline(), sys.stdin.read(), __name__, sys.argv])\n"
    assert judge(sandbox, source, "a\nb\nc", "['a\\n', 'b\\nc', '__main__', ['program.py']]") is Judgement.PASSED


IDIOMS = {
    "another stdout": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('e')",
    "another stdin": "import io, sys\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer)\nprint('e' + input())",
    "fast output": "import os\nos.write(1, b'e\\n')",
    "a closed stdout": "import sys\nprint('e')\nsys.stdout.close()",
    "a closed stderr": "import sys\nprint('e')\nsys.stderr.close()",
    "a buffer of its own": "import io\nout = io.BufferedWriter(io.FileIO(1, 'w', closefd=False), 1 << 16)\n"
    "def p():\n    out.write(b'e\\n')\np()",
    "a thread": "import threading\nthreading.Thread(target=print, args=('e',)).start()",
    "an exit function": "import atexit\natexit.register(print, 'e')",
    "an object's end": "class E:\n    def __del__(self):\n        print('e')\nheld = E()\ndef f():\n    return held",
    "exit 0": "import sys\nprint('e')\nsys.exit(0)",
}


@pytest.mark.parametrize("idiom", IDIOMS)
def test_what_python_prints_is_what_a_program_prints(sandbox: Sandbox, idiom: str) -> None:
    plain = subprocess.run([sys.executable, "-c", IDIOMS[idiom]], input="", capture_output=True, text=True, check=False)
    if idiom == "another stdin":
        assert judge(sandbox, IDIOMS[idiom], "x", "ex") is Judgement.PASSED
    else:
        assert (plain.returncode, plain.stdout) == (0, "e\n")
        assert judge(sandbox, IDIOMS[idiom], "", "e\n") is Judgement.PASSED


def test_an_exit_code_that_no_process_can_have_is_a_crash(sandbox: Sandbox) -> None:
    assert judge(sandbox, "import sys\nsys.exit(2 ** 70)\n", "", "") is Judgement.CRASHED


def test_a_text_that_is_no_utf_8_is_read_as_it_is_written(sandbox: Sandbox) -> None:
    source = "import sys\nprint(sys.stdin.buffer.read())\n"
    assert judge(sandbox, source, "\ud800", "b'\\xed\\xa0\\x80'") is Judgement.PASSED


def test_traces_of_threads_are_left_out_and_counted(sandbox: Sandbox) -> None:
    source = "import threading\ndef work():\n    print(1)\nt = threading.Thread(target=work)\nt.start()\nt.join()\n"
    program = Program("p", source, (Case("", "1"),))
    told, _ = trace_program(program, program.tests[0], Settings(), sandbox.run)
    assert told.table.num_rows == 1 and told.dropped["traces of threads"] == 1


ROWS: list[dict[str, object]] = [
    {"id": "sum", "source": SUM, "tests": [{"input": "1\n5", "output": "5"}, {"input": "2\n1 2", "output": "4"}]},
    {"id": "liar", "source": "print(1)\n", "tests": [{"input": "", "output": "2"}], "correct": True},
    {"id": "none", "source": "def (\n", "tests": [{"input": "", "output": ""}]},
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_trace_for_each_test_with_its_verdict(tmp_path: Path) -> None:
    file = written(tmp_path / "programs.jsonl", ROWS)
    answer = foretrace("collect", "programs", file, "-o", tmp_path / "data")
    assert answer.code == 1
    assert "liar: is said to be correct, and does not pass" in answer.err
    assert "none: line 1: " in answer.err
    rows = [(t.program_id, t.input, t.stdout, t.expected, t.verdict) for t in tracegen.read(tmp_path / "data")]
    assert rows == [
        ("sum", "1\n5", "5\n", "5", "passed"),
        ("sum", "2\n1 2", "3\n", "4", "wrong output"),
        ("liar", "", "1\n", "2", "wrong output"),
    ]


def test_a_test_that_stands_there_twice_runs_once(tmp_path: Path) -> None:
    test = {"input": "", "output": ""}
    [program] = read_programs(written(tmp_path / "p", [{"id": "a", "source": "", "tests": [test, test]}]))
    assert len(program.tests) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": None}, 'field "id": wanted text, found NoneType'),
        ({"source": 3}, 'field "source": wanted text, found int'),
        ({"tests": []}, 'field "tests": wanted a list of {input, output}, at least one'),
        ({"tests": "x"}, 'field "tests": wanted a list'),
        ({"tests": [3]}, "test 1: wanted an object, found int"),
        ({"tests": [{"input": ""}]}, 'test 1: field "output" is missing'),
        ({"correct": "yes"}, 'field "correct": wanted true or false, found str'),
        (
            {"tests": [{"input": "", "output": "1"}, {"input": "", "output": "2"}]},
            "test 2: another test has the same input, and another output",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    row: dict[str, object] = {"id": "a", "source": "", "tests": [{"input": "", "output": ""}]}
    file = written(tmp_path / "programs.jsonl", [row | {"id": "b"}, row | change])
    with pytest.raises(CannotRun) as caught:
        read_programs(file)
    assert str(caught.value).startswith(f"{file}:2: {complaint}")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    complaint = refused("collect", "programs", tmp_path / "no", "-o", tmp_path / "data")
    assert complaint == f"{tmp_path}/no: cannot be read: No such file or directory"
    assert not (tmp_path / "data").exists()


def test_a_program_with_many_tests_says_that_it_goes_on() -> None:
    program = Program("p", "print(input())\n", tuple(Case(str(n), str(n)) for n in range(3)))
    told: list[bool] = []
    with ProgramsWork(Workplace(Settings(), Level.PROCESS, None)).opened(0) as bench:
        bench.make([program], lambda item=True: told.append(item))
    assert told == [False, False, False, True]
