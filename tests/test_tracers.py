"""The steps of small programs under both tracers: what an event shows, what a value may do, what stands afterwards.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from tests.payload_run import FILE, OUTERMOST, Chosen, Run, Tape, both_tracers, compiled, run, told
from tracegen.payload import pyfacts, wire
from tracegen.payload.recorder import Limits
from tracegen.payload.reference import REPR_LINES, owner
from tracegen.payload.scope import Selection

pytestmark = pytest.mark.usefixtures(both_tracers.__name__)


def new_tracer(tape: Tape | None = None) -> Any:
    return Chosen.parts.Tracer(Chosen.parts.Recorder((tape or Tape()).writer, OUTERMOST, Limits()), "repr")


# Locals.


def test_a_call_lists_all_and_a_line_what_changed() -> None:
    found = run(
        """
        def main(a=1, b="x"):
            c = [a]
            a = 2
            c.append(a)
            return c
        """
    )
    assert found.steps == [
        '2 call {"a": "1", "b": "\'x\'"}',
        "3 line {}",
        '4 line {"c": "[1]"}',
        '5 line {"a": "2"}',
        '6 line {"c": "[1, 2]"}',
        "6 return [1, 2]",
    ]
    assert found.endings == ["returned"]
    assert found.value == [1, 2]


def test_a_change_through_another_name_shows_on_both() -> None:
    found = run(
        """
        def main():
            a = b = []
            b.append(1)
            return
        """
    )
    assert found.steps == [
        "2 call {}",
        "3 line {}",
        '4 line {"a": "[]", "b": "[]"}',
        '5 line {"a": "[1]", "b": "[1]"}',
        "5 return None",
    ]


def test_a_deleted_local_is_null_and_a_name_bound_again_goes_last() -> None:
    found = run(
        """
        def main(a=1, b=2):
            del a
            c = 3
            a = 4
            yield a

        def call():
            for _ in main():
                pass
        """,
        "call",
    )
    assert [step.strip() for step in found.steps[3:9]] == [
        "3 line {}",
        '4 line {"a": null}',
        '5 line {"c": "3"}',
        '6 line {"a": "4"}',
        "6 return 4",
        '10 line {"_": "4"}',
    ]
    assert [step.strip() for step in found.steps if " call " in step] == [
        "8 call {}",
        '2 call {"a": "1", "b": "2"}',
        '6 call {"b": "2", "c": "3", "a": "4"}',
    ]


def test_a_name_that_goes_while_its_generator_sleeps_is_not_listed_as_null() -> None:
    """A resumption lists what is there; only a later line could say that something is gone."""
    found = run(
        """
        def main():
            def generate():
                yield
                yield
            x = 1
            def inner():
                nonlocal x
                yield x
                yield
            one = inner()
            next(one)
            del x
            next(one)
        """
    )
    calls = [step.strip() for step in found.steps if " call " in step]
    assert calls[1].endswith('{"x": "1"}')
    assert calls[2].endswith("call {}")


def test_locals_stand_in_the_order_of_the_signature_and_then_of_their_binding() -> None:
    found = run(
        """
        def work(a, *args, b, **kw):
            if a:
                later = 1
            first = 2
            later = 3
            return free

        def main():
            work(0, 5, b=6, z=7)

        free = None
        """
    )
    steps = [step.strip() for step in found.steps]
    assert steps[2] == '2 call {"a": "0", "args": "(5,)", "b": "6", "kw": "{\'z\': 7}"}'
    assert steps[5:8] == ['6 line {"first": "2"}', '7 line {"later": "3"}', "7 return None"]


def test_several_new_names_in_one_frame_stand_in_the_codes_order() -> None:
    found = run(
        """
        def main():
            b, a = 1, 2
            (d, c) = 3, 4
            return
        """
    )
    assert found.steps[2:4] == ['4 line {"b": "1", "a": "2"}', '5 line {"d": "3", "c": "4"}']


def test_free_variables_come_before_the_functions_own_names() -> None:
    found = run(
        """
        def main():
            free = 1
            def inner(arg):
                own = free
                return own
            return inner(0)
        """
    )
    assert '  4 call {"arg": "0", "free": "1"}' in found.steps
    assert '  6 line {"own": "1"}' in found.steps


def test_globals_are_not_locals() -> None:
    assert run("x = 1\ndef main():\n    return x").steps == ["2 call {}", "3 line {}", "3 return 1"]


def test_equal_but_different_objects_have_not_changed() -> None:
    found = run(
        """
        def main():
            x, y = 1000, "a b"
            x = int("1000")
            y = "a " + "b"[:]
            x = [1000]
            x = list(x)
            x = 1000
            return
        """
    )
    assert found.steps[2:8] == [
        '4 line {"x": "1000", "y": "\'a b\'"}',
        "5 line {}",
        "6 line {}",
        '7 line {"x": "[1000]"}',
        "8 line {}",
        '9 line {"x": "1000"}',
    ]


def test_a_changed_type_with_an_equal_value_is_a_change() -> None:
    found = run("def main():\n    x = 1\n    x = True\n    x = 1.0\n    x = 1\n    return")
    assert [step for step in found.steps if "{" in step][2:] == [
        '3 line {"x": "1"}',
        '4 line {"x": "True"}',
        '5 line {"x": "1.0"}',
        '6 line {"x": "1"}',
    ]


def test_an_object_that_was_replaced_by_a_mutable_one_and_returns_is_looked_at_again() -> None:
    found = run(
        """
        def main():
            one = 1000
            x = one
            x = [1]
            x = one
            del x
            x = one
            return
        """
    )
    assert found.steps[3:8] == [
        '5 line {"x": "1000"}',
        '6 line {"x": "[1]"}',
        '7 line {"x": "1000"}',
        '8 line {"x": null}',
        '9 line {"x": "1000"}',
    ]


def test_each_activation_of_a_recursive_function_has_its_own_state() -> None:
    found = run(
        """
        def main(n=2):
            x = n
            if n:
                main(n - 1)
            return x
        """
    )
    assert found.steps == [
        '2 call {"n": "2"}',
        "3 line {}",
        '4 line {"x": "2"}',
        "5 line {}",
        '  2 call {"n": "1"}',
        "  3 line {}",
        '  4 line {"x": "1"}',
        "  5 line {}",
        '    2 call {"n": "0"}',
        "    3 line {}",
        '    4 line {"x": "0"}',
        "    6 line {}",
        "    6 return 0",
        "  6 line {}",
        "  6 return 1",
        "6 line {}",
        "6 return 2",
    ]


def test_names_and_values_are_spelled_in_ascii() -> None:
    found = run("def main():\n    é = 'ü\\ud800\"'\n    return é")
    assert found.steps[2] == r'3 line {"\u00e9": "' + r"'\u00fc\\ud800\"'" + '"}'
    assert found.steps[3] == "3 return 'ü\\ud800\"'"


def test_a_lone_surrogate_in_a_return_value_comes_back() -> None:
    source = "class P:\n    def __repr__(self):\n        return '\\ud800'\ndef main():\n    return P()"
    texts = run(source).found.texts()
    assert texts[len(texts) - 1].as_py() == wire.RAW + '"\\ud800"'


# Limits.


def test_a_value_is_compared_before_it_is_cut() -> None:
    found = run(
        """
        def main():
            x = "a" * 8 + "b"
            x = "a" * 8 + "c"
            x = "a" * 8 + "".join("c")
            return x
        """,
        limits=Limits(characters=5),
    )
    texts = [step.split(" ", 2)[2] for step in found.steps]
    assert texts[2].startswith('{"x": "\'aaaa...<cut: 11 characters, crc32 ')
    assert texts[3].startswith('{"x": "\'aaaa...<cut: 11 characters, crc32 ')
    assert texts[2] != texts[3]
    assert texts[4] == "{}"
    assert texts[5].startswith("'aaaa...<cut: 11 characters")


def test_a_value_at_the_limit_of_characters_is_whole() -> None:
    source = "def main(x='abc'):\n    raise ValueError(x)"
    found = run(source, limits=Limits(characters=17))
    assert found.steps == [
        '1 call {"x": "\'abc\'"}',
        "2 line {}",
        "2 exception ValueError('abc')",
        "2 unwind None",
    ]
    assert run(source, limits=Limits(characters=16)).steps[2].startswith("2 exception ValueError('abc'...<cut: 17 ")


@pytest.mark.parametrize("events", [1, 2, 5])
def test_a_trace_has_as_many_events_as_its_limit(events: int) -> None:
    found = run("def main():\n    for i in range(9):\n        pass\n    return i", limits=Limits(events=events))
    assert len(found.steps) == events
    assert found.endings == ["events"]
    assert found.value == 8


def test_a_trace_that_needs_all_its_events_is_whole() -> None:
    source = "def main():\n    return 1"
    assert run(source, limits=Limits(events=3)).endings == ["returned"]
    assert run(source, limits=Limits(events=2)).endings == ["events"]


def test_a_trace_ends_when_the_stack_is_deeper_than_its_limit() -> None:
    source = "def main(n=3):\n    return n and main(n - 1)"
    assert run(source, limits=Limits(depth=4)).endings == ["returned"]
    found = run(source, limits=Limits(depth=3))
    assert found.endings == ["depth"]
    assert [step for step in found.steps if "return" in step] == []
    assert len(found.steps) == 6


def test_after_a_limit_the_next_outermost_call_begins_a_trace() -> None:
    source = "def main():\n    pass\n    pass\n    pass"

    def twice(namespace: dict[str, Any]) -> None:
        namespace["main"]()
        namespace["main"]()

    assert run(source, twice, limits=Limits(events=2)).endings == ["events", "events"]


# Returns, exceptions, unwinding.


def test_a_function_that_returns_none_does_not_unwind() -> None:
    source = "def main():\n    a()\n    b()\n    c()\ndef a(): pass\ndef b(): return\ndef c():\n    return None"
    assert [step.strip() for step in run(source).steps if "return" in step] == [
        "5 return None",
        "6 return None",
        "8 return None",
        "4 return None",
    ]


def test_an_exception_unwinds_every_scope_that_it_leaves() -> None:
    found = run(
        """
        def main():
            return middle()

        def middle():
            return inner()

        def inner():
            raise ValueError(1)
        """
    )
    assert found.steps[4:] == [
        "    8 call {}",
        "    9 line {}",
        "    9 exception ValueError(1)",
        "    9 unwind None",
        "  6 exception ValueError(1)",
        "  6 unwind None",
        "3 exception ValueError(1)",
        "3 unwind None",
    ]
    assert found.endings == ["raised"]
    assert repr(found.error) == "ValueError(1)"


def test_an_exception_that_is_caught_does_not_unwind() -> None:
    found = run(
        """
        def main():
            try:
                inner()
            except KeyError:
                pass

        def inner():
            {}[1]
        """
    )
    assert [step for step in found.steps if "line" not in step] == [
        "2 call {}",
        "  8 call {}",
        "  9 exception KeyError(1)",
        "  9 unwind None",
        "4 exception KeyError(1)",
        "6 return None",
    ]
    assert found.endings == ["returned"]


def test_a_finally_clause_runs_before_the_unwinding() -> None:
    found = run(
        """
        def main():
            try:
                1 / 0
            finally:
                x = 1
        """
    )
    assert found.steps[3:] == [
        "4 exception ZeroDivisionError('division by zero')",
        "6 line {}",
        "6 unwind None",
    ] or found.steps[3:] == [
        "4 exception ZeroDivisionError('division by zero')",
        "6 line {}",
        "6 exception ZeroDivisionError('division by zero')",
        "6 unwind None",
    ]
    assert found.endings == ["raised"]


def test_a_return_in_a_finally_clause_swallows_the_exception() -> None:
    found = run("def main():\n    try:\n        1 / 0\n    finally:\n        return")
    assert found.steps[-1] == "5 return None"
    assert found.endings == ["returned"]


def test_an_exception_raised_and_caught_on_the_line_of_the_return_does_not_unwind() -> None:
    found = run("def main():\n    return next(iter([]), None)")
    assert found.steps[-1] == "2 return None"
    found = run("def main():\n    for x in iter([]): pass")
    assert found.steps[-1] == "2 return None"
    found = run("def main(d={}):\n    return getattr(d, 'no', None)")
    assert found.steps[-1] == "2 return None"


def test_an_exception_of_a_builtin_unwinds() -> None:
    found = run("def main():\n    return int('x')")
    assert found.steps[2:] == [
        "2 exception ValueError(\"invalid literal for int() with base 10: 'x'\")",
        "2 unwind None",
    ]


def test_a_with_block_that_swallows_its_exception_returns() -> None:
    found = run(
        """
        class Swallows:
            def __enter__(self): pass
            def __exit__(self, *what): return True

        def main():
            with Swallows():
                raise ValueError
        """
    )
    assert found.steps[-1].endswith("return None")
    assert found.endings == ["returned"]


# Generators.


def summary(found: Run, trace: int = 0) -> list[str]:
    """Calls, returns and exceptions without their lines' numbers."""
    return [
        step.strip().split(" ", 1)[1]
        for step in told(found.found, trace)
        if any(f" {name} " in step for name in ("call", "return", "exception", "unwind"))
    ]


GENERATOR = """
    def generate(n):
        for i in range(n):
            yield i
        return 9
    """


def test_a_yield_is_a_return_and_a_resumption_a_call_with_all_locals() -> None:
    found = run(GENERATOR + "\n    def main():\n        return list(generate(2))")
    assert summary(found) == [
        "call {}",
        'call {"n": "2"}',
        "return 0",
        'call {"n": "2", "i": "0"}',
        "return 1",
        'call {"n": "2", "i": "1"}',
        "return 9",
        "return [0, 1]",
    ]


def test_a_generator_is_one_trace_from_its_start_to_its_end() -> None:
    def call(namespace: dict[str, Any]) -> None:
        one = namespace["generate"](2)
        next(one)
        namespace["other"]()
        next(one)
        list(one)

    found = run(GENERATOR + "\n    def other():\n        pass", call)
    assert [(trace.name, trace.call) for trace in found.found.traces] == [("generate", 1), ("other", 1)]
    assert found.endings == ["returned", "returned"]
    assert summary(found) == [
        'call {"n": "2"}',
        "return 0",
        'call {"n": "2", "i": "0"}',
        "return 1",
        'call {"n": "2", "i": "1"}',
        "return 9",
    ]
    assert summary(found, 1) == ["call {}", "return None"]
    assert found.found.records["event"].tolist().count(wire.PAUSE) == 2
    assert found.found.records["event"].tolist().count(wire.RESUME) == 2


def test_generators_that_run_by_turns_are_two_traces() -> None:
    def call(namespace: dict[str, Any]) -> None:
        one, two = namespace["generate"](1), namespace["generate"](1)
        next(one), next(two), list(one), list(two)

    found = run(GENERATOR, call)
    assert found.endings == ["returned", "returned"]
    assert (
        summary(found, 0)
        == summary(found, 1)
        == ['call {"n": "1"}', "return 0", 'call {"n": "1", "i": "0"}', "return 9"]
    )


def test_a_generator_that_is_dropped_is_unfinished() -> None:
    def call(namespace: dict[str, Any]) -> None:
        namespace["one"] = namespace["generate"](2)
        next(namespace["one"])

    found = run(GENERATOR, call)
    assert found.endings == ["unfinished"]
    assert summary(found) == ['call {"n": "2"}', "return 0"]


def test_a_generator_that_yields_none_does_not_unwind() -> None:
    found = run("def main():\n    return list(g())\ndef g():\n    yield\n    yield None")
    assert summary(found)[1:] == [
        "call {}",
        "return None",
        "call {}",
        "return None",
        "call {}",
        "return None",
        "return [None, None]",
    ]


def test_an_exception_thrown_into_a_generator_unwinds_it() -> None:
    found = run(
        """
        def generate():
            yield 1
            yield 2

        def main():
            one = generate()
            next(one)
            try:
                one.throw(ValueError("x"))
            except ValueError:
                pass
        """
    )
    said = [text for text in summary(found) if not text.startswith("call")]
    assert said == ["return 1", "exception ValueError('x')", "unwind None", "exception ValueError('x')", "return None"]


def test_an_exception_thrown_into_a_generator_that_catches_it_does_not_unwind() -> None:
    found = run(
        """
        def generate():
            try:
                yield 1
            except ValueError:
                yield None

        def main():
            one = generate()
            next(one)
            one.throw(ValueError("x"))
            one.close()
        """
    )
    said = [text for text in summary(found) if not text.startswith("call")]
    assert said[:3] == ["return 1", "exception ValueError('x')", "return None"]
    assert said[3:] in (["exception GeneratorExit()", "unwind None", "return None"], ["return None"])


def test_a_generator_that_is_closed_is_unwound_by_generator_exit() -> None:
    def call(namespace: dict[str, Any]) -> None:
        one = namespace["generate"](2)
        next(one)
        one.close()

    found = run(GENERATOR, call)
    assert found.endings == ["raised"]
    said = [text for text in summary(found) if not text.startswith("call")]
    assert said == ["return 0", "exception GeneratorExit()", "unwind None"]


def test_a_generator_in_a_generator_resumes_at_its_depth() -> None:
    found = run(
        """
        def inner():
            yield 1

        def outer():
            yield from inner()

        def main():
            return list(outer())
        """
    )
    assert [step for step in found.steps if "line" not in step and "exception" not in step] == [
        "8 call {}",
        "  5 call {}",
        "    2 call {}",
        "    3 return 1",
        "  6 return 1",
        "  6 call {}",
        "    3 call {}",
        "    3 return None",
        "  6 return None",
        "9 return [1]",
    ]


def test_a_generator_that_started_before_does_not_begin_a_trace_halfway() -> None:
    namespace = compiled(GENERATOR + "\n    def other():\n        pass")
    one, two = namespace["generate"](2), namespace["generate"](1)
    next(one)
    tape = Tape()
    tracer = new_tracer(tape)
    tracer.start()
    next(one)
    next(two)
    namespace["other"]()
    tracer.stop()
    tracer.recorder.finish()
    assert [(trace.name, trace.call) for trace in tape.read().traces] == [("generate", 1), ("other", 1)]
    assert [trace.ending.value if trace.ending else None for trace in tape.read().traces] == ["unfinished", "returned"]


def test_a_generator_that_started_before_is_recorded_inside_a_trace() -> None:
    namespace = compiled(GENERATOR + "\n    def main():\n        next(one)")
    one = namespace["one"] = namespace["generate"](2)
    next(one)
    tape = Tape()
    tracer = new_tracer(tape)
    tracer.start()
    namespace["main"]()
    tracer.stop()
    tracer.recorder.finish()
    assert told(tape.read())[2].strip().endswith('call {"n": "2", "i": "0"}')


@pytest.mark.parametrize("above", [0, 1, 2, 3])
@pytest.mark.parametrize(("below", "ending"), [(1, "returned"), (2, "depth")])
def test_a_generator_that_goes_on_deeper_has_the_same_limit_on_its_depth(above: int, below: int, ending: str) -> None:
    """The limit counts from the generator's own depth, wherever it is resumed."""
    source = """
        def generate():
            yield 1
            down(below)

        def down(n):
            return n > 1 and down(n - 1)

        def resume(n):
            return resume(n - 1) if n else list(one)
        """

    def call(namespace: dict[str, Any]) -> None:
        one = namespace["one"] = namespace["generate"]()
        namespace["below"] = below
        next(one)
        namespace["resume"](above)

    found = run(source, call, limits=Limits(depth=2), selection=Selection("functions", files=(FILE,)))
    endings = dict(zip([trace.name for trace in found.found.traces], found.endings, strict=True))
    assert endings["generate"] == ending


def test_a_generator_traced_by_another_tracer_begins_afresh() -> None:
    namespace = compiled(GENERATOR + "\n    def main():\n        return next(one)")
    namespace["one"] = namespace["generate"](3)
    said = []
    for _ in range(2):
        tape = Tape()
        tracer = new_tracer(tape)
        tracer.start()
        namespace["main"]()
        tracer.stop()
        tracer.recorder.finish()
        said.append([step.strip().split(" ", 1)[1] for step in told(tape.read()) if " call " in step])
    assert said == [["call {}", 'call {"n": "3"}'], ["call {}", 'call {"n": "3", "i": "0"}']]


def test_coroutines_pause_where_they_await() -> None:
    found = run(
        """
        class Soon:
            def __await__(self):
                yield "soon"
                return 5

        async def main():
            x = await Soon()
            return x

        def drive():
            one = main()
            one.send(None)
            try:
                one.send(None)
            except StopIteration as stop:
                return stop.value
        """,
        lambda namespace: namespace["drive"](),
        selection=Selection("functions", files=(FILE,)),
    )
    assert found.value == 5
    names = [trace.name.split(".")[-1] for trace in found.found.traces]
    assert sorted(names) == ["__await__", "drive", "main"]
    main = names.index("main")
    assert found.endings == ["returned"] * 3
    said = [text for text in summary(found, main) if "soon" not in text]
    assert said[0] == "call {}"
    assert said[-1] == "return 5"
    assert summary(found, main).count("return 'soon'") == 2


def test_what_an_asynchronous_generator_yields_is_shown() -> None:
    found = run(
        """
        async def numbers():
            yield 7

        async def main():
            async for number in numbers():
                pass

        def drive():
            try:
                main().send(None)
            except StopIteration:
                pass
        """,
        "drive",
    )
    assert "return 7" in summary(found)


# Comprehensions, lambdas, class bodies, modules.


@pytest.mark.skipif(not pyfacts.comprehensions_are_frames, reason="comprehensions are inlined here")
def test_a_comprehension_is_a_frame_with_its_iterator() -> None:
    found = run("def main(n=2, a=[5]):\n    return [n for x in a]")
    assert found.steps == [
        '1 call {"n": "2", "a": "[5]"}',
        "2 line {}",
        '  2 call {".0": "<list_iterator object>", "n": "2"}',
        "  2 line {}",
        '  2 line {"x": "5"}',
        "  2 return [2]",
        "2 return [2]",
    ]


def test_a_lambda_and_a_generator_expression_are_frames() -> None:
    found = run("def main(a=[2]):\n    f = lambda x: x + 1\n    return f(1), sum(i for i in a)")
    steps = [step.strip() for step in found.steps]
    assert '2 call {"x": "1"}' in steps
    assert '3 call {".0": "<list_iterator object>"}' in steps
    assert steps[-1] == "3 return (2, 2)"


def test_a_class_body_is_a_frame_without_dunder_names() -> None:
    found = run(
        "def main():\n    class C:\n        x = 1\n        def f(self): pass\n        __slots__ = ()\n        __y = 2"
    )
    body = [step.strip() for step in found.steps if step.startswith("  ")]
    assert body[0] == "2 call {}"
    assert '4 line {"x": "1"}' in body
    assert any(step.startswith('5 line {"f": "<function main.<locals>.C.f>"}') for step in body)
    assert not any("__slots__" in step or "__module__" in step for step in body)
    assert body[-1] == "6 return None"


def test_names_with_dunders_on_one_side_only_are_shown() -> None:
    source = "def main():\n    class C:\n        a__ = 1\n        __b__ = 2\n        _C__c = 3\n        globals\n"
    steps = run(source).steps
    assert '  4 line {"a__": "1"}' in steps
    assert "  5 line {}" in steps
    assert '  6 line {"_C__c": "3"}' in steps


@pytest.mark.parametrize("base", ["object", "collections.UserDict"])
def test_a_class_body_whose_namespace_is_no_dict_is_not_read(base: str) -> None:
    found = run(
        f"""
        import collections

        class Namespace({base}):
            armed = False
            def __init__(self):
                self.held = {{}}
            def __getitem__(self, name):
                return self.held[name]
            def __setitem__(self, name, value):
                self.held[name] = value
            def keys(self):
                raise AssertionError
            items = __iter__ = __len__ = keys

        class Meta(type):
            @classmethod
            def __prepare__(meta, name, bases):
                return Namespace()
            def __new__(meta, name, bases, namespace):
                return type.__new__(meta, name, bases, dict(namespace.held))

        def main():
            class C(metaclass=Meta):
                x = 1
                y = 2
            return C.x
        """
    )
    assert found.value == 1
    body = [step.strip() for step in found.steps if '"x"' in step]
    assert body == []


def test_a_class_body_whose_namespace_is_a_dict_subclass_is_read_as_a_dict() -> None:
    found = run(
        """
        class Namespace(dict):
            def keys(self):
                raise AssertionError
            items = __iter__ = __contains__ = keys

        class Meta(type):
            @classmethod
            def __prepare__(meta, name, bases):
                return Namespace()
            def __new__(meta, name, bases, namespace):
                return type.__new__(meta, name, bases, {"x": namespace["x"]})

        def main():
            class C(metaclass=Meta):
                x = 1
                y = 2
            return C.x
        """
    )
    assert found.value == 1
    assert any(step.strip().endswith('line {"x": "1"}') for step in found.steps)


def test_names_of_a_namespace_that_are_no_strings_are_left_out() -> None:
    found = run(
        """
        class Name(str):
            pass

        def main():
            class C:
                locals()[5] = 1
                locals()[Name("n")] = 2
                x = 3
                y = 4
        """,
        catch=TypeError,
    )
    assert '  10 line {"x": "3"}' in found.steps


def test_a_modules_names_are_its_locals() -> None:
    code = compile("import sys\nx = 1\nx = 2\n", FILE, "exec")
    found = run("", lambda namespace: exec(code, {"__name__": "m", "given": 0}))
    assert found.steps == [
        '1 call {"given": "0"}',
        "1 line {}",
        '2 line {"sys": "<module \'sys\'>"}',
        '3 line {"x": "1"}',
        "3 return None",
    ]
    assert found.found.traces[0].name == "<module>"


# Foreign reprs.


def with_repr(body: str, main: str = "x = P()\n    return 5", before: str = "") -> str:
    """A program whose class P has this repr."""
    indented = body.replace("\n", "\n        ")
    return f"{before}\nclass P:\n    def __repr__(self):\n        {indented}\ndef main():\n    {main}\n"


def shown(found: Run) -> str:
    """What x shows at the return's line."""
    import json

    [text] = [step.split(" line ")[1] for step in found.steps if '"x"' in step]
    value = json.loads(text)["x"]
    assert isinstance(value, str)
    return value


def test_a_foreign_repr_is_run_and_not_recorded() -> None:
    found = run(with_repr("y = 1\nreturn helper(y)", before="def helper(y):\n    return 'P%d' % y"))
    assert shown(found) == "P1"
    assert [step for step in found.steps if step.startswith(" ")] == []
    assert found.endings == ["returned"]


@pytest.mark.parametrize("policy", ["safe", "fields"])
def test_other_policies_do_not_run_a_foreign_repr(policy: str) -> None:
    found = run(with_repr("ran.append(1)\nreturn 'P'", before="ran = []"), policy=policy)
    assert shown(found) == "<P object>"
    assert found.namespace["ran"] == []


@pytest.mark.parametrize(
    "error", ["ValueError(1)", "KeyboardInterrupt", "SystemExit(3)", "GeneratorExit", "BaseException"]
)
def test_what_a_foreign_repr_raises_stays_there(error: str) -> None:
    found = run(with_repr(f"raise {error}"), catch=BaseException)
    assert shown(found) == f"<P object (repr raised {error.split('(')[0]})>"
    assert (found.value, found.error, found.in_place) == (5, None, True)
    assert found.endings == ["returned"]


def test_a_repr_that_raises_again_is_contained_again() -> None:
    found = run(with_repr("try:\n    raise KeyError\nfinally:\n    raise KeyboardInterrupt"), catch=BaseException)
    assert shown(found) == "<P object (repr raised KeyboardInterrupt)>"
    found = run(
        with_repr("try:\n    raise KeyboardInterrupt\nexcept KeyboardInterrupt:\n    raise"), catch=BaseException
    )
    assert shown(found) == "<P object (repr raised KeyboardInterrupt)>"
    assert found.value == 5


def test_a_repr_that_is_no_string_is_contained() -> None:
    assert shown(run(with_repr("return 5"))) == "<P object (repr raised TypeError)>"


def test_a_repr_that_recurses_for_ever_is_contained() -> None:
    found = run(with_repr("return repr(self)"))
    assert shown(found) == "<P object (repr raised RecursionError)>"
    assert found.value == 5


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_foreign_repr_may_take_ten_thousand_lines(over: int) -> None:
    """A round of the loop is one line; what stands around it is three."""
    assert REPR_LINES == 10_000
    rounds = (REPR_LINES - 3) // 2
    source = with_repr(f"for _ in range({rounds}):\n    pass\nreturn 'P'")
    lines = 2 * rounds + 2
    filler = "\n".join(["pass"] * (REPR_LINES - lines + over))
    found = run(
        source.replace("        return 'P'", "        " + filler.replace("\n", "\n        ") + "\n        return 'P'")
    )
    expected = "P" if over <= 0 else "<P object (repr ran over 10000 lines)>"
    assert shown(found) == expected
    assert (found.value, found.in_place) == (5, True)


def test_only_lines_are_taken_from_the_budget() -> None:
    """Calls, returns and exceptions are not counted; a round is six lines, one of them the helper's."""
    body = "for _ in range({}):\n    try:\n        helper()\n    except KeyError:\n        pass\nreturn 'P'"
    before = "def helper(): raise KeyError"
    fits = (REPR_LINES - 2) // 6
    assert shown(run(with_repr(body.format(fits), before=before))) == "P"
    assert shown(run(with_repr(body.format(fits + 1), before=before))) == "<P object (repr ran over 10000 lines)>"


def test_each_repr_has_its_own_budget() -> None:
    found = run(with_repr("for _ in range(3000):\n    pass\nreturn 'P'", "x = [P(), P()]\n    return 5"))
    assert shown(found) == "[P, P]"


def test_the_budget_counts_the_lines_of_everything_that_the_repr_calls() -> None:
    found = run(with_repr("return helper()", before="def helper():\n    while True:\n        pass"))
    assert shown(found) == "<P object (repr ran over 10000 lines)>"
    assert found.value == 5


def test_a_repr_that_swallows_the_end_of_its_budget_is_still_over_it() -> None:
    found = run(with_repr("try:\n    while True:\n        pass\nexcept BaseException:\n    pass\nreturn 'P'"))
    assert shown(found) == "<P object (repr ran over 10000 lines)>"
    assert found.endings == ["returned"]


def test_recording_goes_on_after_a_repr_that_ran_over() -> None:
    found = run(with_repr("while True:\n    pass", "x = P()\n    y = 1\n    del x\n    z = 2\n    return z"))
    assert [step.split(" line ")[1] for step in found.steps if " line " in step][1:] == [
        '{"x": "<P object (repr ran over 10000 lines)>"}',
        '{"y": "1"}',
        '{"x": null}',
        '{"z": "2"}',
    ]


@pytest.mark.parametrize("what", ["None", "lambda *a: None"])
def test_a_repr_that_sets_a_trace_function_does_not_keep_it(what: str) -> None:
    found = run(with_repr(f"sys.settrace({what})\nreturn 'P'", "x = P()\n    y = 1\n    return 5", before="import sys"))
    assert [step.split(" line ")[1] for step in found.steps if " line " in step] == ["{}", '{"x": "P"}', '{"y": "1"}']
    assert found.in_place
    assert found.endings == ["returned"]


def test_a_repr_that_runs_a_trace_of_its_own_is_not_recorded() -> None:
    source = with_repr(
        "seen = []\nold = sys.gettrace()\nsys.settrace(lambda *a: seen.append(a[1]))\nhelper()\n"
        "sys.settrace(old)\nreturn 'P' + seen[0]",
        before="import sys\ndef helper():\n    pass",
    )
    assert shown(run(source)) == "Pcall"


def test_an_interrupt_inside_a_foreign_repr_stops_the_run() -> None:
    source = with_repr(
        "signal.raise_signal(signal.SIGINT)\nfor _ in range(9):\n    pass\nreturn 'P'", before="import signal"
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = run(source, catch=KeyboardInterrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert type(found.error) is KeyboardInterrupt
    assert found.value is None


def test_the_interrupt_that_a_repr_raises_itself_does_not_stop_the_run() -> None:
    found = run(with_repr("raise KeyboardInterrupt"), catch=KeyboardInterrupt)
    assert found.error is None
    found = run(
        with_repr("helper()", before="def helper():\n    raise KeyboardInterrupt('x')"), catch=KeyboardInterrupt
    )
    assert (found.error, found.value) == (None, 5)


def test_the_tracer_knows_when_it_is_inside_a_foreign_repr() -> None:
    found = run(with_repr("inside.append(tracer.in_repr)\nreturn 'P'", before="inside = []"))
    assert found.namespace["inside"] == [True]
    assert found.namespace["tracer"].in_repr is False


def test_a_repr_runs_while_the_exceptions_of_the_program_stay_what_they_were() -> None:
    found = run(
        with_repr(
            "try:\n    raise KeyError\nexcept KeyError:\n    return 'P'",
            "x = P()\n    try:\n        raise KeyError(7)\n    except KeyError:\n        return sys.exc_info()[1].args",
            before="import sys",
        )
    )
    assert found.value == (7,)


def test_an_exceptions_own_repr_is_contained_too() -> None:
    found = run(
        """
        class Sour(Exception):
            def __repr__(self):
                raise SystemExit

        def main():
            raise Sour
        """
    )
    assert found.steps[-2:] == ["7 exception <Sour object (repr raised SystemExit)>", "7 unwind None"]


def test_a_returned_objects_repr_is_run_at_the_return() -> None:
    assert run(with_repr("return 'P at 0x12'", "return P()")).steps[-1].endswith(" return P")


def test_a_type_with_a_hostile_metaclass_does_not_reach_the_tracer() -> None:
    found = run(
        """
        class Meta(type):
            def __eq__(cls, other):
                raise SystemExit
            def __hash__(cls):
                raise SystemExit

        class P(metaclass=Meta):
            def __repr__(self):
                return "P"

        def main():
            x = P()
            y = [P()]
            return x
        """,
        catch=BaseException,
    )
    assert found.error is None
    assert [step.split(" ", 1)[1] for step in found.steps][2:] == ['line {"x": "P"}', 'line {"y": "[P]"}', "return P"]


# Threads.


def test_each_thread_is_a_stream_and_a_trace_of_its_own() -> None:
    found = run(
        """
        import threading

        def work(n):
            return n

        def main():
            for n in (1, 2):
                thread = threading.Thread(target=work, args=(n,))
                thread.start()
                thread.join()
        """
    )
    assert [trace.name for trace in found.found.traces] == ["main", "work", "work"]
    assert found.endings == ["returned"] * 3
    assert told(found.found, 1) == ['4 call {"n": "1"}', "5 line {}", "5 return 1"]
    assert told(found.found, 2) == ['4 call {"n": "2"}', "5 line {}", "5 return 2"]
    assert set(found.found.records["thread"].tolist()) == {0, 1, 2}


def test_a_thread_that_still_runs_at_the_end_is_unfinished() -> None:
    started, go_on = threading.Event(), threading.Event()
    source = """
        import threading

        def work():
            started.set()
            go_on.wait()
            return 1

        def main():
            thread.start()
            started.wait()
        """

    def call(namespace: dict[str, Any]) -> None:
        namespace.update(started=started, go_on=go_on, thread=threading.Thread(target=namespace["work"]))
        namespace["main"]()

    found = run(source, call)
    go_on.set()
    found.namespace["thread"].join()
    assert dict(zip([t.name for t in found.found.traces], found.endings, strict=True)) == {
        "main": "returned",
        "work": "unfinished",
    }
    assert not [step for step in told(found.found, 1) if "return" in step]


def test_without_threads_only_this_one_is_traced() -> None:
    namespace = compiled("def work():\n    pass\ndef main():\n    pass")
    before = getattr(threading, "_trace_hook")  # noqa: B009
    tape = Tape()
    tracer = new_tracer(tape)
    tracer.start(threads=False)
    assert getattr(threading, "_trace_hook") is before  # noqa: B009
    thread = threading.Thread(target=namespace["work"])
    thread.start()
    thread.join()
    namespace["main"]()
    tracer.stop(threads=False)
    assert [trace.name for trace in tape.read().traces] == ["main"]


# What stands before and afterwards.


def some_tracer(frame: FrameType, event: str, arg: object) -> None:
    return None


@pytest.mark.parametrize("before", [None, some_tracer])
def test_the_trace_function_that_stood_before_is_put_back(before: Any) -> None:
    outside, outside_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    tracer = new_tracer()
    try:
        sys.settrace(before)
        threading.settrace(before)
        displaced = tracer.start()
        during, during_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
        in_place = tracer.stop()
        after, after_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    finally:
        sys.settrace(outside)
        threading.settrace(outside_threads)
    assert displaced is before
    assert in_place
    assert during is not before and owner(during).partition(".")[0] == owner(during_threads).partition(".")[0]
    assert after is before and after_threads is before


class Watcher:
    def __call__(self, *args: object) -> None:
        pass

    def method(self, *args: object) -> None:
        pass

    def __bool__(self) -> bool:
        raise AssertionError("foreign code was run")


def test_a_trace_function_is_named_by_its_module_and_its_type() -> None:
    here = "tests.test_tracers"
    assert owner(some_tracer) == f"{here}.some_tracer"
    assert owner(Watcher()) == f"{here}.Watcher"
    assert owner(Watcher().method) == f"{here}.Watcher"
    assert owner([].append) == "builtins.list"


def test_stop_leaves_a_trace_function_of_the_programs_in_place() -> None:
    outside, outside_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    tracer = new_tracer()
    try:
        tracer.start()
        sys.settrace(some_tracer)
        threading.settrace(some_tracer)
        in_place = tracer.stop()
        after, after_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    finally:
        sys.settrace(outside)
        threading.settrace(outside_threads)
    assert not in_place
    assert after is some_tracer and after_threads is some_tracer


def test_stop_without_threads_leaves_new_threads_traced() -> None:
    outside, outside_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    tracer = new_tracer()
    try:
        tracer.start()
        ours = getattr(threading, "_trace_hook")  # noqa: B009
        assert tracer.stop(threads=False)
        threads = getattr(threading, "_trace_hook")  # noqa: B009
    finally:
        sys.settrace(outside)
        threading.settrace(outside_threads)
    assert threads is ours is not outside_threads


def test_a_lost_trace_is_untraced() -> None:
    found = run(
        """
        import sys

        def main():
            x = 1
            sys.settrace(None)
            tracer.lost()
            return x
        """
    )
    assert found.endings == ["untraced"]
    assert found.steps[-1] == '6 line {"x": "1"}'
    assert found.in_place is False


def test_lost_says_whether_there_was_anything_to_lose() -> None:
    tape = Tape()
    tracer = new_tracer(tape)
    assert tracer.lost() is False
    namespace = compiled("def main():\n    lost.append(tracer.lost())\n    lost.append(tracer.lost())\n")
    namespace.update(tracer=tracer, lost=[])
    tracer.start()
    namespace["main"]()
    tracer.stop()
    assert namespace["lost"] == [True, False]


def test_lost_ends_every_trace_of_its_thread_and_no_other() -> None:
    source = """
        import threading

        def outer():
            inner()

        def inner():
            tracer.lost()

        def main():
            thread = threading.Thread(target=outer)
            thread.start()
            thread.join()
        """
    found = run(source, selection=Selection("functions", files=(FILE,)))
    assert dict(zip([t.name for t in found.found.traces], found.endings, strict=True)) == {
        "main": "returned",
        "outer": "untraced",
        "inner": "untraced",
    }


def test_the_tracer_says_when_it_sets_the_trace_function_itself() -> None:
    heard: list[tuple[bool, bool]] = []
    listening = [True]

    def hook(event: str, args: object) -> None:
        if event == "sys.settrace" and listening:
            heard.append((tracer.setting, tracer.in_repr))

    tracer = new_tracer()
    sys.addaudithook(hook)
    try:
        tracer.start()
        tracer.stop()
    finally:
        listening.clear()
    assert heard == [(True, False), (True, False)]
    assert tracer.setting is False


# A trace of a running activation.


def test_a_running_activation_is_recorded_from_the_middle_without_its_call() -> None:
    source = """
        import sys

        def helper():
            return 2

        def main():
            x = 1
            kept.append(tracer.enter(sys._getframe()))
            tracer.start()
            y = helper()
            tracer.stop()
            tracer.leave(sys._getframe(), kept[0], "left")
            z = 3
            return helper()
        """
    namespace = compiled(source)
    tape = Tape()
    namespace["tracer"] = new_tracer(tape)
    namespace["kept"] = []
    outside = sys.gettrace()
    sys.settrace(None)
    try:
        assert namespace["main"]() == 2
    finally:
        sys.settrace(outside)
    found = tape.read()
    assert told(found) == ['11 line {"x": "1"}', "  4 call {}", "  5 line {}", "  5 return 2", '12 line {"y": "2"}']
    assert [trace.ending.value if trace.ending else None for trace in found.traces] == ["left"]
    assert found.records["depth"].tolist()[:2] == [1, 2]


def test_recording_from_the_middle_leaves_the_stack_as_it_was() -> None:
    source = """
        import sys

        def main():
            interval = tracer.enter(sys._getframe())
            tracer.leave(sys._getframe(), interval, "left")
            return sys._getframe().f_trace
        """
    tape = Tape()
    tracer = new_tracer(tape)
    namespace = compiled(source)
    namespace["tracer"] = tracer
    assert namespace["main"]() is None
    assert namespace["main"]() is None
    compiled("")
    after = compiled("def main():\n    return 1")
    tracer.start()
    after["main"]()
    tracer.stop()
    found = tape.read()
    assert told(found, 2) == ["1 call {}", "2 line {}", "2 return 1"]
    assert [trace.name for trace in found.traces] == ["main"] * 3


def test_an_activation_of_other_code_is_not_recorded_from_the_middle() -> None:
    tracer = new_tracer()
    assert tracer.enter(sys._getframe()) is None
    assert sys._getframe().f_trace is None


def test_an_activation_without_room_for_its_trace_is_not_recorded() -> None:
    tape = Tape(notes=64)
    tracer = new_tracer(tape)
    namespace = compiled("import sys\ndef main():\n    return tracer.enter(sys._getframe()), sys._getframe().f_trace")
    namespace["tracer"] = tracer
    assert namespace["main"]() == (None, None)
    assert tape.read().files == [FILE]
