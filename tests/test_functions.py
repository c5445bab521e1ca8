"""Functions of a stranger's module become programs that run by themselves; what differs between two runs does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tracegen
from tests.command import foretrace, refused
from tests.test_proposals import Script, completion, serve
from tracegen import Ending, Settings, Trace
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.programs.functions import read_functions
from tracegen.proposals import Endpoint
from tracegen.sandbox import Level, Sandbox

__all__ = ["serve"]
"""A fixture: what is imported by name only must be used."""

MODULE = '''"""A module of a stranger."""
import os
import random
import time

LIMIT = 10
TABLE = {}
for number in range(3):
    TABLE[number] = number * number


def clamp(value: int, low: int = 0, high: int = LIMIT) -> int:
    """Keep a value in bounds.

    >>> clamp(12)
    10
    """
    if value < low:
        return low
    if value > high:
        return high
    return value


def squares(n: int):
    for i in range(n % 3 + 1):
        yield TABLE[i]


def stamp(x: int) -> float:
    return time.time() + x


def draw(n: int) -> float:
    return random.random() + n


def quit(code: int) -> None:
    os._exit(code % 3)


def forever(x: int) -> None:
    while True:
        pass


async def later(x: int) -> int:
    return x


def secret(path: str) -> str:
    return os.getcwd() + path
'''


def collected(folder: Path, *options: str, text: str = MODULE) -> tuple[list[Trace], str, str]:
    source = folder / "stranger.py"
    source.write_text(text)
    answer = foretrace("collect", "functions", source, "-o", folder / "data", "--tries", "30", *options)
    assert answer.code == 0, answer.err
    return list(tracegen.read(folder / "data")), answer.text, answer.err


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Trace], str, str]:
    return collected(tmp_path_factory.mktemp("functions"))


def of(traces: list[Trace], name: str) -> list[Trace]:
    return [trace for trace in traces if trace.program_id == f"stranger:{name}"]


def test_every_branch_of_a_function_has_a_trace(found: tuple[list[Trace], str, str]) -> None:
    lines = {step.line for trace in of(found[0], "clamp") for step in trace.steps if trace.files[step.file] != "<main>"}
    [context] = {trace.context.text.rpartition("\ndef main")[0] for trace in of(found[0], "clamp")}
    shown = {line.strip() for number, line in enumerate(context.removeprefix("\n").split("\n"), 1) if number in lines}
    assert {"return low", "return high", "return value"} <= shown


def test_a_context_holds_what_the_function_needs_and_nothing_else(found: tuple[list[Trace], str, str]) -> None:
    clamp = of(found[0], "clamp")[0].context.text
    assert "LIMIT = 10" in clamp and "TABLE" not in clamp and "import" not in clamp and "def stamp" not in clamp
    assert "TABLE[number] = number * number" in of(found[0], "squares")[0].context.text


def test_a_doctest_is_among_the_inputs(tmp_path: Path) -> None:
    found, _, _ = collected(
        tmp_path, text="def f(n):\n    '''\n    >>> f(4711)\n    1\n    '''\n    return n == 4711\n"
    )
    assert {trace.input for trace in found if trace.steps[-1].value == "True"} == {"4711"}


def test_what_a_generator_yields_is_listed(found: tuple[list[Trace], str, str]) -> None:
    [longest] = [trace for trace in of(found[0], "squares") if trace.steps[-1].value == "[0, 1, 4]"][:1]
    assert f"return list(squares({longest.input}))" in longest.context.text


@pytest.mark.parametrize("name", ["stamp", "draw"])
def test_what_the_clock_or_chance_decides_is_no_program(found: tuple[list[Trace], str, str], name: str) -> None:
    # random is seeded in every child, and so is the same again: only the clock is dropped.
    assert bool(of(found[0], name)) == (name == "draw")


def test_what_never_ends_or_ends_the_process_is_no_program(found: tuple[list[Trace], str, str]) -> None:
    assert not of(found[0], "forever") and not of(found[0], "quit")
    assert not of(found[0], "later")
    assert "is a coroutine" in found[1]


def test_all_of_them_came_to_their_end_and_are_distinct(found: tuple[list[Trace], str, str]) -> None:
    traces = found[0]
    assert {trace.ending for trace in traces} <= {Ending.RETURNED, Ending.RAISED}
    assert len({trace.content for trace in traces}) == len({trace.id for trace in traces}) == len(traces)
    assert {trace.provenance.source for trace in traces} == {"functions"}
    assert {trace.provenance.isolation for trace in traces} <= {"bwrap", "landlock"}


def test_the_folder_of_a_task_is_not_this_machines(found: tuple[list[Trace], str, str]) -> None:
    values = {step.value for trace in of(found[0], "secret") for step in trace.steps if step.value}
    assert values and not any("foretrace-" in value for value in values)


def test_a_program_gives_the_same_trace_from_its_context_alone(found: tuple[list[Trace], str, str]) -> None:
    with Sandbox(Settings(), Level.PROCESS) as sandbox:
        for trace in of(found[0], "clamp") + of(found[0], "squares"):
            code, _, caller = trace.context.text.removeprefix("\n").rpartition("\ndef main():")
            name = trace.program_id.partition(":")[2]
            listed = "return list(" in caller
            call = Call(trace.program_id, code, name, trace.input, "<program>", "program.py", "program", listed=listed)
            table = main_trace(trace_call(call, Settings(), run=sandbox.run))
            assert table.column("content")[0].as_py() == trace.content


def test_harvested_calls_are_tried_too(tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    calls.write_text(json.dumps({"function": "stranger:f", "args": "'sesame', n=77"}) + "\n")
    text = "def f(word, n):\n    if word == chr(115) + 'esame' and n == 70 + 7:\n        return 'open'\n"
    traces, _, _ = collected(tmp_path, "--calls", str(calls), text=text)
    assert {trace.input for trace in traces if trace.steps[-1].value == "'open'"} == {"'sesame', n=77"}


def test_a_models_proposals_are_tried_too(
    tmp_path: Path, serve: Callable[..., tuple[Endpoint, Script]], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, script = serve((200, completion("[\"'xyzzy', 4711\", \"open('/etc/passwd')\"]")), key_env="MODEL_KEY")
    monkeypatch.setenv("MODEL_KEY", "a key")
    text = "def f(word, n):\n    if word + str(n) == 'xyz' + 'zy4711':\n        return 'open'\n    return 'shut'\n"
    options = ("--propose", endpoint.url, "--model", endpoint.model, "--key-env", "MODEL_KEY")
    traces, said, _ = collected(tmp_path, *options, text=text)
    assert {trace.input for trace in traces if trace.steps[-1].value == "'open'"} == {"'xyzzy', 4711"}
    assert script.keys == ["Bearer a key"] and "def f(word, n)" in str(script.asked[0])
    assert "1 of the model" in said


def test_an_answer_without_a_text_costs_one_function_its_proposals(
    tmp_path: Path, serve: Callable[..., tuple[Endpoint, Script]]
) -> None:
    endpoint, _ = serve((200, b'{"choices": [{"message": {"content": null}}]}'))
    text = "def f(n: int):\n    return n\n"
    traces, said, err = collected(tmp_path, "--propose", endpoint.url, "--model", endpoint.model, text=text)
    assert traces and "1 proposals: an answer without a text" in said
    assert "stranger:f: " in err


def test_a_model_that_does_not_answer_ends_the_run_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(n):\n    return n\n")
    url = "http://127.0.0.1:9"
    command = ("collect", "functions", tmp_path / "a.py", "-o", tmp_path / "data", "--propose", url, "--model", "m")
    answer = foretrace(*command)
    assert answer.code == 2 and answer.err.splitlines()[-1].startswith(f"foretrace: {url}")


def test_a_program_that_needs_too_much_is_left_out(tmp_path: Path) -> None:
    text = "TABLE = [\n" + "    1,\n" * 40 + "]\n\n\ndef f(n):\n    return TABLE[n]\n\n\ndef g(n):\n    return n\n"
    traces, said, _ = collected(tmp_path, "--longest", "30", text=text)
    assert {trace.program_id for trace in traces} == {"stranger:g"}
    assert "1 functions: its program is too long" in said


def test_inputs_per_function_is_a_limit(tmp_path: Path) -> None:
    traces, _, _ = collected(tmp_path, "--inputs-per-function", "2")
    assert max(Counter(trace.program_id for trace in traces).values()) == 2


def test_crosshair_reaches_what_chance_does_not(tmp_path: Path) -> None:
    text = "def f(n: int) -> str:\n    if n * n - 6 * n + 9 == 1_522_756 and n > 0:\n        return 'root'\n"
    assert not [trace for trace in collected(tmp_path, text=text)[0] if trace.steps[-1].value == "'root'"]
    (tmp_path / "data").rename(tmp_path / "first")
    [trace] = [
        each for each in collected(tmp_path, "--crosshair", "5", text=text)[0] if each.steps[-1].value == "'root'"
    ]
    assert trace.input == "1237"


def test_crosshair_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "def f(n):\n    if n == 11111:\n        return 1\n    return 2 if n != 7**9 else 3\n"
    )
    system = "/usr/bin/python3"
    answer = foretrace(
        "collect", "functions", tmp_path / "a.py", "-o", tmp_path / "data", "--crosshair", "1", "--python", system
    )
    assert answer.code == 2
    complaint = f"foretrace: {system}: crosshair is not installed there: `pip install crosshair-tool`, or leave"
    assert answer.err.splitlines()[-1].startswith(complaint)


def test_functions_of_several_sources_are_found_once(tmp_path: Path) -> None:
    dropped: Counter[str] = Counter()
    one, both = (read_functions(names, Settings().python, {}, dropped) for names in (("bisect",), ("bisect", "bisect")))
    assert [each.key for each in both] == [each.key for each in one]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give SOURCEs (files, folders, installed modules), or --samples FILE"),
        (("nosuchmodule",), "nosuchmodule: "),
        (("bisect", "--crosshair", "-1"), "--crosshair -1.0: give seconds, at most 600 a function"),
        (("bisect", "--propose", "http://127.0.0.1:1"), "--propose URL and --model NAME go together"),
        (("bisect", "--shard", "3/2"), "--shard 3/2: the first of 2 jobs is 1/2, the last 2/2"),
        (
            ("bisect", "--sandbox", "process"),
            "--sandbox process isolates nothing; install bubblewrap, or say with --trust",
        ),
    ],
)
def test_a_wrong_command_is_one_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    assert refused("collect", "functions", *arguments, "-o", tmp_path / "data").startswith(complaint)
    assert not (tmp_path / "data").exists()


def test_calls_of_a_function_that_is_not_there_are_refused(tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    calls.write_text('{"function": "bisect:nothing", "args": ""}\n')
    complaint = refused("collect", "functions", "bisect", "-o", tmp_path / "data", "--calls", calls)
    assert complaint == "--calls: bisect:nothing: no such function in bisect"


@pytest.mark.parametrize("turn", [0, 1])
def test_a_function_that_loads_only_at_times_costs_itself_alone(tmp_path: Path, turn: int) -> None:
    # Every other process: in one of the two turns it loads when it is explored, and not when it runs by itself.
    text = f"import os\nSALT = 1 // ((os.getpid() + {turn}) % 2)\n\n\ndef f(x: int):\n    return x + SALT\n\n\n"
    text += "def g(x: int):\n    return x\n"
    traces, said, _ = collected(tmp_path, "--jobs", "1", text=text)
    assert "stranger:g" in {trace.program_id for trace in traces}
    assert "functions 2 found" in said


def test_what_other_inputs_left_behind_is_not_counted_as_reached(tmp_path: Path) -> None:
    text = "SEEN = []\n\n\ndef f(x: int):\n    SEEN.append(x)\n    if len(SEEN) > 3:\n        return 'many'\n"
    text += "    return 'few'\n"
    traces, said, _ = collected(tmp_path, text=text)
    assert {trace.steps[-1].value for trace in traces} == {"'few'"}
    assert len(traces) == 1
    assert "of their lines 75 % reached" in said


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "utils.py").write_text(f"def in_{folder}(x):\n    return x\n")
    dropped: Counter[str] = Counter()
    found = read_functions((f"{tmp_path}/a/utils.py", f"{tmp_path}/b/utils.py"), Settings().python, {}, dropped)
    assert [each.key for each in found] == ["utils:in_a"]
    assert dropped["files of a name that another has"] == 1


def test_what_the_clock_cuts_off_when_it_runs_by_itself_goes_to_the_side(tmp_path: Path) -> None:
    # The first call of a process sleeps: while inputs are tried it is passed over, and alone each is the first.
    text = "import time\n\nSEEN = []\n\n\ndef f(x: int):\n    SEEN.append(x)\n    if len(SEEN) == 1:\n"
    text += "        time.sleep(60)\n    return x\n"
    traces, said, _ = collected(tmp_path, "--deadline", "2", "--inputs-per-function", "1", text=text)
    assert not traces
    assert "cut off   1: 1 killed at the deadline" in said
    cut = pq.read_table(tmp_path / "data/cut/00000.parquet")
    assert (cut.column("program_id").to_pylist(), cut.column("ending").to_pylist()) == (["stranger:f"], ["seconds"])
