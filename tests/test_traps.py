"""What is known to go wrong when one traces Python, one test for each trap, in real children.

Where the interpreter's version matters, every one that is found runs it.  What a Python trace function cannot
do is marked as an expected failure, so that a tracer that can will be noticed.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from tests.scripted import INTERPRETERS, each_tracer, every_interpreter, last_locals, module_trace, run
from tracegen import Ending, Event, Limits, Trace, read, write

UNFREE = Limits(events=100_000, depth=100_000)


pytestmark = pytest.mark.usefixtures(each_tracer.__name__)


@pytest.fixture
def reference_cannot(each_tracer: str, request: pytest.FixtureRequest) -> None:
    """What a Python trace function cannot do, and the C core must."""
    if each_tracer == "reference":
        request.applymarker(pytest.mark.xfail(strict=True, reason="a Python trace function cannot"))


def minor(python: str) -> tuple[int, int]:
    [version] = [i.version[:2] for i in INTERPRETERS if i.path == python]
    return version


def shown(trace: Trace, name: str) -> list[str]:
    """Every text that a local of this name shows, in order, repetitions left out."""
    texts = [dict(step.locals)[name] for step in trace.steps if name in dict(step.locals)]
    return [text for text in texts if text is not None]


@every_interpreter
def test_trap_01_a_closure_that_another_thread_changes_keeps_its_change(
    python: str, each_tracer: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The tracer reads the locals, another thread counts to 200, the tracer returns."""
    if each_tracer == "reference" and minor(python) < (3, 13):
        request.applymarker(pytest.mark.xfail(strict=True, reason="a Python trace function cannot"))
    told = run(
        tmp_path,
        """
        import threading

        def main():
            count = 0

            def work():
                nonlocal count
                for _ in range(200):
                    count += 1

            class Waits:
                def __repr__(self):
                    if count == 0:
                        thread = threading.Thread(target=work)
                        thread.start()
                        thread.join()
                    return "Waits"

            waits = Waits()
            seen = count
            return count

        print(main())
        """,
        python=python,
    )
    assert told.finished.output == "200\n"


@every_interpreter
def test_trap_02_repr_of_a_huge_int_does_not_reach_user_code(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        import sys
        x = 10 ** 5000
        y = [-x]
        limit = getattr(sys, "get_int_max_str_digits", lambda: 0)()
        try:
            print(len(str(x)))
        except ValueError:
            print(limit)
        """,
        python=python,
    )
    assert told.finished.returncode == 0
    assert told.finished.output in ("5001\n", "4300\n")
    trace = module_trace(told)
    assert last_locals(trace)["x"] == hex(10**5000)
    assert last_locals(trace)["y"] == f"[{hex(-(10**5000))}]"
    assert trace.ending is Ending.RETURNED


REPRS = {
    "raise ValueError(self)": "<P object (repr raised ValueError)>",
    "raise SystemExit(3)": "<P object (repr raised SystemExit)>",
    "raise KeyboardInterrupt": "<P object (repr raised KeyboardInterrupt)>",
    "return 5": "<P object (repr raised TypeError)>",
    "return repr(self)": "<P object (repr raised RecursionError)>",
    "return helper(1)": "<P object (repr ran over 10000 lines)>",
    "sys.settrace(None); return 'P'": "P",
    "sys.settrace(lambda *a: None); return 'P'": "P",
    "print('printed'); return 'P'": "P",
    "things.clear(); return 'P'": "P",
    "return str(sum(1 for _ in range(100)))": "100",
}


@every_interpreter
def test_trap_03_a_foreign_repr_is_contained_and_recording_goes_on(python: str, tmp_path: Path) -> None:
    classes = "\n".join(
        f"class P{n}:\n    def __repr__(self):\n        {body}\nP{n}.__name__ = 'P'" for n, body in enumerate(REPRS)
    )
    uses = "\n".join(f"    p{n} = P{n}()" for n in range(len(REPRS)))
    source = (
        "import sys\nthings = [1]\ndef helper(n):\n    while True:\n        n += 1\n"
        f"{classes}\ndef main():\n{uses}\n    del {', '.join(f'p{n}' for n in range(len(REPRS)))}\n    return 'done'\n"
        "print(main())\n"
    )
    told = run(tmp_path, source, python=python, limits=UNFREE)
    trace = module_trace(told)
    assert told.finished.returncode == 0
    assert told.finished.output.splitlines()[-1] == "done"
    assert [shown(trace, f"p{n}")[0] for n in range(len(REPRS))] == list(REPRS.values())
    assert trace.ending is Ending.RETURNED
    assert max(step.depth for step in trace.steps) == 1


@every_interpreter
def test_trap_03_a_real_interrupt_inside_a_repr_stops_the_run(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        import os
        import signal

        class P:
            def __repr__(self):
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(100):
                    pass
                return "P"

        p = P()
        print("not stopped")
        print("not stopped")
        """,
        python=python,
    )
    assert "not stopped" not in told.finished.output
    assert "KeyboardInterrupt" in told.finished.stderr.decode()
    assert told.finished.returncode in (1, -signal.SIGINT)


ENDLESS = """
    class P:
        def __repr__(self):
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass

    p = P()
    print("went on")
    """


def test_trap_03_a_repr_that_catches_everything_is_ended_by_the_deadline_outside(tmp_path: Path) -> None:
    told = run(tmp_path, ENDLESS, deadline=0.7, tracer="reference")
    assert told.finished.timed_out
    assert (module_trace(told).ending, module_trace(told).detail) == (Ending.SECONDS, "killed at the deadline")


@pytest.mark.usefixtures("reference_cannot")
def test_trap_03_a_repr_that_catches_everything_is_ended_by_its_budget(tmp_path: Path) -> None:
    assert run(tmp_path, ENDLESS, deadline=3.0).finished.output == "went on\n"


@pytest.mark.parametrize("values", ["safe", "fields"])
def test_trap_03_a_policy_that_never_calls_foreign_reprs_exists(values: str, tmp_path: Path) -> None:
    told = run(tmp_path, ENDLESS, values=values)
    assert told.finished.output == "went on\n"
    assert last_locals(module_trace(told))["p"] == "<P object>"


DEEP = """
    import sys
    sys.setrecursionlimit(400)

    def down(n):
        try:
            return down(n + 1)
        except RecursionError:
            return n

    def main():
        print(down(0))
        print(sys.gettrace() is not None)

    main()
    """


@pytest.mark.usefixtures("reference_cannot")
@every_interpreter
def test_trap_04_a_program_fails_at_the_depth_at_which_it_fails_untraced(python: str, tmp_path: Path) -> None:
    told = run(tmp_path, DEEP, python=python, limits=UNFREE)
    plain = subprocess.run([python, "-c", dedent(DEEP)], capture_output=True, text=True, check=True)
    assert told.finished.output.splitlines()[0] == plain.stdout.splitlines()[0]


@every_interpreter
def test_trap_04_a_tracer_that_falls_off_near_the_recursion_limit_says_so(python: str, tmp_path: Path) -> None:
    told = run(tmp_path, DEEP, python=python, limits=UNFREE)
    trace = module_trace(told)
    depth, stands = told.finished.output.splitlines()
    assert int(depth) > 200
    assert trace.ending is (Ending.RETURNED if stands == "True" else Ending.UNTRACED)
    assert max(step.depth for step in trace.steps) > 200


@every_interpreter
def test_trap_05_state_belongs_to_the_activation(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        def f(n):
            x = n
            if n:
                f(n - 1)
            del x
            x = n
            return x

        f(1)
        """,
        python=python,
    )
    changes = [(step.depth, dict(step.locals)) for step in module_trace(told).steps if step.depth and step.locals]
    assert changes == [
        (1, {"n": "1"}),
        (1, {"x": "1"}),
        (2, {"n": "0"}),
        (2, {"x": "0"}),
        (2, {"x": None}),
        (2, {"x": "0"}),
        (1, {"x": None}),
        (1, {"x": "1"}),
    ]


@every_interpreter
def test_trap_06_a_return_of_none_is_told_from_an_unwinding(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        def plain():
            return None

        def raises():
            raise KeyError

        def gives():
            yield

        def catches():
            try:
                yield
            except KeyError:
                yield

        def call(function):
            try:
                function()
            except KeyError:
                pass

        call(plain)
        call(raises)
        one = gives()
        next(one)
        call(lambda: one.throw(KeyError()))
        two = catches()
        next(two)
        call(lambda: two.throw(KeyError()))
        """,
        python=python,
    )
    trace = module_trace(told)
    names = {2: "plain", 3: "plain", 6: "raises", 9: "gives", 13: "catches", 15: "catches"}
    returns = [
        (names[step.line], step.unwinding) for step in trace.steps if step.event is Event.RETURN and step.line in names
    ]
    assert returns == [
        ("plain", False),
        ("raises", True),
        ("gives", False),
        ("gives", True),
        ("catches", False),
        ("catches", False),
    ]


def test_trap_07_addresses_are_cut_and_label_nothing(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        def f():
            pass

        for _ in range(3):
            x = object()
            y = [f, iter([]), lambda: 1, print, f.__call__]
            z = "at 0x7f is text"
            del x
        """,
    )
    trace = module_trace(told)
    assert set(shown(trace, "x")) == {"<object object>"}
    assert {text.count("object") for text in shown(trace, "y")} == {2}
    assert "0x" not in trace.text().replace(trace.context.text, "").replace("at 0x7f is text", "")


def test_trap_08_a_repr_that_fails_once_is_compared_with_what_was_shown(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        class P:
            asked = 0

            def __repr__(self):
                P.asked += 1
                if P.asked == 2:
                    raise ValueError
                return "P"

        def main():
            p = P()
            one = 1
            two = 2
            three = 3
            return 4

        main()
        """,
    )
    changes = [dict(step.locals) for step in module_trace(told).steps if step.depth and step.event is Event.LINE]
    assert [change["p"] for change in changes if "p" in change] == ["P", "<P object (repr raised ValueError)>", "P"]
    assert "p" not in changes[-1]


@every_interpreter
def test_trap_09_deep_nesting_has_a_limit_and_cycles_show_as_repr_shows_them(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        deep = []
        for _ in range(150):
            deep = [deep]
        loop = [1]
        loop.append({"loop": loop})
        print(repr(loop))
        """,
        python=python,
    )
    trace = module_trace(told)
    assert told.finished.returncode == 0
    assert "[" * 100 + "[...]" + "]" * 100 in shown(trace, "deep")
    assert max(map(len, shown(trace, "deep"))) == 205
    assert shown(trace, "loop")[-1] + "\n" == told.finished.output


TAMPERING: list[tuple[str, Ending, str]] = [
    ("import sys\ndef f():\n    sys.settrace(None)\n    pass\nf()\n", Ending.UNTRACED, "was set or taken away"),
    ("import sys\nsys.settrace(lambda *a: None)\nx = 1\n", Ending.UNTRACED, "was set or taken away"),
    ("import sys\nsys.setprofile(lambda *a: None)\nx = 1\nsys.setprofile(None)\n", Ending.RETURNED, ""),
    ("import os\npid = os.fork()\nif not pid:\n    os._exit(0)\nos.waitpid(pid, 0)\n", Ending.RETURNED, "os.fork"),
    ("import os\nos._exit(7)\n", Ending.EXITED, ""),
    ("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', '1'])\n", Ending.EXITED, "os.exec"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", Ending.KILLED, ""),
]


@pytest.mark.parametrize(("source", "ending", "note"), TAMPERING, ids=[source[:40] for source, _, _ in TAMPERING])
def test_trap_10_what_takes_the_tracer_away_is_noticed(source: str, ending: Ending, note: str, tmp_path: Path) -> None:
    trace = module_trace(run(tmp_path, source))
    assert trace.ending is ending
    assert note in trace.provenance.notes
    assert (trace.provenance.notes == "") == (note == "")


def test_trap_10_threads_are_traced_and_threads_of_their_own_trace_function_are_not_lied_about(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        import threading

        def work(n):
            return n

        one = threading.Thread(target=work, args=(1,))
        one.start()
        one.join()
        threading.settrace(lambda *a: None)
        two = threading.Thread(target=work, args=(2,))
        two.start()
        two.join()
        """,
    )
    values = [trace.steps[0].locals for trace in told.traces() if trace.entry.name == "work"]
    assert values == [(("n", "1"),)]
    assert module_trace(told).ending is Ending.RETURNED


def test_trap_10_patched_builtins_do_not_reach_the_tracer(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        import builtins
        import json
        import json.encoder

        def lie(*args, **kwargs):
            raise SystemExit("the patch was called")

        class Truth:
            def __repr__(self):
                return "Truth"

        names = "repr len type isinstance open list dict any next max str getattr tuple BaseException".split()
        kept = {name: getattr(builtins, name) for name in names}
        vars(builtins).update(dict.fromkeys(names, lie))
        json.dumps = json.encoder.encode_basestring_ascii = lie
        x = [1, {"a": (2,)}]
        y = Truth()
        vars(builtins).update(kept)
        """,
    )
    trace = module_trace(told)
    assert (told.finished.returncode, trace.ending) == (0, Ending.RETURNED), told.finished.stderr
    assert last_locals(trace)["x"] == "[1, {'a': (2,)}]"
    assert last_locals(trace)["y"] == "Truth"


@every_interpreter
def test_trap_11_locals_stand_in_signature_free_and_first_shown_order(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        def make(z, a):
            def f(q, *args, b=1, **kw):
                y = z
                x = a
                del y
                y = (lambda: q)()
                return y
            return f

        make(1, 2)(3, 4, c=5)
        """,
        python=python,
    )
    trace = module_trace(told)
    frames = [frame.locals for frame in trace.frames() if frame.source.startswith("        ")]
    orders = [" ".join(name for name, _ in locals) for locals in frames if locals]
    assert orders == [
        "q args b kw a z",
        "q args b kw a z y",
        "q args b kw a z y x",
        "q args b kw a z x",
        "q",
        "q",
        "q args b kw a z x y",
    ]


@every_interpreter
def test_trap_12_comprehensions_are_what_the_interpreter_makes_of_them(python: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
        def main(n):
            seen = [n * x for x in n * (1,)]
            return seen

        print(main(2))
        """,
        python=python,
    )
    trace = module_trace(told)
    inner = [step for step in trace.steps if step.depth == 2]
    if minor(python) < (3, 12):
        assert inner[0].event is Event.CALL
        assert dict(inner[0].locals) == {".0": "<tuple_iterator object>", "n": "2"}
        assert inner[-1].value == "[2, 2]"
    else:
        assert inner == []
    last = next(frame for frame in trace.frames() if frame.source == "    return seen\n")
    assert dict(last.locals) == {"n": "2", "seen": "[2, 2]"}
    assert told.finished.output == "[2, 2]\n"


def test_trap_13_the_order_of_sets_is_fixed_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "x = {'alpha', 'beta', 'gamma', 'delta'}\nprint(list(x))\n"
    traces = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        traces.append(module_trace(run(tmp_path, source)))
    assert traces[0].text() == traces[1].text()
    assert traces[0].stdout == traces[1].stdout
    assert {trace.provenance.hash_seed for trace in traces} == {"0"}


def test_trap_14_the_targets_modules_path_and_folder_stay_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("values", "recorder", "wire", "cli", "evals", "tracegen", "child", "suite", "reference", "pyfacts"):
        (tmp_path / f"{name}.py").write_text(f"OWN = '{name}'\n")
    monkeypatch.chdir(tmp_path)
    told = run(
        tmp_path,
        """
        import os
        import sys
        ours = sorted(name for name in sys.modules if "foretrace" in name or "tracegen" in name)
        path = list(sys.path)
        import child, cli, evals, pyfacts, recorder, reference, suite, tracegen, values, wire
        print([m.OWN for m in (child, cli, evals, pyfacts, recorder, reference, suite, tracegen, values, wire)])
        print(os.getcwd() == os.path.dirname(os.path.abspath(__file__)) == path[0])
        print(all(name.split(".")[0] == "_foretrace_payload" for name in ours))
        print([entry for entry in path if "payload" in entry])
        """,
        python=INTERPRETERS[-1].path,
    )
    assert told.finished.output.splitlines() == [
        "['child', 'cli', 'evals', 'pyfacts', 'recorder', 'reference', 'suite', 'tracegen', 'values', 'wire']",
        "True",
        "True",
        "[]",
    ]


def test_trap_15_lone_surrogates_are_stored_and_come_back(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        r"""
        class P:
            def __repr__(self):
                return "\ud800\udfff\udc00"

        def f(x):
            return x

        x = "\ud800"
        f(P())
        raise_it = None
        """,
    )
    write(tmp_path / "set", [told.table])
    [trace] = read(tmp_path / "set")
    assert trace.steps[:] == module_trace(told).steps[:]
    assert last_locals(trace)["x"] == repr("\ud800")
    values = [step.value for step in trace.steps if step.depth and step.event is Event.RETURN]
    assert values[-1] == "\U000103ff\udc00"


def test_every_trap_has_a_test() -> None:
    named = {name[10:12] for name in globals() if name.startswith("test_trap_")}
    assert named == {f"{number:02}" for number in range(1, 16)}
