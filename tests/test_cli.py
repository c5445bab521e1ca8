"""The command: every option does what it says, and bad input is one line and exit code 2.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import tracegen
from tests.command import Answer, foretrace, refused
from tests.rows import numbered, only, table
from tests.scripted import INTERPRETERS
from tests.wires import CALL, RETURN, HandWritten
from tracegen import Trace, shards
from tracegen.payload.values import POLICIES

PROGRAM = """\
import sys


class Box:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return f"my box of {self.n}"

    @staticmethod
    def twice(n):
        return n * 2


def add(a, b=1):
    print("adding")
    return a + b


def grow(n):
    rows = []
    for i in range(n):
        rows.append("x" * i)
    return len(rows)


def down(n):
    return 0 if n == 0 else down(n - 1)


def boxed(n):
    box = Box(n)
    return box


def fails():
    raise ValueError("no")


def waits():
    import time
    time.sleep(0.05)
    a = 1
    return a


def hangs():
    import time
    time.sleep(60)


if __name__ == "__main__":
    print(sys.argv[1:], sys.stdin.read())
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the current folder, and nothing else."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def the(folder: Path | str) -> Trace:
    """The one trace of a data set."""
    [trace] = tracegen.read(folder)
    return trace


def one(answer: Answer) -> Any:
    """A command's JSON."""
    return json.loads(answer.out)


def traced(*args: str) -> Any:
    """A trace, as JSON, of a command that succeeds."""
    answer = foretrace("trace", *args, "--format", "json")
    assert answer.code == 0, answer.err
    return one(answer)


def executed(*args: str, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
    """The installed command, in a process of its own."""
    command = str(Path(sys.executable).with_name("foretrace"))
    return subprocess.run([command, *args], capture_output=True, check=False, **kwargs)


# -- trace: the targets.


def test_a_functions_text_is_the_models_format_and_nothing_else(program: Path) -> None:
    answer = foretrace("trace", "program.py::add", "--args", "1, b=2", "-o", "set")
    assert answer.code == 0
    assert answer.text == the("set").text()
    assert answer.text.startswith("<|begin_of_text|><|trace_context_start|>\nimport sys\n")
    assert answer.text.endswith('<|arg_sep|>"3"<|frame_sep|><|end_of_text|>')
    assert "    return add(1, b=2)\n" in answer.text
    assert answer.err == "1 traces in set\n"


def test_the_installed_commands_stdout_is_the_text_byte_for_byte(program: Path) -> None:
    program.write_text(
        "s = '\\ud800\\r\\n\\u00e9'\nt = 'é'  # ü \\x0c\x0c\r\nprint('out')", encoding="utf-8", newline=""
    )
    done = executed("trace", "program.py", "-o", "set")
    assert (done.returncode, done.stderr) == (0, b"1 traces in set\n")
    assert done.stdout == the("set").text().encode("utf-8")
    assert "t = 'é'  # ü \\x0c\x0c\n".encode() in done.stdout
    shown = executed("show", "set", "--trace", "program.py", "--format", "text")
    assert (shown.returncode, shown.stdout) == (0, done.stdout)


def test_a_scripts_trace_is_its_modules(program: Path) -> None:
    answer = foretrace("trace", program, "-o", "set", "--", "-x", "two words")
    trace = the("set")
    assert answer.text == trace.text()
    assert (trace.entry.name, trace.program_id, trace.input) == ("<module>", "program.py", "-x two words")
    assert trace.stdout == "['-x', 'two words'] \n"


def test_a_file_is_a_scripts_standard_input(program: Path) -> None:
    (program.parent / "in.txt").write_text("from a file", encoding="utf-8")
    assert traced("program.py", "--stdin", "in.txt")["stdout"] == "[] from a file\n"


def test_a_static_method_is_a_function_too(program: Path) -> None:
    found = traced("program.py::Box.twice", "--args", "21")
    assert found["steps"][-1]["value"] == "42"
    assert found["program_id"] == "program.py::Box.twice"


def test_what_a_function_raises_is_a_whole_trace(program: Path) -> None:
    answer = foretrace("trace", "program.py::fails", "--format", "json")
    assert (answer.code, one(answer)["ending"]) == (0, "raised")
    assert "the program's stderr:\nTraceback (most recent call last):" in answer.err
    assert "payload" not in answer.err


def test_a_trace_as_json_is_its_row_and_its_frames(program: Path) -> None:
    found = one(foretrace("trace", "program.py::add", "--args", "1", "--format", "json", "-o", "set"))
    trace = the("set")
    assert found["id"] == trace.id and found["content"] == trace.content
    assert (found["ending"], found["python"], found["stdout"]) == ("returned", trace.python, "adding\n")
    assert found["files"] == ["program.py", "<main>"]
    assert found["context"] == trace.context.text
    frames = trace.frames()
    assert [frame["source"] for frame in found["frames"]] == [frame.source for frame in frames]
    assert [frame.get("locals") for frame in found["frames"]] == [
        dict(frame.locals) if frame.value is None else None for frame in frames
    ]
    assert [(step["event"], step["line"], step["value"]) for step in found["steps"]] == [
        (step.event.value, step.line, step.value) for step in trace.steps
    ]
    assert found["provenance"]["source"] == "function"


def test_a_table_shows_places_sources_and_what_changed(program: Path) -> None:
    answer = foretrace("trace", "program.py::add", "--args", "1", "--format", "table")
    rows = [[cell.strip() for cell in line.split("│")] for line in answer.text.splitlines() if "│" in line]
    assert rows == [
        ["<main>:1", "call", "def main():", ""],
        ["<main>:2", "line", "return add(1)", ""],
        ["program.py:16", "call", "def add(a, b=1):", "a = 1, b = 1"],
        ["program.py:17", "line", 'print("adding")', ""],
        ["program.py:18", "line", "return a + b", ""],
        ["program.py:18", "return", "return a + b", "returns 2"],
        ["<main>:2", "return", "return add(1)", "returns 2"],
    ]
    assert answer.text.startswith("main: 7 steps, returned")
    assert answer.text.endswith("stdout:\nadding\n\n")
    assert "\x1b" not in answer.text


def test_no_control_character_of_a_program_reaches_the_terminal(program: Path) -> None:
    program.write_text(
        "s = '\\x1b[2J\\x9b\\u202e'\nprint(s)  # \x1b[31m\nraise ValueError('\\x1b]0;x\\x07')\n", encoding="utf-8"
    )
    answer = foretrace("trace", "program.py", "--format", "table", "-o", "set")
    shown = answer.text.encode() + answer.err.encode() + foretrace("show", "set").out
    shown += foretrace("show", "set", "--trace", "program.py").out
    assert not any(0x80 <= ord(c) < 0xA0 or c in "\x1b\x07\u202e" for c in shown.decode())
    assert "\\x1b[31m" in answer.text


def test_threads_beside_the_entry_are_kept_in_the_data_set(program: Path) -> None:
    program.write_text(
        "import threading\ndef work():\n    pass\nt = threading.Thread(target=work)\nt.start()\nt.join()\n",
        encoding="utf-8",
    )
    answer = foretrace("trace", "program.py")
    assert "1 more traces, of threads or later calls; -o DIR keeps them" in answer.err
    answer = foretrace("trace", "program.py", "-o", "set")
    assert "2 traces in set" in answer.err
    assert sorted(trace.entry.name for trace in tracegen.read("set")) == ["<module>", "work"]


def test_an_oddity_is_said(program: Path) -> None:
    program.write_text("import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\n", encoding="utf-8")
    assert "note: os.fork" in foretrace("trace", "program.py").err


# -- trace: the settings.


@pytest.mark.parametrize("python", [i.path for i in INTERPRETERS], ids=map(str, INTERPRETERS))
def test_another_interpreter_runs_the_program(program: Path, python: str) -> None:
    program.write_text("def f():\n    import sys\n    return sys.version_info[:2]\n", encoding="utf-8")
    found = traced("program.py::f", "--python", python)
    minor = ".".join(found["provenance"]["python"].split(".")[:2])
    assert found["python"] == minor
    assert found["steps"][-1]["value"] == f"({minor.replace('.', ', ')})"


@pytest.mark.parametrize("values", POLICIES)
def test_a_policy_says_how_objects_show(program: Path, values: str) -> None:
    found = traced("program.py::boxed", "--args", "7", "--values", values)
    shown = {"repr": "my box of 7", "safe": "<program.Box object>", "fields": "<program.Box object n=7>"}
    value = found["steps"][-1]["value"]
    assert found["provenance"]["values"] == values
    assert ("my box of 7" in value) == (values == "repr")
    if values == "repr":
        assert value == shown["repr"]
    else:
        assert "Box" in value and ("7" in value) == (values == "fields")


@pytest.mark.parametrize(
    ("function", "options", "ending"),
    [
        ("grow(5)", ["--events", "6"], "events"),
        ("grow(5)", ["--bytes", "300"], "bytes"),
        ("down(9)", ["--depth", "4"], "depth"),
        ("waits()", ["--seconds", "0.01"], "seconds"),
    ],
)
def test_a_limit_that_is_reached_cuts_the_trace_off_and_not_the_program(
    program: Path, function: str, options: list[str], ending: str
) -> None:
    name, _, arguments = function.partition("(")
    told = ["trace", f"program.py::{name}", "--args", arguments.removesuffix(")"), *options, "-o", "set"]
    answer = foretrace(*told)
    assert answer.code == 1
    assert f"cut off: {ending}\n" in answer.err
    trace = the("set")
    assert trace.ending.value == ending
    assert len(trace.steps) >= 2
    assert answer.text == trace.text()
    assert not answer.text.endswith("<|end_of_text|>")
    limit = options[0].removeprefix("--")
    assert f"{limit} {options[1]}" in trace.provenance.limits


def test_a_limit_is_the_number_of_steps_that_it_says(program: Path) -> None:
    for events in (1, 2, 7):
        answer = foretrace("trace", "program.py::grow", "--args", "5", "--events", str(events), "--format", "json")
        assert len(one(answer)["steps"]) == events


def test_a_long_value_is_cut_and_the_trace_is_whole(program: Path) -> None:
    found = traced("program.py::grow", "--args", "100", "--characters", "20")
    assert found["ending"] == "returned"
    rows = [step["locals"].get("rows") for step in found["steps"] if step["locals"]]
    shown = [text for text in rows if text and len(text) > 20]
    assert len(shown) > 50
    assert all(
        re.fullmatch(r"\['', 'x', 'xx', 'xxx\.\.\.<cut: \d+ characters, crc32 [0-9a-f]{8}>", t) for t in shown
    ), shown


def test_the_deadline_kills_the_process(program: Path) -> None:
    answer = foretrace("trace", "program.py::hangs", "--deadline", "0.5")
    assert answer.code == 1
    assert "cut off: seconds (killed at the deadline)\n" in answer.err
    assert "time.sleep(60)" in answer.text


def test_a_seed_is_the_programs(program: Path) -> None:
    program.write_text("def f():\n    import random\n    return random.random()\n", encoding="utf-8")
    values = [traced("program.py::f", "--seed", seed)["steps"][-1]["value"] for seed in ("1", "2", "1")]
    assert values[0] == values[2] != values[1]


@pytest.mark.parametrize(
    "include", ["site-packages/library.py", "./site-packages", "{folder}/site-packages/library.py", "textwrap"]
)
def test_installed_code_is_entered_if_it_is_included(program: Path, include: str) -> None:
    packages = program.parent / "site-packages"
    packages.mkdir()
    (packages / "library.py").write_text("def help(n):\n    return n + 1\n", encoding="utf-8")
    program.write_text(
        "import os, sys, textwrap\n"
        "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'site-packages'))\n"
        "import library\n"
        "def f(n):\n"
        "    return textwrap.dedent('a') * library.help(n)\n",
        encoding="utf-8",
    )
    plain = traced("program.py::f", "--args", "1")
    assert plain["files"] == ["program.py", "<main>"]
    found = traced("program.py::f", "--args", "1", "--include", include.format(folder=program.parent))
    own = "textwrap.py" if include == "textwrap" else "site-packages/library.py"
    assert found["files"] == ["program.py", "<main>", own]
    assert found["steps"][-1]["value"] == plain["steps"][-1]["value"]


def test_the_reference_tracer_can_be_asked_for(program: Path) -> None:
    found = traced("program.py::add", "--args", "1", "--tracer", "reference")
    assert found["provenance"]["tracer"] == "reference"
    assert found["id"] == traced("program.py::add", "--args", "1")["id"]


# -- trace: what is refused.


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["no.py"], "no.py: no such file"),
        (["."], ".: no such file"),
        (["no.py::f"], "no.py: no such file"),
        (["program.py::missing"], "::missing: no such function; it has: add, boxed, down, fails, grow, hangs, waits"),
        (["program.py::Box.missing"], "no such function"),
        (["program.py::sys"], "no such function"),
        (["program.py::"], "not the name of a function"),
        (["program.py::add()"], "not the name of a function"),
        (["program.py::add", "--args", "1)+add(2"], "the arguments are not an argument list: '1)+add(2'"),
        (["program.py::add", "--args", "1)(2"], "the arguments are not an argument list"),
        (["program.py::add", "--args", "1) if x else add(2"], "the arguments are not an argument list"),
        (["program.py::add", "--args", ")"], "the arguments do not parse"),
        (["program.py::add", "--args", "1 2"], "the arguments do not parse"),
        (["program.py::add", "--args", "1\n)\nimport os"], "the arguments do not parse"),
        (["program.py::add", "--args", "("], "the arguments do not parse"),
        (["program.py::add", "--args", "(" * 500], "the arguments do not parse"),
        (["program.py", "--args", "1"], "--args: means nothing for a script"),
        (["program.py::add", "--stdin", "program.py"], "--stdin: means nothing for a function"),
        (["program.py::add", "--", "x"], "arguments after --: means nothing for a function"),
        (["--pytest", "program.py::add", "--args", "1"], "--args: means nothing for --pytest"),
        (["--pytest", "program.py::add", "--stdin", "program.py"], "--stdin: means nothing for --pytest"),
        ([], "give one TARGET (script.py or file.py::function), or --pytest NODEID"),
        (["program.py", "--pytest", "program.py::add"], "give one TARGET"),
        (["--pytest", "no.py::test"], "no.py::test: no such file: no.py"),
        (["--pytest", "program.py"], "program.py: wanted FILE::TEST, as pytest prints it"),
        (["program.py", "--stdin", "no.txt"], "no.txt: cannot be read: No such file or directory"),
        (["program.py", "--stdin", "."], ".: cannot be read: Is a directory"),
        (["program.py", "--events", "0"], "events 0: must be more than 0"),
        (["program.py", "--bytes", "-1"], "bytes -1: must be more than 0"),
        (["program.py", "--characters", "0"], "characters 0: must be more than 0"),
        (["program.py", "--depth", "-5"], "depth -5: must be more than 0"),
        (["program.py", "--seconds", "-0.5"], "seconds -0.5: must be more than 0"),
        (["program.py", "--seconds", "nan"], "seconds nan: must be more than 0"),
        (["program.py", "--deadline", "0"], "deadline 0.0: must be more than 0"),
        (["program.py", "--tracer", "native", "--python", "/bin/true"], "tracer native: /bin/true does not answer"),
        (["program.py", "--include", "no_such_module"], "--include: no module 'no_such_module' with a source file"),
        (["program.py", "--include", "no_such.module"], "--include: no module 'no_such.module' with a source file"),
        (["program.py", "--include", "sys"], "--include: no module 'sys' with a source file"),
        (["program.py", "--include", "no/such/folder"], "no/such/folder: no such file or folder"),
        (["program.py", "--include", "no.py"], "no.py: no such file or folder"),
        (["program.py", "--python", "/no/python"], "/no/python: cannot be started: No such file or directory"),
        (["program.py", "--python", "."], ".: cannot be started: Permission denied"),
        (["program.py", "--python", "program.py"], "program.py: cannot be started: "),
        (["program.py", "--python", "/bin/true"], "/bin/true: does not work as a Python interpreter: exit code 0"),
        (["program.py", "--python", "/bin/ls"], "/bin/ls: does not work as a Python interpreter: "),
        (["program.py", "-o", "program.py"], "program.py: is a file; give a folder that is empty or does not exist"),
        (["program.py", "-o", "."], ".: holds something else; give a folder that is empty or does not exist"),
        (["program.py", "-o", "program.py/below"], "program.py is a file; give a folder that is empty or "),
        (["\x1b[2J.py"], "\\x1b[2J.py: no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_traced_is_one_line(program: Path, args: list[str], message: str) -> None:
    assert message in refused("trace", *args)
    assert [path.name for path in program.parent.iterdir()] == ["program.py"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def f(:\n", "line 1: invalid syntax"),
        (b"x = 1\n\n  y = 2\n", "line 3: unexpected indent"),
        (b"x = 1\0\n", "source code string cannot contain null bytes"),
        (b"x = '\xff'\n", "codec can't decode byte 0xff"),
        (b"# coding: no-such-encoding\nx = 1\n", "encoding"),
        (b"(" * 5000, "too many nested parentheses"),
    ],
)
@pytest.mark.parametrize("target", ["program.py", "program.py::f"])
def test_what_is_no_python_is_one_line(program: Path, source: bytes, message: str, target: str) -> None:
    program.write_bytes(source)
    said = refused("trace", target, "-o", "set")
    assert said.startswith("program.py")
    assert message in said or "cannot be read as Python" in said
    assert "None" not in said
    assert [path.name for path in program.parent.iterdir()] == ["program.py"]


@pytest.mark.parametrize(
    "source", ["1 / 0\n", "raise SystemExit(0)\n", "raise KeyboardInterrupt\n", "import no_such\n"]
)
def test_a_function_whose_file_fails_to_load_is_one_line(program: Path, source: str) -> None:
    program.write_text(source + "def f(): pass\n", encoding="utf-8")
    assert refused("trace", "program.py::f").startswith("program.py::f: fails when it is loaded: ")


def test_an_interpreter_that_is_too_old_is_called_so(program: Path) -> None:
    old = sorted(map(str, Path.home().glob(".pyenv/versions/3.7.*/bin/python")))
    if not old:
        pytest.skip("no Python 3.7 here")
    said = refused("trace", "program.py", "--python", old[0])
    assert said.startswith(f"{old[0]}: cpython 3.7.")
    assert said.endswith("is not supported: CPython 3.8 to 3.13 are; give another interpreter with --python")


@pytest.mark.parametrize(
    "args",
    [
        ["--values", "wrong"],
        ["--tracer", "wrong"],
        ["--format", "wrong"],
        ["--events", "many"],
        ["--seconds", "soon"],
        ["--colour"],
    ],
)
def test_an_option_that_is_none_is_a_usage_error(program: Path, args: list[str]) -> None:
    answer = foretrace("trace", "program.py", *args, "-o", "set")
    assert (answer.code, answer.out) == (2, b"")
    assert answer.err.splitlines()[-1].startswith("Error: ")
    assert args[0] in answer.err.splitlines()[-1]
    assert [path.name for path in program.parent.iterdir()] == ["program.py"]


def test_the_installed_command_refuses_in_one_line(program: Path) -> None:
    done = executed("trace", "no.py")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"foretrace: no.py: no such file\n")


# -- collect functions.

SAMPLES: list[dict[str, Any]] = [
    {"id": "agrees", "code": "def f(n):\n    return [n]", "input": "1", "output": "[1]"},
    {"id": "differs", "code": "def f(n):\n    return n", "input": "1", "output": "2"},
    {"id": "equal", "code": "def f():\n    return {'b', 'a'}", "input": "", "output": "{'a', 'b'}"},
    {"id": "other type", "code": "def f():\n    return True", "input": "", "output": "1"},
    {"id": "raises", "code": "def f():\n    raise ValueError", "input": "", "output": "1"},
    {"id": "says nothing", "code": "def f(a, b):\n    return a", "input": "1, b=2"},
    {"id": "also nothing", "code": "def f():\n    return 1", "input": "", "output": None},
    {"id": "prints", "code": "def f():\n    print('x')\n    return None", "input": "", "output": "None"},
    {"id": "is no python", "code": "def f(:", "input": "", "output": "1"},
    {"id": "has no f", "code": "def g(): pass", "input": ""},
    {"id": "injects", "code": "def f(n): return n", "input": "1)+f(2"},
    {"id": "hangs", "code": "def f():\n    import time\n    time.sleep(60)", "input": "", "output": "1"},
    {"id": "is long", "code": "def f():\n    for i in range(999): pass", "input": "", "output": "None"},
    {"id": "exits", "code": "def f():\n    import os\n    os._exit(3)", "input": "", "output": "None"},
]


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


def test_samples_are_kept_dropped_and_compared(tmp_path: Path) -> None:
    samples = jsonl(tmp_path / "samples.jsonl", SAMPLES)
    answer = foretrace(
        "collect", "functions", "--samples", samples, "-o", tmp_path / "set", "--deadline", "1", "--events", "100"
    )
    assert answer.code == 1
    kept = [trace.program_id for trace in tracegen.read(tmp_path / "set")]
    dropped = ["is no python", "has no f", "injects", "hangs"]
    assert kept == [row["id"] for row in SAMPLES if row["id"] not in dropped]
    assert answer.text.splitlines() == [
        "kept      10: 7 returned, 1 events, 1 exited, 1 raised",
        "dropped   3: 3 cannot run",
        "cut off   1: 1 killed at the deadline",
        "outputs   3 as the sample says, 3 not as the sample says",
    ]
    lines = answer.err.splitlines()
    for sample in ("differs", "other type", "raises"):
        assert f"{sample}: the output is not the one that the sample says" in lines
    assert "is no python: line 1: invalid syntax; " in answer.err
    assert "has no f: no such function; it has: g" in answer.err
    assert "injects: the arguments are not an argument list: '1)+f(2'" in answer.err


def test_samples_that_all_agree_are_a_success(tmp_path: Path) -> None:
    samples = jsonl(tmp_path / "samples.jsonl", [SAMPLES[0], SAMPLES[5]])
    answer = foretrace("collect", "functions", "--samples", samples, "-o", tmp_path / "set")
    assert answer.code == 0
    assert answer.text.splitlines()[1:] == [
        "dropped   0: nothing",
        "cut off   0: nothing",
        "outputs   1 as the sample says",
    ]
    agrees = next(tracegen.read(tmp_path / "set"))
    assert agrees.context.text == "\ndef f(n):\n    return [n]\ndef main():  # << START_OF_TRACE\n    return f(1)\n"
    assert agrees.stdout == ""


def test_the_same_samples_make_the_same_rows_whoever_comes_first(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "code": "def f(n):\n    s = {str(i) for i in range(n)}\n    return s", "input": str(12 - n)}
        for n in range(12)
    ]
    samples = jsonl(tmp_path / "samples.jsonl", rows)
    for name, jobs in (("one", "1"), ("four", "4")):
        output = tmp_path / name
        assert foretrace("collect", "functions", "--samples", samples, "-o", output, "--jobs", jobs).code == 0
    one, four = (pq.read_table(tmp_path / name / "data") for name in ("one", "four"))
    assert one.column("program_id").to_pylist() == [row["id"] for row in rows]
    assert one.equals(four)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no samples in it"),
        (b"\n \n", "no samples in it"),
        (b'{"id": "a"', ":1: not JSON: "),
        (b'\n{"id": "a", "code": "", "input": ""}\nnope\n', ":3: not JSON: "),
        (b"[1]\n", ":1: wanted an object, found list"),
        (b'{"id": "a", "code": ""}\n', ':1: field "input" is missing'),
        (b'{"code": "", "input": ""}\n', ':1: field "id" is missing'),
        (b'{"id": 1, "code": "", "input": ""}\n', ':1: field "id": wanted text, found int'),
        (b'{"id": "a", "code": "", "input": []}\n', ':1: field "input": wanted text, found list'),
        (b'{"id": "a", "code": "", "input": "", "output": 1}\n', ':1: field "output": wanted text, found int'),
        (b'{"id": null, "code": "", "input": ""}\n', ':1: field "id": wanted text, found NoneType'),
        (b'{"id": "a", "code": "", "input": ""}\n' * 2, ":2: id 'a' stands in line 1 already"),
        (b'{"id": "\xff"}', "not UTF-8: "),
        (b"[" * 100_000, ":1: not JSON: "),
    ],
)
def test_a_samples_file_that_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: bytes, message: str) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_bytes(text)
    assert f"{samples}" in (said := refused("collect", "functions", "--samples", samples, "-o", tmp_path / "set"))
    assert message in said
    assert not (tmp_path / "set").exists()


def test_samples_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    said = refused("collect", "functions", "--samples", missing, "-o", tmp_path / "set")
    assert said == f"{missing}: cannot be read: No such file or directory"
    assert "Is a directory" in refused("collect", "functions", "--samples", tmp_path, "-o", tmp_path / "set")


@pytest.mark.parametrize("what", ["file", "something else", "data set"])
def test_a_data_set_is_not_made_over_anything(tmp_path: Path, what: str) -> None:
    samples = jsonl(tmp_path / "samples.jsonl", SAMPLES[:1])
    output = tmp_path / "set"
    if what == "file":
        output.write_text("x", encoding="utf-8")
    elif what == "data set":
        shards.write(output, [numbered(1)])
    else:
        output.mkdir()
        (output / "x").write_text("x", encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    said = refused("collect", "functions", "--samples", samples, "-o", output)
    assert what.replace("file", "is a file") in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_options_that_a_collection_needs_are_asked_for(tmp_path: Path) -> None:
    samples = jsonl(tmp_path / "samples.jsonl", SAMPLES[:1])
    given = str(samples)
    assert refused("collect", "functions", "-o", tmp_path / "x").startswith("give SOURCEs")
    for args in (["--samples", given], ["--samples", given, "-o", "x", "--jobs", "0"]):
        answer = foretrace("collect", "functions", *args)
        assert (answer.code, answer.out) == (2, b"")
        assert answer.err.splitlines()[-1].startswith("Error: ")


# -- collect repo, trace --pytest.

OPERATIONS = """\
def add(a, b):
    return a + b


def div(a, b):
    return a / b


def count(n):
    for i in range(n):
        yield i


def unused():
    return add(1, 1)
"""

TESTS = """\
import sys

import pytest

from calc.operations import add, count, div


def test_passes():
    assert add(1, 2) == 3


def test_fails():
    assert add(1, 1) == 3


@pytest.mark.skip(reason="not now")
def test_skipped():
    assert add(1, 1) == 2


@pytest.mark.xfail
def test_expected_to_fail():
    div(1, 0)


@pytest.mark.xfail
def test_passes_unexpectedly():
    assert div(4, 2) == 2


@pytest.mark.parametrize("n", [1, 2, 3])
def test_counts(n):
    assert list(count(n)) == list(range(n))


@pytest.fixture
def broken():
    raise RuntimeError("no")


def test_error(broken):
    pass
"""

NOTICES = "import sys\n\ndef test_notices():\n    assert sys.gettrace() is None\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository, the current folder."""
    root = tmp_path / "repository"
    (root / "calc").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "calc" / "__init__.py").write_text("", encoding="utf-8")
    (root / "calc" / "operations.py").write_text(OPERATIONS, encoding="utf-8")
    (root / "tests" / "test_operations.py").write_text(TESTS, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def files_of(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_a_repositorys_tests_are_counted_and_its_calls_traced(repository: Path) -> None:
    before = files_of(repository)
    output = repository.parent / "set"
    answer = foretrace("collect", "repo", repository, "-o", output, "--trust")
    assert answer.code == 0, answer.err
    assert answer.text.splitlines() == [
        "tests      9: 4 passed, 1 failed, 1 skipped, 1 xfailed, 1 xpassed, 1 error",
        "functions  3 called, 3 with traces (100%)",
        "kept       7: 6 returned, 1 raised",
        "dropped    0: nothing",
    ]
    found = [
        (t.program_id.removeprefix("tests/test_operations.py::"), t.entry.name, t.input) for t in tracegen.read(output)
    ]
    assert found == [
        ("test_passes", "add", "#1"),
        ("test_fails", "add", "#2"),
        ("test_expected_to_fail", "div", "#1"),
        ("test_passes_unexpectedly", "div", "#2"),
        ("test_counts[1]", "count", "#1"),
        ("test_counts[2]", "count", "#2"),
        ("test_counts[3]", "count", "#3"),
    ]
    last = list(tracegen.read(output))[-1]
    assert last.files == ("calc/operations.py",)
    assert [step.value for step in last.steps if step.value is not None] == ["0", "1", "2", "None"]
    assert last.stdout is None
    assert last.provenance.source == "repository"
    # The repository is as it was: no caches, no bytecode.
    assert files_of(repository) == before

    again = repository.parent / "again"
    assert foretrace("collect", "repo", ".", "-o", again, "--trust").code == 0
    assert pq.read_table(again / "data").equals(pq.read_table(output / "data"))


def test_a_function_has_no_more_traces_than_asked_for(repository: Path) -> None:
    output = repository.parent / "set"
    answer = foretrace("collect", "repo", ".", "-o", output, "--trust", "--max-traces-per-function", "1")
    assert answer.text.splitlines()[2:] == [
        "kept       3: 2 returned, 1 raised",
        "dropped    4: 4 more calls of a function than --max-traces-per-function",
    ]


def test_a_test_that_ends_otherwise_under_the_tracer_is_reported(repository: Path) -> None:
    (repository / "tests" / "test_notices.py").write_text(NOTICES, encoding="utf-8")
    answer = foretrace("collect", "repo", ".", "-o", repository.parent / "set", "--trust")
    assert answer.code == 1
    assert "tests/test_notices.py::test_notices: passed untraced, failed traced\n" in answer.err


def test_a_suite_that_outlives_its_deadline_keeps_what_it_has(repository: Path) -> None:
    hang = "import sys, time\n\ndef test_z():\n    if sys.gettrace():\n        time.sleep(60)\n"
    (repository / "tests" / "test_z.py").write_text(hang, encoding="utf-8")
    answer = foretrace("collect", "repo", ".", "-o", repository.parent / "set", "--trust", "--deadline", "3")
    assert answer.code == 1
    assert "tests/test_z.py::test_z: passed untraced, not run traced\n" in answer.err
    assert "killed at the deadline of 3 s" in answer.err
    assert "kept       7: 6 returned, 1 raised" in answer.text


def test_code_that_nobody_vouches_for_is_not_run(repository: Path) -> None:
    (repository / "tests" / "test_x.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    said = refused("collect", "repo", ".", "-o", "set")
    assert "outside of the sandbox" in said and "--trust" in said
    assert not (repository / "ran").exists()
    assert not (repository / "set").exists()


@pytest.mark.parametrize("python", [i.path for i in INTERPRETERS if i.path.endswith("3.12.1/bin/python")][:1])
def test_an_interpreter_without_pytest_is_called_so(repository: Path, python: str) -> None:
    if subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False).returncode == 0:
        pytest.skip("it has pytest")
    said = refused("collect", "repo", ".", "-o", "set", "--trust", "--python", python)
    assert said.startswith(f"{python}: pytest is not installed there; ")


def test_a_repository_without_tests_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    said = refused("collect", "repo", "empty", "-o", "set", "--trust")
    assert said.startswith("empty: pytest finds no tests that run there: no tests ran")
    assert refused("collect", "repo", "no", "-o", "set", "--trust") == "no: no such folder"
    assert files_of(tmp_path) == {"empty"}


def test_one_test_is_traced_by_its_node_id(repository: Path) -> None:
    found = traced("--pytest", "tests/test_operations.py::test_counts[2]")
    assert (found["entry"]["name"], found["ending"]) == ("test_counts", "returned")
    assert found["program_id"] == "tests/test_operations.py::test_counts[2]"
    assert found["files"] == ["tests/test_operations.py", "calc/operations.py"]
    assert found["steps"][0]["locals"] == {"n": "2"}
    assert found["stdout"] is None  # pytest's, and it tells the time
    assert found["id"] == traced("--pytest", "tests/test_operations.py::test_counts[2]")["id"]


def test_a_test_that_fails_is_a_whole_trace(repository: Path) -> None:
    answer = foretrace("trace", "--pytest", "tests/test_operations.py::test_fails", "--format", "json")
    assert (answer.code, one(answer)["ending"]) == (0, "raised")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("tests/test_operations.py::test_missing", "pytest finds no such test: "),
        ("tests/test_operations.py::test_skipped", "nothing was recorded: exit code 0"),
        ("tests/test_operations.py::test_error", "nothing was recorded: exit code 1"),
    ],
)
def test_a_test_that_does_not_run_is_one_line(repository: Path, node: str, message: str) -> None:
    assert refused("trace", "--pytest", node).startswith(f"{node}: {message}")


# -- show, doctor.


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of five traces."""
    shards.write(tmp_path / "set", [numbered(5)])
    return tmp_path / "set"


def test_a_data_set_is_listed(data: Path) -> None:
    answer = foretrace("show", data)
    assert answer.code == 0
    listed = [line.split("│") for line in answer.text.splitlines() if "│" in line]
    assert [[cell.strip() for cell in cells[1:]] for cells in listed] == [
        [str(n), "f", "events" if n % 2 else "returned", "3"] for n in range(5)
    ]
    assert [cells[0].strip() for cells in listed] == [trace.id[:12] for trace in tracegen.read(data)]
    assert answer.text.splitlines()[-1] == "5 traces, 15 steps; 3 returned, 2 events"


@pytest.mark.parametrize(("limit", "shown"), [("0", 0), ("2", 2), ("5", 5), ("9", 5)])
def test_a_listing_is_as_long_as_asked_for(data: Path, limit: str, shown: int) -> None:
    answer = foretrace("show", data, "--limit", limit)
    assert sum("│" in line for line in answer.text.splitlines()) == shown
    assert (f"… and {5 - shown} more" in answer.text) == (shown < 5)
    assert "5 traces, 15 steps" in answer.text


def test_a_trace_is_shown_by_its_id_its_ids_beginning_or_its_programs_id(data: Path) -> None:
    trace = list(tracegen.read(data))[3]
    for wanted in (trace.id, trace.id[:10], "3"):
        if wanted == "3" and any(other.id.startswith("3") for other in tracegen.read(data)):
            continue
        answer = foretrace("show", data, "--trace", wanted, "--format", "text")
        assert (answer.code, answer.text) == (0, trace.text())
        assert one(foretrace("show", data, "--trace", wanted, "--format", "json"))["id"] == trace.id
    shown = foretrace("show", data, "--trace", trace.id).text
    assert "f: 3 steps, cut off: events" in shown
    assert "n = 3" in shown


def test_a_trace_with_texts_that_no_terminal_likes_is_shown(tmp_path: Path) -> None:
    wire = HandWritten().note("file", path="/p/a.py").begin().step(CALL, 1, '{"\\ud800": "\\u001b[2J"}')
    rows = table(wire.step(RETURN, 1, "\x1b]0;x\x07").end(), program_id="\x1b[31m\ud800", stdout="\x1b")
    shards.write(tmp_path / "set", [rows])
    for args in ([], ["--trace", only(wire, program_id="\x1b[31m\ud800").id]):
        answer = foretrace("show", tmp_path / "set", *args)
        assert answer.code == 0
        assert "\x1b" not in answer.text and "\x07" not in answer.text
    assert "\\ud800 = \\x1b[2J" in answer.text


def test_a_trace_that_is_not_there_is_one_line(data: Path) -> None:
    said = refused("show", data, "--trace", "nope")
    assert said == f"{data}: no trace 'nope'; `foretrace show {data}` lists them"


def test_a_folder_that_is_no_data_set_is_one_line(tmp_path: Path, data: Path) -> None:
    assert refused("show", tmp_path / "no") == f"{tmp_path / 'no'}: no such folder or file"
    assert "no data set" in refused("show", tmp_path)
    [path] = (data / "data").iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    assert "truncated, corrupt" in refused("show", data)


def test_the_doctor_says_what_this_machine_can_do() -> None:
    found = one(foretrace("doctor", "--json"))
    assert found["interpreters"] == [f"{i}  {i.path}  native (C)" for i in INTERPRETERS]
    assert found["tracer"] == "native (C)"
    assert found["packages"]["pyarrow"]
    assert found["sandbox"].startswith("bwrap")
    text = foretrace("doctor").text
    for line in (*found["interpreters"], found["host"], found["tracer"], found["sandbox"]):
        assert line in text
    for name, version in found["packages"].items():
        assert f"{name} {version or 'is not installed'}" in text


def test_help_and_version_are_said() -> None:
    for args in (["-h"], ["trace", "--help"], ["collect", "-h"], ["collect", "repo", "-h"], ["show", "-h"]):
        answer = foretrace(*args)
        assert (answer.code, answer.err) == (0, "")
        assert answer.text.startswith("Usage: ")
    assert foretrace("--version").text.strip().endswith("0.1.0")


def test_a_reader_that_goes_away_is_no_disaster(program: Path) -> None:
    program.write_text("for i in range(3000):\n    x = 'x' * 50\n", encoding="utf-8")
    command = str(Path(sys.executable).with_name("foretrace"))
    process = subprocess.Popen([command, "trace", "program.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in error


def test_ctrl_c_at_any_moment_is_an_exit_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tracegen.doctor.examine", interrupted)
    answer = foretrace("doctor")
    assert (answer.code, answer.err.splitlines()[-1]) == (130, "foretrace: stopped")


def test_an_output_that_has_no_room_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        command = [str(Path(sys.executable).with_name("foretrace")), "doctor"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "foretrace: standard output: No space left on device; make room, or send it elsewhere\n"
    assert (done.returncode, done.stderr) == (2, said)
