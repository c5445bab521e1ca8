"""Which calls become traces, and when a trace has had enough: the recorder's books, without a tracer.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import CodeType

import pytest

from tests.payload_run import FILE, OUTERMOST, Tape, compiled, run, told
from tracegen.columns import Wire
from tracegen.payload import recorder as recorder_module
from tracegen.payload import wire
from tracegen.payload.recorder import Interval, Limits, Recorder, Stream
from tracegen.payload.scope import Known, Selection

STEP = wire.STEP.size


def code_of(source: str, name: str, filename: str = FILE) -> CodeType:
    """The code of a function that a program defines."""
    code = compiled(source, filename)[name].__code__
    assert isinstance(code, CodeType)
    return code


def named(name: str = "f", filename: str = FILE) -> CodeType:
    return code_of(f"def {name}(): pass", name, filename)


class Books:
    """A recorder with one stream, and what it leaves on the wire."""

    def __init__(
        self, selection: Selection = OUTERMOST, limits: Limits | None = None, tape: Tape | None = None, node: str = ""
    ) -> None:
        self.tape = tape or Tape()
        self.recorder = Recorder(self.tape.writer, selection, limits or Limits(), node)
        self.stream = self.recorder.stream()

    def known(self, name: str = "f", filename: str = FILE) -> Known:
        known = self.recorder.scope.known(named(name, filename))
        assert known is not None
        return known

    def begin(self, known: Known, stream: Stream | None = None) -> Interval:
        interval = self.recorder.begin(stream or self.stream, known)
        assert interval is not None
        return interval

    def step(self, known: Known, text: str = "{}", depth: int = 1, stream: Stream | None = None) -> bool:
        """One line step, if it is admitted."""
        stream = stream or self.stream
        admitted = self.recorder.admits(stream, depth)
        if admitted:
            self.recorder.write(stream, known, wire.LINE, 0, 1, depth, text)
        return admitted

    def read(self) -> Wire:
        return self.tape.read()

    def endings(self) -> list[tuple[str | None, int]]:
        """(ending, number of steps) of each trace so far."""
        return [(trace.ending.value if trace.ending else None, len(trace.index)) for trace in self.read().traces]


# What is entered.


def entered(selection: Selection, *filenames: str) -> list[str]:
    """The paths that the wire names for those of these files that are entered."""
    tape = Tape()
    recorder = Recorder(tape.writer, selection, Limits())
    for filename in filenames:
        known = recorder.scope.known(named("f", filename))
        paths = tape.read().files
        assert known is None or known.file == paths.index(os.path.abspath(filename) if filename[0] != "<" else filename)
    return tape.read().files


def test_code_in_the_files_is_entered_and_other_code_is_not() -> None:
    assert entered(Selection("outermost", files=("<a>", "/x/b.py")), "<a>", "<b>", "/x/b.py", "/x/c.py") == [
        "<a>",
        "/x/b.py",
    ]


def test_code_below_a_root_is_entered_and_beside_it_is_not() -> None:
    chosen = Selection("outermost", roots=("/app/src", "/other"))
    files = ("/app/src/a.py", "/app/src/b/c.py", "/app/srcs/d.py", "/app/e.py", "/other/f.py", "/app/src")
    assert entered(chosen, *files) == ["/app/src/a.py", "/app/src/b/c.py", "/other/f.py", "/app/src"]


def test_the_root_folder_and_a_trailing_slash_are_roots_too() -> None:
    assert entered(Selection("outermost", roots=("/",)), "/a.py", "/b/c.py", "<string>") == ["/a.py", "/b/c.py"]
    assert entered(Selection("outermost", roots=("/b/",)), "/b/c.py", "/bc.py") == ["/b/c.py"]


def test_the_empty_root_is_every_file_and_no_pseudo_file() -> None:
    assert entered(Selection("outermost", roots=("",)), "/a.py", "<string>", "<frozen os>") == ["/a.py"]


def test_installed_packages_are_not_entered() -> None:
    files = ["/p/site-packages/a.py", "/p/lib/dist-packages/b/c.py", "/p/site-packages.py", "/p/my-site-packages/d.py"]
    assert entered(Selection("outermost", roots=("/p",)), *files) == files[2:]


def test_the_standard_library_is_not_entered() -> None:
    library = os.path.dirname(os.path.abspath(os.__file__))
    chosen = Selection("outermost", roots=(sys.base_prefix, library, "/p"))
    files = [os.path.join(library, "json", "x.py"), os.path.join(sys.base_prefix, "lib", "y.py")]
    assert entered(chosen, *files, os.path.join(sys.base_prefix, "z.py"), "/p/a.py") == [
        os.path.join(sys.base_prefix, "z.py"),
        "/p/a.py",
    ]


def test_the_standard_library_is_known_by_each_of_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment may reach it through a link, and borrows another's."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setattr(os, "__file__", str(tmp_path / "link" / "os.py"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "base"))
    names = ["link/json.py", "real/json.py", "base/lib/json.py", "base/json.py", "program.py"]
    chosen = Selection("outermost", roots=(str(tmp_path),))
    assert entered(chosen, *(str(tmp_path / name) for name in names)) == [
        str(tmp_path / "base/json.py"),
        str(tmp_path / "program.py"),
    ]


def test_what_is_included_is_entered_wherever_it_lies() -> None:
    library = os.path.dirname(os.path.abspath(os.__file__))
    included = (os.path.join(library, "json"), "/p/site-packages/a", "/elsewhere/b.py")
    files = [os.path.join(library, "json", "x.py"), "/p/site-packages/a/c.py", "/elsewhere/b.py"]
    others = [os.path.join(library, "csv.py"), "/p/site-packages/d.py", "/elsewhere/e.py"]
    assert entered(Selection("outermost", roots=("/p",), include=included), *files, *others) == files


def test_files_are_entered_wherever_they_lie() -> None:
    assert entered(Selection("outermost", files=("/p/site-packages/a.py",)), "/p/site-packages/a.py") == [
        "/p/site-packages/a.py"
    ]


def test_what_is_never_entered_beats_everything() -> None:
    chosen = Selection("outermost", files=("/p/a.py", "<x>"), roots=("/p",), include=("/p",), never=("/p/a.py", "/p/b"))
    assert entered(chosen, "/p/a.py", "/p/b/c.py", "/p/d.py", "<x>") == ["/p/d.py", "<x>"]


def test_pseudo_files_are_entered_only_by_name() -> None:
    chosen = Selection("outermost", files=("<a>",), roots=("", os.getcwd()))
    assert entered(chosen, "<a>", "<b>", "<stdin>") == ["<a>"]


def test_a_relative_file_name_is_one_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert entered(Selection("outermost", roots=(str(tmp_path),)), "a.py") == [str(tmp_path / "a.py")]
    assert entered(Selection("outermost", files=(str(tmp_path / "a.py"),)), "a.py") == [str(tmp_path / "a.py")]


def test_a_relative_file_name_that_is_chosen_stays_relative() -> None:
    tape = Tape()
    known = Recorder(tape.writer, Selection("outermost", files=("a.py",)), Limits()).scope.known(named("f", "a.py"))
    assert known is not None
    assert tape.read().files == ["a.py"]


def test_a_file_name_that_is_a_str_subclass_is_not_entered() -> None:
    class Name(str):
        def startswith(self, *args: object) -> bool:
            raise AssertionError("foreign code was run")

    code = compile("def f(): pass", Name("<a>"), "exec")
    assert type(code.co_filename) is Name
    assert Recorder(Tape().writer, Selection("outermost", files=("<a>",)), Limits()).scope.known(code) is None


def test_a_file_is_named_once_and_numbered_from_zero() -> None:
    books = Books(Selection("outermost", files=("<a>", "<b>")))
    known = [books.known("f", "<a>"), books.known("g", "<a>"), books.known("f", "<b>"), books.known("h", "<a>")]
    assert [each.file for each in known] == [0, 0, 1, 0]
    assert books.read().files == ["<a>", "<b>"]


def test_a_file_that_is_not_entered_has_no_number() -> None:
    books = Books(Selection("outermost", files=("<a>", "<b>")))
    assert books.recorder.scope.known(named("f", "<no>")) is None
    assert books.recorder.scope.known(named("f", "<no>")) is None
    assert [books.known("f", "<a>").file, books.known("f", "<b>").file] == [0, 1]


def test_a_file_that_the_wire_has_no_room_for_is_not_entered() -> None:
    tape = Tape(notes=64)
    recorder = Recorder(tape.writer, Selection("outermost", files=("<" + "x" * 64 + ">", "<a>")), Limits())
    assert recorder.scope.known(named("f", "<" + "x" * 64 + ">")) is None
    known = recorder.scope.known(named("f", "<a>"))
    assert known is not None and known.file == 0
    assert tape.read().files == ["<a>"]


def test_the_same_code_is_known_by_its_identity() -> None:
    books = Books(Selection("outermost", files=("<a>", "<b>")))
    first, second = named("f", "<a>"), named("f", "<a>")
    assert first == second
    known = books.recorder.scope.known(first)
    assert books.recorder.scope.known(first) is known
    assert books.recorder.scope.known(second) is not known


def test_equal_code_from_different_files_is_different_code() -> None:
    books = Books(Selection("outermost", files=("<a>", "<b>")))
    first, second = named("f", "<a>"), named("f", "<b>")
    assert first.replace(co_filename="<b>") == second
    known = [books.recorder.scope.known(first), books.recorder.scope.known(second)]
    assert [each.file for each in known if each is not None] == [0, 1]


# What is known of code.


def known_of(source: str, name: str) -> Known:
    known = Books().recorder.scope.known(code_of(source, name))
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): pass", ()),
        ("def f(a, b=1): pass", ("a", "b")),
        ("def f(a, /, b, *, c): pass", ("a", "b", "c")),
        ("def f(a, *args, b, **kw): x = y = 1", ("a", "args", "b", "kw", "x", "y")),
        ("def f(a, *args): x = 1", ("a", "args", "x")),
        ("def f(a, *, b, **kw): x = 1", ("a", "b", "kw", "x")),
        ("def f(*, b, c): x = 1", ("b", "c", "x")),
        ("def f(**kw): x = 1", ("kw", "x")),
        ("def f(a, b):\n  c = 1\n  d = 2\n  return lambda: (b, d)", ("a", "b", "c", "d")),
    ],
)
def test_names_stand_in_signature_order_then_the_codes(source: str, names: tuple[str, ...]) -> None:
    assert known_of(source, "f").names == names


def test_free_variables_stand_between_the_signature_and_the_rest() -> None:
    inner = "  def f(a, *args):\n    x = u\n    y = v\n    return lambda: (a, y)\n"
    source = f"def make(u, v):\n{inner}  return f\nf = make(1, 2)"
    assert known_of(source, "f").names == ("a", "args", "u", "v", "x", "y")


def test_a_captured_local_stands_after_those_that_are_not() -> None:
    """Up to 3.10 captured names are no varnames; from 3.11 they are among them, in the order of the code."""
    names = known_of("def f(a):\n  x = 1\n  y = 2\n  return lambda: x", "f").names
    assert names is not None
    assert names[0] == "a" and set(names[1:]) == {"x", "y"} and len(names) == 3


def test_modules_and_class_bodies_have_no_fixed_names() -> None:
    module = compile("class C:\n  x = 1", FILE, "exec")
    body = next(const for const in module.co_consts if isinstance(const, CodeType))
    recorder = Books().recorder
    assert [known.names for code in (module, body) if (known := recorder.scope.known(code))] == [None, None]


def test_the_place_and_the_name_of_code_are_known() -> None:
    known = known_of("\n\ndef f(): pass", "f")
    assert (known.line, known.name, known.generator) == (3, "f", False)
    assert (known.calls, known.traces, known.spent) == (0, 0, False)
    source = "class C:\n  def method(self): pass\nmethod = C.method"
    assert known_of(source, "method").name == ("C.method" if sys.version_info >= (3, 11) else "method")


def test_code_without_a_line_is_at_line_one() -> None:
    known = Books().recorder.scope.known(named("f").replace(co_firstlineno=0))
    assert known is not None and known.line == 1


@pytest.mark.parametrize(
    ("source", "generator"),
    [
        ("def f(): yield", True),
        ("async def f(): pass", True),
        ("async def f(): yield", True),
        ("def f(): pass", False),
        ("def f(): return (x for x in [])", False),
        ("def f(*args, **kw): pass", False),
    ],
)
def test_generators_and_coroutines_are_told_from_functions(source: str, generator: bool) -> None:
    assert known_of(source, "f").generator is generator


# What begins a trace.


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert Limits() == (10_000, 10.0, 1_000_000, 65_536, 1_000)
    assert Limits._fields == ("events", "seconds", "bytes", "characters", "depth")
    assert Selection("code") == ("code", "", "", (), (), (), (), (), 1)


def test_outermost_begins_at_any_call_while_nothing_is_recorded() -> None:
    books = Books()
    known = books.known()
    interval = books.begin(known)
    assert books.recorder.begin(books.stream, books.known("g")) is None
    books.recorder.end(books.stream, interval, "returned")
    books.begin(books.known("g"))
    assert [(trace.name, trace.call) for trace in books.read().traces] == [("f", 1), ("g", 1)]


def test_each_thread_has_its_own_outermost_call() -> None:
    books = Books()
    known = books.known()
    books.begin(known)
    other = books.recorder.stream()
    assert (books.stream.number, other.number, other.depth) == (0, 1, 0)
    books.begin(known, other)
    assert books.recorder.begin(other, known) is None
    assert [trace.call for trace in books.read().traces] == [1, 2]


def test_code_begins_at_the_first_call_of_the_named_code_only() -> None:
    books = Books(Selection("code", file=FILE, name="f", files=(FILE, "<b>")))
    for name in ("g", "e", "ff", "F"):
        assert books.recorder.begin(books.stream, books.known(name)) is None
    assert books.recorder.begin(books.stream, books.known("f", "<b>")) is None
    interval = books.begin(books.known("f"))
    assert books.recorder.begin(books.stream, books.known("f")) is None
    books.recorder.end(books.stream, interval, "returned")
    assert books.recorder.begin(books.stream, books.known("f")) is None
    assert [trace.name for trace in books.read().traces] == ["f"]


def test_under_code_other_threads_begin_at_their_outermost_call() -> None:
    books = Books(Selection("code", file=FILE, name="f", files=(FILE,)))
    other = books.recorder.stream()
    interval = books.begin(books.known("g"), other)
    assert books.recorder.begin(other, books.known("f")) is None
    books.recorder.end(other, interval, "returned")
    books.begin(books.known("h"), other)
    assert [trace.name for trace in books.read().traces] == ["g", "h"]


def test_a_thread_that_began_first_takes_the_one_trace_of_code() -> None:
    books = Books(Selection("code", file=FILE, name="f", files=(FILE,)))
    books.begin(books.known("g"), books.recorder.stream())
    assert books.recorder.begin(books.stream, books.known("f")) is None


@pytest.mark.parametrize("each", [1, 2, 3])
def test_functions_begin_as_often_as_each_allows(each: int) -> None:
    books = Books(Selection("functions", files=(FILE,), each=each))
    known, other = books.known("f"), books.known("g")
    for number in range(1, 6):
        assert known.spent == (number > each)
        interval = books.recorder.begin(books.stream, known)
        assert (interval is not None) == (number <= each)
    assert (known.calls, known.traces) == (5, each)
    assert not other.spent
    books.begin(other)
    assert [trace.call for trace in books.read().traces] == [*range(1, each + 1), 1]


def test_functions_nest() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    outer = books.begin(books.known("f"))
    books.stream.depth = 1
    inner = books.begin(books.known("g"))
    assert (outer.base, inner.base) == (1, 2)
    assert books.stream.open == [outer, inner]


def test_functions_are_no_lambdas_modules_or_class_bodies() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    source = "class C:\n  def m(self): pass\nf = lambda: 1\ng = (x for x in [])\ndef h(): pass"
    module = compile(source, FILE, "exec")
    found = {}
    queue = [module]
    for code in queue:
        queue += [const for const in code.co_consts if isinstance(const, CodeType)]
        known = books.recorder.scope.known(code)
        assert known is not None
        found[code.co_name] = known.begins
        assert known.spent is not known.begins
    assert found == {"<module>": False, "C": False, "m": True, "<lambda>": False, "<genexpr>": False, "h": True}


def test_functions_below_omit_are_entered_and_begin_nothing() -> None:
    books = Books(Selection("functions", roots=("/p",), omit=("/p/tests", "/p/x.py")))
    known = [books.known("f", name) for name in ("/p/a.py", "/p/tests/b.py", "/p/x.py", "/p/testsuite/c.py")]
    assert [each.begins for each in known] == [True, False, False, True]
    assert [books.recorder.begin(books.stream, each) is not None for each in known] == [True, False, False, True]


def test_only_functions_are_ever_spent() -> None:
    for selection in (OUTERMOST, Selection("code", file=FILE, name="f", files=(FILE,))):
        books = Books(selection)
        known = books.known("f")
        assert not known.spent
        books.begin(known)
        assert not known.spent
        assert not books.known("g").spent


def test_a_trace_says_where_it_begins() -> None:
    books = Books(Selection("outermost", files=("<a>", "<b>")), node="test_x.py::test_y")
    books.known("f", "<a>")
    known = books.recorder.scope.known(code_of("\n\ndef g(): pass", "g", "<b>"))
    assert known is not None
    known.calls = 6
    books.begin(known, books.recorder.stream())
    [trace] = books.read().traces
    assert (trace.name, trace.file, trace.line, trace.node, trace.call) == ("g", 1, 3, "test_x.py::test_y", 7)
    [begun] = books.read().begun
    assert (begun.thread, begun.start) == (1, 0)


def test_a_trace_begins_at_the_next_step() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    f, g = books.known("f"), books.known("g")
    books.begin(f)
    books.step(f)
    books.step(f)
    books.begin(g)
    books.step(g)
    assert [begun.start for begun in books.read().begun] == [0, 2]
    assert [len(trace.index) for trace in books.read().traces] == [3, 1]


def test_nothing_begins_once_the_wire_is_let_go() -> None:
    books = Books()
    known = books.known()
    books.recorder.let_go()
    assert books.recorder.begin(books.stream, known) is None
    assert known.calls == 1
    assert books.stream.open == []


def test_nothing_begins_without_room_for_its_note() -> None:
    books = Books(tape=Tape(notes=96))
    known = books.known()
    assert books.recorder.begin(books.stream, known) is None
    assert (known.traces, books.stream.open, books.read().traces) == (0, [], [])


# Limits.


@pytest.mark.parametrize("events", [1, 2, 5])
def test_the_limit_on_events_is_exact(events: int) -> None:
    books = Books(limits=Limits(events=events))
    known = books.known()
    books.begin(known)
    assert [books.step(known) for _ in range(events + 2)] == [True] * events + [False] * 2
    assert books.endings() == [("events", events)]


def test_a_trace_that_takes_its_last_event_goes_on_until_the_next() -> None:
    books = Books(limits=Limits(events=2))
    known = books.known()
    interval = books.begin(known)
    books.step(known)
    books.step(known)
    assert not interval.ended
    books.recorder.end(books.stream, interval, "returned")
    assert books.endings() == [("returned", 2)]


@pytest.mark.parametrize("texts", [[""], ["", "xx"], ["x" * 10, "y", ""], ["é" * 3]])
def test_the_limit_on_bytes_is_exact(texts: list[str]) -> None:
    size = sum(STEP + len(text.encode()) for text in texts)
    for spare, ending in [(0, None), (-1, "bytes")]:
        books = Books(limits=Limits(bytes=size + spare))
        known = books.known()
        books.begin(known)
        for text in texts:
            assert books.recorder.admits(books.stream, 1)
            books.recorder.write(books.stream, known, wire.EXCEPTION, 0, 1, 1, text)
        assert books.endings() == [(ending, len(texts) if ending is None else len(texts) - 1)]


def test_a_step_that_is_too_large_ends_the_trace_and_a_smaller_one_does_not_revive_it() -> None:
    books = Books(limits=Limits(bytes=100))
    known = books.known()
    books.begin(known)
    books.recorder.write(books.stream, known, wire.EXCEPTION, 0, 1, 1, "x" * 100)
    assert not books.step(known)
    assert books.endings() == [("bytes", 0)]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("base", [1, 4])
def test_the_limit_on_depth_is_exact_and_counts_from_the_entry(depth: int, base: int) -> None:
    books = Books(limits=Limits(depth=depth))
    known = books.known()
    books.stream.depth = base - 1
    books.begin(known)
    assert books.step(known, depth=base)
    assert books.recorder.admits(books.stream, base + depth - 1)
    assert not books.recorder.admits(books.stream, base + depth)
    assert books.endings() == [("depth", 1)]


def test_the_limit_on_seconds_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(recorder_module, "monotonic", lambda: now)
    books = Books(limits=Limits(seconds=2.5))
    known = books.known()
    interval = books.begin(known)
    assert interval.deadline == 102.5
    now = 102.5
    assert books.step(known)
    now = 102.51
    assert not books.step(known)
    assert books.endings() == [("seconds", 1)]


def test_of_several_limits_events_are_named_before_depth_and_depth_before_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endings = []
    for events, depth in [(1, 1), (2, 1), (2, 2)]:
        now = 0.0
        monkeypatch.setattr(recorder_module, "monotonic", lambda: now)  # noqa: B023
        books = Books(limits=Limits(events=events, depth=depth, seconds=1.0))
        known = books.known()
        books.begin(known)
        books.step(known)
        now = 5.0
        books.recorder.admits(books.stream, 2)
        endings.append(books.endings()[0][0])
    assert endings == ["events", "depth", "seconds"]


def test_each_of_nested_traces_has_its_own_limits() -> None:
    books = Books(Selection("functions", files=(FILE,)), limits=Limits(events=3))
    f, g = books.known("f"), books.known("g")
    books.begin(f)
    books.step(f)
    inner = books.begin(g)
    assert [books.step(g) for _ in range(4)] == [True, True, True, False]
    assert inner.ended
    assert books.endings() == [("events", 3), ("events", 3)]
    assert books.stream.open == []


def test_nested_traces_share_bytes_that_are_written_once() -> None:
    books = Books(Selection("functions", files=(FILE,)), limits=Limits(bytes=2 * STEP + 4))
    f, g = books.known("f"), books.known("g")
    outer, inner = books.begin(f), None
    books.step(f)
    inner = books.begin(g)
    books.step(g)
    assert (outer.bytes, inner.bytes) == (2 * STEP + 4, STEP + 2)
    books.step(g)
    assert (outer.ended, inner.ended) == (True, False)
    assert (outer.steps, inner.steps) == (2, 2)
    assert books.endings() == [("bytes", 2), (None, 2)]
    assert len(books.read().records) == 3


def test_nothing_is_admitted_where_nothing_is_recorded() -> None:
    books = Books()
    assert not books.recorder.admits(books.stream, 1)


def test_nothing_is_admitted_once_the_wire_is_let_go() -> None:
    books = Books()
    books.begin(books.known())
    books.recorder.let_go()
    assert not books.recorder.admits(books.stream, 1)


def test_a_trace_that_another_thread_ended_admits_nothing() -> None:
    books = Books()
    known = books.known()
    books.begin(known)
    assert books.step(known)
    books.recorder.end_all("killed", "why")
    assert not books.step(known)
    assert books.stream.open == []
    [trace] = books.read().traces
    assert (trace.ending.value if trace.ending else None, trace.detail, len(trace.index)) == ("killed", "why", 1)


# The wire is full.


def test_a_full_step_lane_ends_every_open_trace_and_raises_nothing() -> None:
    books = Books(Selection("functions", files=(FILE,)), tape=Tape(steps=2 * STEP))
    f, g = books.known("f"), books.known("g")
    outer = books.begin(f)
    inner = books.begin(g)
    assert [books.step(g) for _ in range(4)] == [True, True, True, False]
    assert outer.ended and inner.ended
    assert (outer.steps, outer.bytes) == (2, 2 * (STEP + 2))
    assert books.endings() == [("memory", 2), ("memory", 2)]


def test_a_full_text_lane_ends_every_open_trace() -> None:
    books = Books(tape=Tape(text=5))
    known = books.known()
    books.begin(known)
    assert [books.step(known) for _ in range(3)] == [True, True, True]
    assert books.endings() == [("memory", 2)]


def test_an_end_without_room_leaves_a_trace_without_ending() -> None:
    tape = Tape(notes=192)
    books = Books(tape=tape)
    interval = books.begin(books.known())
    for number in range(3):
        books.recorder.odd(f"{number} fills the rest")
    books.recorder.end(books.stream, interval, "returned")
    assert interval.ended
    assert books.endings() == [(None, 0)]
    assert books.stream.open == []


def test_ends_may_use_what_is_kept_back() -> None:
    books = Books(tape=Tape(notes=1024))
    known = books.known()
    traces = 0
    while (interval := books.recorder.begin(books.stream, known)) is not None:
        books.recorder.end(books.stream, interval, "returned")
        traces += 1
    assert traces > 2
    assert [ending for ending, _ in books.endings()] == ["returned"] * traces


def test_a_program_runs_on_when_the_wire_is_full() -> None:
    source = """
        def main():
            total = 0
            for i in range(50):
                total += i
            return total
        """
    for tape in (Tape(steps=10 * STEP), Tape(text=60), Tape(notes=8)):
        found = run(source, tape=tape)
        assert found.value == 1225
        assert found.error is None
        assert found.endings in (["memory"], [])


# Pauses.


def test_a_paused_trace_takes_no_steps_until_it_goes_on() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    f, g = books.known("f"), books.known("g")
    outer = books.begin(f)
    inner = books.begin(g)
    books.step(g)
    books.recorder.pause(books.stream, inner)
    assert books.stream.open == [outer]
    books.step(f)
    books.recorder.resume(books.stream, inner, 5)
    assert inner.base == 5
    assert books.stream.open == [outer, inner]
    books.step(g)
    books.recorder.end(books.stream, inner, "returned")
    found = books.read()
    assert [trace.index.tolist() for trace in found.traces] == [[0, 2, 4], [0, 4]]
    assert found.records["event"].tolist() == [wire.LINE, wire.PAUSE, wire.LINE, wire.RESUME, wire.LINE]
    assert found.records["line"].tolist() == [1, 1, 1, 1, 1]


def test_a_trace_goes_on_in_another_thread() -> None:
    books = Books()
    known = books.known()
    interval = books.begin(known)
    books.step(known)
    books.recorder.pause(books.stream, interval)
    other = books.recorder.stream()
    books.recorder.resume(other, interval, 1)
    assert books.stream.open == [] and other.open == [interval]
    books.step(known, stream=other)
    found = books.read()
    assert found.records["thread"].tolist() == [0, 0, 1, 1]
    assert found.traces[0].index.tolist() == [0, 3]


def test_what_is_not_running_is_not_paused() -> None:
    books = Books()
    interval = books.begin(books.known())
    books.recorder.pause(books.stream, interval)
    books.recorder.pause(books.stream, interval)
    assert books.read().records["event"].tolist() == [wire.PAUSE]


def test_what_runs_or_has_ended_is_not_resumed() -> None:
    books = Books()
    interval = books.begin(books.known())
    books.recorder.resume(books.stream, interval, 9)
    assert interval.base == 1
    assert books.stream.open == [interval]
    books.recorder.pause(books.stream, interval)
    books.recorder.end_all("killed")
    books.recorder.resume(books.stream, interval, 9)
    assert (books.stream.open, interval.base) == ([], 1)
    assert books.read().records["event"].tolist() == [wire.PAUSE]


def test_a_mark_without_room_ends_the_trace() -> None:
    for resumed in (False, True):
        books = Books(tape=Tape(steps=STEP * (2 if resumed else 1)))
        known = books.known()
        interval = books.begin(known)
        books.step(known)
        books.recorder.pause(books.stream, interval)
        if resumed:
            assert not interval.ended
            books.recorder.resume(books.stream, interval, 1)
        assert interval.ended
        assert books.stream.open == []
        assert books.endings() == [("memory", 1)]


# Ends.


def test_a_trace_ends_once() -> None:
    books = Books()
    interval = books.begin(books.known())
    books.recorder.end(books.stream, interval, "raised", "first")
    books.recorder.end(books.stream, interval, "returned", "second")
    [trace] = books.read().traces
    assert (trace.ending.value if trace.ending else None, trace.detail) == ("raised", "first")


def test_an_end_that_could_not_be_said_is_said_at_the_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close to the program's recursion limit the note fails; the trace has ended all the same."""
    books = Books()
    known = books.known()
    interval = books.begin(known)
    books.step(known)
    with monkeypatch.context() as patched:

        def deep(*args: object, **kwargs: object) -> None:
            raise RecursionError

        patched.setattr(wire.Writer, "note", deep)
        books.recorder.end(books.stream, interval, "untraced", "why")
        books.recorder.odd("lost")
    assert interval.ended
    assert not books.step(known)
    assert books.endings() == [(None, 1)]
    books.step(known, stream=books.recorder.stream())
    books.recorder.finish()
    [trace] = books.read().traces
    assert (trace.ending.value if trace.ending else None, trace.detail, len(trace.index)) == ("untraced", "why", 1)
    assert books.read().oddities == []


def test_the_end_of_one_trace_leaves_the_others_open() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    outer, inner = books.begin(books.known("f")), books.begin(books.known("g"))
    books.recorder.end(books.stream, outer, "returned")
    assert books.stream.open == [inner]
    books.step(books.known("g"))
    assert books.endings() == [("returned", 0), (None, 1)]


def test_all_traces_can_be_cut_off_paused_ones_and_other_threads_too() -> None:
    books = Books(Selection("functions", files=(FILE,)))
    paused = books.begin(books.known("f"))
    books.recorder.pause(books.stream, paused)
    books.begin(books.known("g"), books.recorder.stream())
    done = books.begin(books.known("h"))
    books.recorder.end(books.stream, done, "returned")
    books.recorder.end_all("exited", "os.exec")
    assert [(t.ending.value if t.ending else None, t.detail) for t in books.read().traces] == [
        ("exited", "os.exec"),
        ("exited", "os.exec"),
        ("returned", ""),
    ]


def test_finish_ends_what_is_open_as_unfinished_and_says_so() -> None:
    books = Books()
    books.begin(books.known())
    assert not books.read().finished
    books.recorder.finish()
    assert books.read().finished
    assert books.endings() == [("unfinished", 0)]
    assert books.read().calls == []


def test_finish_writes_the_calls_of_the_functions_that_may_begin_traces() -> None:
    books = Books(Selection("functions", roots=("/p",), omit=("/p/omit",), each=2))
    known = [books.known("f", "/p/a.py"), books.known("g", "/p/omit/b.py"), books.known("h", "/p/c.py")]
    for each, calls in zip(known, (5, 3, 1), strict=True):
        for _ in range(calls):
            books.recorder.begin(books.stream, each)
    books.recorder.finish()
    assert [(c.file, c.line, c.name, c.calls, c.traces) for c in books.read().calls] == [
        (0, 1, "f", 5, 2),
        (2, 1, "h", 1, 1),
    ]


@pytest.mark.parametrize("begin", ["outermost", "code"])
def test_calls_are_counted_for_functions_only(begin: str) -> None:
    books = Books(Selection(begin, file=FILE, name="f", files=(FILE,)))
    books.begin(books.known())
    books.recorder.finish()
    assert books.read().calls == []


def test_finish_says_if_there_is_no_room_for_the_calls() -> None:
    books = Books(Selection("functions", files=(FILE,)), tape=Tape(notes=2048))
    for number in range(60):
        books.known(f"f{number}")
    books.recorder.finish()
    found = books.read()
    assert found.oddities == ["no room for the calls of every function"]
    assert 0 < len(found.calls) < 60
    assert found.finished


def test_nothing_is_written_after_the_finish() -> None:
    books = Books()
    known = books.known()
    interval = books.begin(known)
    books.recorder.finish()
    before = bytes(books.tape.buffer)
    books.recorder.odd("too late")
    books.recorder.finish()
    books.recorder.end(books.stream, interval, "returned")
    books.recorder.write(books.stream, known, wire.LINE, 0, 1, 1, "{}")
    assert books.recorder.begin(books.stream, known) is None
    assert bytes(books.tape.buffer) == before


def test_a_forked_child_lets_go_and_its_parent_goes_on() -> None:
    books = Books()
    known = books.known()
    books.begin(known)
    before = bytes(books.tape.buffer)
    books.recorder.let_go()
    assert not books.tape.writer.open
    assert not books.step(known)
    assert bytes(books.tape.buffer) == before


def test_an_oddity_is_noted() -> None:
    books = Books()
    books.recorder.odd("os.fork")
    books.recorder.odd("os.exec")
    assert books.read().oddities == ["os.fork", "os.exec"]


# With a tracer: what the books say of real calls.

NESTED = """
    def outer(n):
        return inner(n) + 1

    def inner(n):
        return n * 2

    def main():
        outer(1)
        outer(2)
    """


def test_wanted_functions_that_call_each_other_give_nested_traces_recorded_once() -> None:
    found = run(NESTED, selection=Selection("functions", files=(FILE,))).found
    assert [(trace.name, trace.call) for trace in found.traces] == [("main", 1), ("outer", 1), ("inner", 1)]
    inner = told(found, 2)
    assert inner == ['    5 call {"n": "1"}', "    6 line {}", "    6 return 2"]
    outer = told(found, 1)
    assert outer == ['  2 call {"n": "1"}', "  3 line {}", *inner, "  3 return 3"]
    assert told(found, 0)[2:8] == outer
    assert len(found.records) == len(told(found, 0)) == 16


def test_the_calls_of_spent_functions_are_counted() -> None:
    found = run(NESTED, selection=Selection("functions", files=(FILE,), each=1)).found
    assert [(c.name, c.calls, c.traces) for c in found.calls] == [("main", 1, 1), ("outer", 2, 1), ("inner", 2, 1)]
    generator = """
        def count():
            yield 1
            yield 2

        def main():
            for _ in range(3):
                list(count())
        """
    for each in (1, 2):
        found = run(generator, selection=Selection("functions", files=(FILE,), each=each)).found
        assert [(c.name, c.calls, c.traces) for c in found.calls] == [("main", 1, 1), ("count", 3, each)]


def test_calls_of_spent_functions_are_counted_where_nothing_is_recorded() -> None:
    source = """
        def count():
            yield 1
            yield 2

        def one():
            pass
        """

    def call(namespace: dict[str, object]) -> None:
        for _ in range(3):
            list(namespace["count"]())  # type: ignore[operator]
            namespace["one"]()  # type: ignore[operator]

    found = run(source, call, selection=Selection("functions", files=(FILE,))).found
    assert [(c.name, c.calls, c.traces) for c in found.calls] == [("count", 3, 1), ("one", 3, 1)]
    assert [len(trace.index) for trace in found.traces] == [8, 3]


def test_a_recursive_function_is_one_trace_each() -> None:
    source = """
        def main(n=2):
            return n and main(n - 1)
        """
    for each, names in [(1, ["main"]), (2, ["main", "main"])]:
        found = run(source, selection=Selection("functions", files=(FILE,), each=each)).found
        assert [trace.name for trace in found.traces] == names
        assert [trace.call for trace in found.traces] == list(range(1, each + 1))
