"""Real children that end in every way a program can: what they recorded survives, and the ending says how.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import fcntl
import gc
import os
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scripted import INTERPRETERS, every_interpreter, last_locals, lines, module_trace, refusal, run
from tracegen import CannotRun, Ending, Limits, Settings, Step, Trace, execution
from tracegen.payload.scope import Selection
from tracegen.payload.warm import descendants

DEADLINE = 0.5

OTHERS = [i.path for i in INTERPRETERS if i.version[:2] != sys.version_info[:2]]
"""The other interpreters: a few tests of each kind run on them too."""

DEATHS = {
    "os._exit": ("import os\nx = 1\nos._exit(7)\n", Ending.EXITED, "exit code 7"),
    "segfault": ("import ctypes\nx = 1\nctypes.string_at(0)\n", Ending.KILLED, "SIGSEGV"),
    "abort": ("import os\nx = 1\nos.abort()\n", Ending.KILLED, "SIGABRT"),
    "SIGKILL": ("import os, signal\nx = 1\nos.kill(os.getpid(), signal.SIGKILL)\n", Ending.KILLED, "SIGKILL"),
    "real-time signal": ("import os\nx = 1\nos.kill(os.getpid(), 40)\n", Ending.KILLED, "signal 40"),
    "exec": ("import os, sys\nx = 1\nos.execv('/bin/sh', ['sh', '-c', 'exit 5'])\n", Ending.EXITED, "exit code 5"),
}

ELSEWHERE = [(death, python) for python in OTHERS for death in ("os._exit", "SIGKILL")]


@pytest.mark.parametrize(("death", "python"), [*((d, sys.executable) for d in DEATHS), *ELSEWHERE])
def test_what_was_recorded_survives_the_death_of_the_process(tmp_path: Path, death: str, python: str) -> None:
    source, ending, detail = DEATHS[death]
    told = run(tmp_path, source, python=python)
    trace = module_trace(told)
    assert (trace.ending, trace.detail) == (ending, detail)
    assert lines(trace) == [1, 2, 3]
    assert last_locals(trace)["x"] == "1"
    assert not told.finished.wire.finished
    assert not trace.text().endswith("<|end_of_text|>")


@pytest.mark.parametrize("python", [sys.executable, OTHERS[0], OTHERS[-1]])
def test_a_program_that_hangs_is_killed_at_the_deadline(tmp_path: Path, python: str) -> None:
    start = time.monotonic()
    trace = module_trace(run(tmp_path, "import time\nx = 1\ntime.sleep(60)\n", python=python, deadline=DEADLINE))
    assert DEADLINE <= time.monotonic() - start < DEADLINE + 5
    assert (trace.ending, trace.detail) == (Ending.SECONDS, "killed at the deadline")
    assert lines(trace) == [1, 2, 3]


@pytest.mark.parametrize(
    "hang",
    ["while True: pass", "while True: x", "9 ** 9 ** 9", "import re; re.match('(a*)*b', 'a' * 64)"],
)
def test_no_endless_computation_outlives_the_deadline(tmp_path: Path, hang: str) -> None:
    told = run(tmp_path, f"x = 1\n{hang}\n", deadline=DEADLINE)
    assert told.finished.timed_out and told.finished.returncode == -9
    trace = module_trace(told)
    # An endless loop has events, and so reaches their limit first.
    assert trace.ending in (Ending.SECONDS, Ending.EVENTS)
    assert lines(trace)[:2] == [1, 2]


def test_a_loop_without_a_limit_on_events_ends_with_the_deadline(tmp_path: Path) -> None:
    limits = Limits(events=10**9, bytes=10**9)
    told = run(tmp_path, "x = 0\nwhile True:\n    x += 1\n", deadline=DEADLINE, limits=limits)
    trace = module_trace(told)
    assert (trace.ending, trace.detail) == (Ending.SECONDS, "killed at the deadline")
    assert len(trace.steps) > 1000
    assert lines(trace)[:5] == [1, 2, 3, 2, 3]


def test_a_program_that_ignores_every_signal_is_killed(tmp_path: Path) -> None:
    source = """\
    import signal, time
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
    """
    told = run(tmp_path, source, deadline=DEADLINE)
    assert told.finished.returncode == -9
    assert module_trace(told).ending is Ending.SECONDS


LEFT_BEHIND = """\
import subprocess, sys
code = '''
import fcntl, sys, time
lock = open("lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
'''
grandchild = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
grandchild.stdout.readline()
{end}
"""


@pytest.mark.parametrize("end", ["x = 1", "import os; os._exit(0)", "import time; time.sleep(60)"])
def test_a_grandchild_left_behind_dies_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(tmp_path, LEFT_BEHIND.format(end=end), deadline=DEADLINE)
    assert module_trace(told).steps
    until = time.monotonic() + 3
    with (tmp_path / "lock").open() as lock:
        while True:  # a lock goes when the process that holds it has gone
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                assert time.monotonic() < until, "the grandchild still holds its lock"
                time.sleep(0.01)


def test_a_grandchild_that_holds_the_pipes_is_not_waited_for(tmp_path: Path) -> None:
    source = """\
    import subprocess, sys
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("done")
    """
    start = time.monotonic()
    told = run(tmp_path, source)
    assert time.monotonic() - start < 10
    assert told.finished.output == "done\n"
    assert module_trace(told).ending is Ending.RETURNED


@every_interpreter
def test_a_fork_leaves_the_parents_trace_whole_and_records_nothing_of_the_child(tmp_path: Path, python: str) -> None:
    source = """\
    import os
    def work(n):
        return n + 1
    pid = os.fork()
    if pid == 0:
        work(41)
        os._exit(0)
    os.waitpid(pid, 0)
    y = work(1)
    """
    told = run(tmp_path, source, python=python)
    trace = module_trace(told)
    assert trace.ending is Ending.RETURNED
    assert lines(trace) == [1, 2, 4, 5, 8, 9, 3]
    assert [value for step in trace.steps for name, value in step.locals if name == "n"] == ["1"]
    assert trace.provenance.notes == "os.fork"
    assert told.finished.wire.finished


@every_interpreter
def test_every_thread_has_a_trace_of_its_own(tmp_path: Path, python: str) -> None:
    source = """\
    import threading
    def work(n):
        total = 0
        for i in range(n):
            total += i
        return total
    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    """
    told = run(tmp_path, source, python=python)
    assert module_trace(told).ending is Ending.RETURNED
    works = [trace for trace in told.traces() if trace.entry.name == "work"]
    shown = sorted((trace.steps[0].locals[0][1], trace.steps[len(trace.steps) - 1].value) for trace in works)
    assert shown == [("1", "0"), ("2", "1"), ("3", "3")]
    assert all(trace.ending is Ending.RETURNED and trace.steps[0].depth == 0 for trace in works)


def test_a_thread_that_still_runs_at_the_end_is_unfinished(tmp_path: Path) -> None:
    source = """\
    import threading
    def work(started):
        started.set()
        while True:
            pass
    started = threading.Event()
    threading.Thread(target=work, args=(started,), daemon=True).start()
    started.wait()
    """
    told = run(tmp_path, source)
    assert module_trace(told).ending is Ending.RETURNED
    [work] = [trace for trace in told.traces() if trace.entry.name == "work"]
    assert work.ending is Ending.UNFINISHED


@every_interpreter
@pytest.mark.parametrize(
    ("taking", "restoring"),
    [
        ("sys.settrace(None)", "pass"),
        ("sys.settrace(None)", "sys.settrace(ours)"),
        ("sys.settrace(lambda *_: None)", "sys.settrace(ours)"),
    ],
)
def test_a_program_that_takes_the_tracer_away_is_untraced_from_there(
    tmp_path: Path, taking: str, restoring: str, python: str
) -> None:
    told = run(tmp_path, f"import sys\nours = sys.gettrace()\n{taking}\ny = 2\n{restoring}\nz = 3\n", python=python)
    trace = module_trace(told)
    assert trace.ending is Ending.UNTRACED
    assert lines(trace) == [1, 2, 3]
    assert trace.provenance.notes == "the trace function was set or taken away"
    assert told.finished.returncode == 0


def test_an_exec_that_fails_leaves_the_trace_whole(tmp_path: Path) -> None:
    source = "import os\ntry:\n    os.execv('/no/such/program', ['x'])\nexcept OSError:\n    y = 2\n"
    trace = module_trace(run(tmp_path, source))
    assert trace.ending is Ending.RETURNED
    assert trace.provenance.notes == "os.exec"
    assert lines(trace) == [1, 2, 3, 4, 5]


def test_a_flood_on_stdout_is_cut_and_the_program_runs_on(tmp_path: Path) -> None:
    source = """\
    import sys
    for _ in range(300):
        sys.stdout.write("o" * 10_000)
        sys.stderr.write("e" * 10_000)
    done = True
    """
    told = run(tmp_path, source, output_bytes=50_000)
    assert told.finished.stdout == b"o" * 50_000 and told.finished.stderr == b"e" * 50_000
    assert told.finished.stdout_cut
    trace = module_trace(told)
    assert trace.ending is Ending.RETURNED
    assert lines(trace)[-1] == 5
    assert trace.stdout == "o" * 50_000


def test_what_fits_is_not_called_cut(tmp_path: Path) -> None:
    told = run(tmp_path, "print('x' * 999)\n", output_bytes=1000)
    assert (len(told.finished.stdout), told.finished.stdout_cut) == (1000, False)


def test_stdout_and_stderr_are_kept_apart(tmp_path: Path) -> None:
    source = "import sys\nprint('one')\nprint('two', file=sys.stderr)\nsys.stdout.buffer.write(b'\\xff\\x00')\n"
    told = run(tmp_path, source)
    assert (told.finished.stdout, told.finished.stderr) == (b"one\n\xff\x00", b"two\n")
    assert module_trace(told).stdout == "one\n\\xff\x00"


def test_a_file_is_the_programs_standard_input(tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("one\ntwo\n", encoding="utf-8")
    trace = module_trace(run(tmp_path, "a = input()\nb = input()\nc = 3\n", stdin=given))
    assert last_locals(trace) == {"a": "'one'", "b": "'two'"}


def test_standard_input_is_empty_without_a_file(tmp_path: Path) -> None:
    assert module_trace(run(tmp_path, "import sys\nprint(repr(sys.stdin.read()))\n")).stdout == "''\n"


def test_the_environment_holds_nothing_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETRACE_TEST_TOKEN", "secret")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    told = run(tmp_path, "import os\nfor name in sorted(os.environ):\n    print(name, os.environ[name])\n")
    shown = dict(line.split(" ", 1) for line in told.finished.output.splitlines())
    assert shown["PYTHONHASHSEED"] == "0"
    assert shown["HOME"] != os.environ.get("HOME")
    assert shown.keys() <= {
        "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
        "PYTHONNOUSERSITE", "PYTHONIOENCODING", "PYTHONUNBUFFERED",
    }  # fmt: skip
    assert module_trace(told).provenance.hash_seed == "0"


def test_the_childs_home_is_gone_afterwards(tmp_path: Path) -> None:
    source = "import os\nopen(os.path.expanduser('~/left'), 'w').close()\nprint(os.environ['HOME'])\n"
    home = Path(run(tmp_path, source).finished.output.strip())
    assert home.is_absolute()
    assert not home.exists()


@pytest.mark.parametrize("seed", [0, 5])
def test_the_programs_random_module_is_seeded(tmp_path: Path, seed: int) -> None:
    told = run(tmp_path, "import random\nprint(random.random())\n", seed=seed)
    assert float(told.finished.output) == random.Random(seed).random()


BOUND = {"json", "os", "time", "threading", "sys"}
PATCHES = {
    "repr": "builtins.repr = lambda value: 'a lie'",
    "len": "builtins.len = lambda value: 0",
    "open": "builtins.open = None",
    "type": "builtins.type = lambda value: int",
    "sorted": "builtins.sorted = None; builtins.dict = None; builtins.str = None; builtins.isinstance = None",
    "json.dumps": "import json; json.dumps = lambda *a, **k: 'a lie'; json.encoder.encode_basestring_ascii = None",
    "os": "import os; os.getpid = None; os.path.abspath = None; os.path.join = None",
    "time": "import time; time.monotonic = lambda: 1e12",
    "threading": "import threading; threading.settrace = None",
    "sys": "import sys; sys.getrefcount = None; sys._getframe = None",
}


@pytest.mark.parametrize(("patch", "python"), [(p, python) for python in (sys.executable, OTHERS[0]) for p in PATCHES])
def test_what_a_program_does_to_builtins_and_modules_does_not_change_its_trace(
    tmp_path: Path, patch: str, python: str
) -> None:
    source = """\
    import builtins
    {patch}
    class Point:
        def __init__(self, x):
            self.x = x
        def __repr__(self):
            return "Point()"
    def work(n):
        values = [n, {{"k": n}}, Point(n)]
        return values
    y = work(3)
    z = 4
    """
    patched = module_trace(run(tmp_path, source.format(patch=PATCHES[patch]), python=python))
    plain = module_trace(run(tmp_path, source.format(patch="builtins.nothing = None"), python=python))
    assert patched.ending is Ending.RETURNED

    def told(trace: Trace) -> list[Step]:
        """What both programs do: without the patch's line, and without the names that it binds."""
        return [
            replace(step, locals=tuple(change for change in step.locals if change[0] not in BOUND))
            for step in trace.steps
            if step.line != 2
        ]

    assert told(patched) == told(plain)
    assert "a lie" not in "".join(value or "" for step in patched.steps for _, value in step.locals)
    assert last_locals(patched)["y"] == "[3, {'k': 3}, Point()]"


@every_interpreter
def test_a_programs_modules_may_have_the_tracers_names(tmp_path: Path, python: str) -> None:
    names = ["values", "cli", "tracegen", "recorder", "wire", "child", "suite", "reference", "pyfacts", "bootstrap"]
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"def who():\n    return 'the program, {name}'\n", encoding="utf-8")
    source = "".join(f"import {name}\nassert {name}.who() == 'the program, {name}'\n" for name in names)
    told = run(tmp_path, source + "import evals_missing\n", python=python)
    assert told.finished.stderr.decode().splitlines()[-1] == "ModuleNotFoundError: No module named 'evals_missing'"
    trace = module_trace(told)
    assert set(trace.files) == {"program.py", *(f"{name}.py" for name in names)}
    assert trace.ending is Ending.RAISED


@every_interpreter
def test_a_script_sees_what_python_would_show_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "beside.py").write_text("here = __file__\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    source = """\
    import sys, os, beside, __main__
    print(sys.argv)
    print(sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
    print(__name__, __main__.__dict__ is globals(), sys.modules["__main__"] is __main__)
    print(os.getcwd() == os.path.dirname(sys.path[0]))
    print([name for name in sys.path if "tracegen" in name or "payload" in name])
    print(__spec__, __package__, __doc__, type(__builtins__).__name__)
    """
    told = run(below, source, "a b", "-x", "--", "é", python=python)
    shown = told.finished.output.splitlines()
    assert shown == [
        str([str(below / "program.py"), "a b", "-x", "--", "é"]),
        "True",
        "__main__ True True",
        "True",
        "[]",
        "None None None module",
    ]
    assert module_trace(told).input == "a b -x -- é"


@every_interpreter
def test_a_traceback_shows_the_programs_frames_and_no_others(tmp_path: Path, python: str) -> None:
    source = "def f(n):\n    raise ValueError(n)\ntry:\n    f(1)\nexcept ValueError:\n    f(2)\n"
    told = run(tmp_path, source, python=python)
    shown = told.finished.stderr.decode()
    path = tmp_path / "program.py"
    assert [line.strip() for line in shown.splitlines() if line.strip().startswith("File")] == [
        f'File "{path}", line 4, in <module>',
        f'File "{path}", line 2, in f',
        f'File "{path}", line 6, in <module>',
        f'File "{path}", line 2, in f',
    ]
    assert shown.endswith("ValueError: 2\n")
    assert told.finished.returncode == 1
    trace = module_trace(told)
    assert trace.ending is Ending.RAISED


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('sorry')", 1, "sorry\n"),
        ("raise SystemExit(4)", 4, ""),
    ],
)
def test_the_exit_code_is_the_programs(tmp_path: Path, end: str, code: int, message: str) -> None:
    told = run(tmp_path, f"import sys\nx = 1\n{end}\n")
    assert (told.finished.returncode, told.finished.stderr.decode()) == (code, message)
    trace = module_trace(told)
    assert (trace.ending, trace.detail) == (Ending.RAISED, "")
    assert lines(trace) == [1, 2, 3]


def test_a_programs_own_excepthook_is_called(tmp_path: Path) -> None:
    source = "import sys\nsys.excepthook = lambda kind, error, tb: print(kind.__name__, tb.tb_lineno)\n1 / 0\n"
    told = run(tmp_path, source)
    assert (told.finished.output, told.finished.stderr, told.finished.returncode) == ("ZeroDivisionError 3\n", b"", 1)


@every_interpreter
@pytest.mark.parametrize("end", ["pass", "raise SystemExit", "1 / 0"])
def test_atexit_functions_run(tmp_path: Path, end: str, python: str) -> None:
    told = run(tmp_path, f"import atexit\natexit.register(print, 'bye')\n{end}\n", python=python)
    assert told.finished.output == "bye\n"
    assert told.finished.wire.finished


def test_a_program_may_close_every_file_descriptor(tmp_path: Path) -> None:
    told = run(tmp_path, "import os\nos.closerange(3, 256)\ny = 2\n")
    trace = module_trace(told)
    assert trace.ending is Ending.RETURNED
    assert lines(trace) == [1, 2, 3]


def test_a_program_may_close_its_standard_streams(tmp_path: Path) -> None:
    told = run(tmp_path, "import os\nos.closerange(0, 3)\ny = 2\n", deadline=10)
    assert not told.finished.timed_out
    assert lines(module_trace(told)) == [1, 2, 3]


def test_garbage_in_inherited_descriptors_is_one_clear_line(tmp_path: Path) -> None:
    source = """\
    import os
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"garbage" * 100)
        except OSError:
            pass
    """
    assert refusal(tmp_path, source).startswith("the program damaged its own recording: wanted a wire of version 1")


DAMAGES = {
    "the magic": "put(0, b'X')",
    "the version": "put(8, b'\\x63')",
    "a lane beyond the file": "put(24, b'\\xff' * 8)",
    "the count of steps": "put(64, b'\\xff' * 8)",
    "the count of notes": "put(72, b'\\xff' * 8)",
    "one step too many": "put(64, (int.from_bytes(get(64, 8), 'little') + 100).to_bytes(8, 'little'))",
    "the first note": "put(int.from_bytes(get(48, 8), 'little') + 4, b'[' * 100)",
    "the length of a note": "put(int.from_bytes(get(48, 8), 'little'), b'\\xff' * 4)",
    "a step's event": "put(int.from_bytes(get(16, 8), 'little') + 22, b'\\x09')",
    "a step's line": "put(int.from_bytes(get(16, 8), 'little') + 8, b'\\x00' * 4)",
    "a step's text": "put(int.from_bytes(get(32, 8), 'little'), b'\\xff')",
}


@pytest.mark.parametrize(
    ("damage", "python"),
    [*((damage, sys.executable) for damage in DAMAGES), *(("the count of steps", python) for python in OTHERS)],
)
def test_a_program_that_damages_its_recording_is_one_clear_line(tmp_path: Path, damage: str, python: str) -> None:
    source = f"""\
    import ctypes
    with open("/proc/self/maps") as maps:
        [base] = [int(line.split("-")[0], 16) for line in maps if "foretrace-wire" in line]
    def put(at, data):
        ctypes.memmove(base + at, data, len(data))
    def get(at, size):
        return ctypes.string_at(base + at, size)
    {DAMAGES[damage]}
    import os
    os._exit(0)
    """
    # The C core keeps counts of its own, and sets right what the program did to those in the memory.
    said = refusal(tmp_path, source, python=python, tracer="reference")
    assert said.startswith("the program damaged its own recording: ")


def test_a_program_that_shrinks_the_shared_memory_is_refused_by_the_system(tmp_path: Path) -> None:
    source = """\
    import os
    refused = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if "foretrace-wire" in os.readlink("/proc/self/fd/" + name):
                os.ftruncate(int(name), 0)
        except OSError:
            refused += 1
    """
    trace = module_trace(run(tmp_path, source))
    assert trace.ending is Ending.RETURNED


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/no/such/python", "/no/such/python: cannot be started: No such file or directory"),
        ("/bin/true", "/bin/true: does not work as a Python interpreter: exit code 0"),
        ("/bin/false", "/bin/false: does not work as a Python interpreter: exit code 1"),
    ],
)
def test_what_is_no_interpreter_is_one_clear_line(tmp_path: Path, python: str, message: str) -> None:
    assert refusal(tmp_path, "x = 1\n", python=python) == message


def test_a_lane_that_fills_up_ends_the_trace_and_not_the_program(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("for i in range(500):\n    x = i\nprint('done')\n", encoding="utf-8")
    selection = Selection(begin="code", file=str(path), name="<module>", roots=(str(tmp_path),))
    target = {"kind": "script", "path": str(path), "shown": "program.py", "argv": []}
    for lanes in (execution.Lanes(steps=24 * 100, text=4096), execution.Lanes(steps=24_000, text=1000)):
        finished = execution.run(target, selection, Settings(), lanes=lanes)
        [trace] = finished.wire.traces
        assert trace.ending is Ending.MEMORY
        assert finished.stdout == b"done\n"
        assert 20 < len(finished.wire.records) <= 100


def test_progress_is_told_while_the_child_runs(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import time\nfor _ in range(12):\n    time.sleep(0.1)\n", encoding="utf-8")
    selection = Selection(begin="code", file=str(path), name="<module>", roots=(str(tmp_path),))
    target = {"kind": "script", "path": str(path), "shown": "program.py", "argv": []}
    told: list[int] = []
    execution.run(target, selection, Settings(), progress=lambda said: told.append(len(said.begun)))
    assert told[:2] == [0, 1]  # before the program began, and a second later


def test_nothing_is_left_open_or_running_in_this_process(tmp_path: Path) -> None:
    run(tmp_path, "x = 1\n")
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    # The tests before this one may have left Python's own keeper of shared resources.
    children = descendants(os.getpid())
    for source in ("x = 1\n", "import os; os._exit(1)\n"):
        run(tmp_path, source)
    for python in ("/no/such/python", "/bin/true"):
        with pytest.raises(CannotRun):
            run(tmp_path, "x = 1\n", python=python)
    gc.collect()
    assert set(os.listdir("/proc/self/fd")) == before
    assert descendants(os.getpid()) == children
