"""The corpus of tiny programs: in every interpreter that is here, each trace is the golden one, and can be spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import golden
from tracegen import interpreters
from tracegen.grammar import parse, pieces
from tracegen.trace import Trace

FEATURES = """
function method closure nonlocal_name global_name lambdas recursion
star_arguments default_arguments decorator decorator_arguments
list_comprehension dict_and_set_comprehension nested_comprehension comprehension_in_module generator_expression
generator generator_send generator_throw generator_throw_in_with generator_close generator_dropped
generator_return generator_raises yield_from yield_from_throw
coroutine awaitable asyncio_run async_generator async_for async_with
context_manager contextlib_manager suppressed
class_body metaclass_prepare super_call properties dataclass_fields slots
exception_caught exception_reraised exception_chained exception_group exception_in_comprehension
exception_two_frames finally_clause finally_return try_else stop_iteration
system_exit keyboard_interrupt uncaught_error
match_statement walrus deletion multi_line one_line loop_else break_continue no_frames
fstring conditions unpacking augmented_assignment aliasing
control_tokens unicode foreign_reprs iterators
"""
"""What the corpus shows, one program each."""

PYTHONS = golden.interpreters()
CASES = [(program, version) for program in golden.programs() for version in golden.versions_of(program)]

TRACERS = ("reference", "native")

Running = dict[tuple[Path, str, str], Future[Trace]]


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Every chosen program in every chosen interpreter, side by side: most of a child's time is its start."""
    chosen = {
        (item.callspec.params["program"], item.callspec.params["version"], item.callspec.params["tracer"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_a_trace_is_the_golden_one.__name__
    }
    with ThreadPoolExecutor(golden.JOBS) as pool:
        yield {
            (program, version, tracer): pool.submit(golden.main_trace, program, PYTHONS[version], tracer)
            for program, version in CASES
            for tracer in TRACERS
            if (program, version, tracer) in chosen and version in PYTHONS
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("tracer", TRACERS)
@pytest.mark.parametrize(("program", "version"), CASES, ids=[f"{program.stem}-{v}" for program, v in CASES])
def test_a_trace_is_the_golden_one(program: Path, version: str, tracer: str, running: Running) -> None:
    if version not in PYTHONS:
        pytest.skip(f"Python {version} is not on this machine")
    trace = running[program, version, tracer].result()
    assert trace.provenance.tracer == tracer
    claimed = golden.read(program).get(version)
    assert claimed is not None, f"no golden trace for Python {version}: `make golden`, and read what it wrote"
    assert golden.spelled(trace) == claimed
    frames, finished = trace.frames(), not trace.ending.cut_off
    parsed = parse(pieces(frames, context=trace.context.text, finished=finished))
    assert parsed.frames == frames
    assert parsed.context == trace.context.text
    assert parsed.finished is finished
    assert parsed.oddities == ()


@pytest.mark.parametrize("version", golden.VERSIONS)
def test_the_corpus_is_told_by_this_interpreter(version: str, record_property: Callable[[str, object], None]) -> None:
    if version not in PYTHONS:
        pytest.skip(f"Python {version} is not on this machine")
    interpreter = interpreters.probe(PYTHONS[version])
    assert interpreter is not None
    record_property("interpreter", str(interpreter))
    assert str(interpreter).startswith(f"cpython {version}.")


def test_the_corpus_shows_every_feature() -> None:
    assert {program.stem for program in golden.programs()} == set(FEATURES.split())


def test_no_golden_trace_is_without_its_program() -> None:
    assert {path.stem for path in golden.PROGRAMS.glob("*.golden")} == set(FEATURES.split())


@pytest.mark.parametrize("program", golden.programs(), ids=lambda program: program.stem)
def test_golden_traces_are_claimed_for_every_version_that_can_run_the_program(program: Path) -> None:
    assert tuple(golden.read(program)) == golden.versions_of(program)


def test_equal_texts_stand_once_under_all_their_versions() -> None:
    texts = {"3.10": "a\n", "3.8": "a\n", "3.9": "b\n"}
    assert golden.sectioned(texts) == "== 3.8 3.10\na\n\n== 3.9\nb\n"
    assert golden.sections(golden.sectioned(texts)) == texts


@pytest.mark.parametrize("program", golden.programs(), ids=lambda program: program.stem)
def test_a_golden_file_is_read_and_written_alike(program: Path) -> None:
    stored = golden.golden_of(program).read_bytes().decode("utf-8")
    assert golden.sectioned(golden.sections(stored)) == stored


def test_refreshing_keeps_what_is_claimed_of_versions_that_are_not_here(tmp_path: Path) -> None:
    program = tmp_path / "one.py"
    program.write_text("# needs 3.9\n", encoding="utf-8")
    golden.write(program, {"3.8": "gone: the program needs 3.9\n", "3.9": "kept\n", "3.13": "kept too\n"})
    assert golden.refreshed(program, {})
    assert golden.read(program) == {"3.9": "kept\n", "3.13": "kept too\n"}
    assert not golden.refreshed(program, {})
