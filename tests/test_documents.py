"""Documents of a trace, rows of documents, and rows as tensors: by hand first, then for any documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cwm_model.tokenizer import small
from cwm_model.training.batch import Batch
from cwm_model.training.documents import Document, Form, document
from cwm_model.training.packing import POOL, Packer
from tests.hostile import unhurried
from tracegen import Ending, Event, Limits, Settings, Special, Trace, parse
from tracegen.frame import Frame
from tracegen.grammar import prompt
from tracegen.programs.here import Here

CODE = """\
def g(x):
    return x + 1

def f(a):
    b = g(a)
    return g(b)"""
RAISING = "def g(x):\n    return 1 // x\n\ndef f(a):\n    return g(a)"


def traced(code: str = CODE, arguments: str = "1", settings: Settings | None = None) -> Trace:
    return Here(settings).trace("by hand", code, arguments)


def told(found: Document) -> tuple[tuple[Frame, ...], bool]:
    """The frames that a document tells, and whether it ends."""
    parsed = parse(small().decode(found.ids))
    assert not parsed.oddities
    return parsed.frames, parsed.finished


def shown(found: Document) -> list[str]:
    """A document's frames in short: event, source, value."""
    frames, finished = told(found)
    lines = [f"{frame.event.value} {frame.source.strip()} {frame.value or ''}".strip() for frame in frames]
    return [*lines, "end"] if finished else lines


# -- Forms.


def test_a_whole_document_tells_the_trace() -> None:
    trace = traced()
    found = document(trace, small())
    assert list(found.ids) == small().encode(trace.pieces())
    assert told(found) == (trace.frames(), True)


def test_a_single_step_tells_the_entry_and_its_return() -> None:
    found = document(traced(), small(), Form.SINGLE)
    assert shown(found) == ["call def main():", "return return f(1) 3", "end"]


def test_stepping_over_tells_everything_but_the_inside_of_the_first_call() -> None:
    found = document(traced(), small(), Form.OVER)
    assert shown(found) == [
        "call def main():",
        "line return f(1)",
        "call def f(a):",
        "return return g(b) 3",
        "return return f(1) 3",
        "end",
    ]


def test_stepping_over_leaves_later_calls_whole() -> None:
    trace = traced(arguments="(lambda: 1)()")
    over, whole = (shown(document(trace, small(), form)) for form in (Form.OVER, Form.WHOLE))
    assert whole[2:5] == [f"{event} return f((lambda: 1)()){value}" for event, value in LAMBDA]
    assert over == whole[:3] + whole[4:]


LAMBDA = [("call", ""), ("line", ""), ("return", " 1")]


def test_what_is_told_of_a_call_that_is_stepped_over_is_what_the_whole_tells() -> None:
    trace = traced()
    frames = trace.frames()
    back = max(number for number, step in enumerate(trace.steps) if step.event is Event.RETURN and step.depth == 1)
    assert told(document(trace, small(), Form.OVER))[0] == (*frames[:3], *frames[back:])


def test_a_trace_without_a_call_inside_stays_whole_when_it_is_stepped_over() -> None:
    """As the docstring of `document` says."""
    trace = traced()
    alone = replace(trace, steps=[step for step in trace.steps if step.depth == 0])
    assert told(document(alone, small(), Form.OVER)) == (alone.frames(), True)
    assert shown(document(alone, small(), Form.SINGLE)) == ["call def main():", "return return f(1) 3", "end"]


def test_an_exception_that_leaves_a_call_is_told_after_it() -> None:
    zero = "ZeroDivisionError('integer division or modulo by zero')"
    found = document(traced(RAISING, "0"), small(), Form.OVER)
    assert shown(found) == [
        "call def main():",
        "line return f(0)",
        "call def f(a):",
        "return return g(a) None",
        f"exception return f(0) {zero}",
        "return return f(0) None",
        "end",
    ]


@pytest.mark.parametrize("form", [Form.SINGLE, Form.OVER])
def test_a_form_is_never_longer_than_the_whole(form: Form) -> None:
    for code, arguments in ((CODE, "2"), (RAISING, "1"), (RAISING, "0")):
        trace = traced(code, arguments)
        assert len(document(trace, small(), form)) < len(document(trace, small()))


def test_a_generator_is_told_whole_and_parses() -> None:
    code = "def f(a):\n    def g(n):\n        for i in range(n):\n            yield i\n    return list(g(a)) + [a]"
    trace = traced(code, "2")
    assert told(document(trace, small()))[0] == trace.frames()
    assert "call yield i" in shown(document(trace, small()))
    assert shown(document(trace, small(), Form.OVER))[2:4] == [
        "call def f(a):",
        "return return list(g(a)) + [a] [0, 1, 2]",
    ]


def test_a_call_that_yields_is_not_stepped_over() -> None:
    """As the docstring of `_left` says: its activation is not left for good."""
    trace = traced("def f(a):\n    return a", "list(c for c in 'xy')")
    calls = [step for step in trace.steps if step.event is Event.CALL]
    assert calls[1].depth == 1 and calls[1].file == 1
    assert told(document(trace, small(), Form.OVER)) == (trace.frames(), True)


@pytest.mark.parametrize("form", list(Form))
def test_a_trace_that_was_cut_off_has_no_end(form: Form) -> None:
    trace = traced(settings=Settings(limits=Limits(events=5)))
    assert trace.ending is Ending.EVENTS
    found = document(trace, small(), form)
    assert small().id_of(Special.END_OF_TEXT) not in found.ids
    assert told(found) == (trace.frames(), False)


@pytest.mark.parametrize("form", list(Form))
def test_the_context_counts_the_ids_before_the_first_frame(form: Form) -> None:
    trace = traced()
    found = document(trace, small(), form)
    assert list(found.ids[: found.context]) == small().encode(prompt(trace.context.text))
    assert found.ids[found.context - 1] == small().id_of(Special.FRAME_SEP)
    assert found.ids[found.context] == small().id_of(Special.CALL_SEP)
    assert len(found) == len(found.ids)


# -- Rows.


def plain(*lengths: int) -> list[Document]:
    """Documents of these lengths, each of ids of its own."""
    return [Document(tuple(range(1000 * k, 1000 * k + length)), 1) for k, length in enumerate(lengths)]


def rows_of(packer: Packer) -> list[list[Document]]:
    return list(iter(packer.row, []))


def test_a_row_is_the_oldest_and_whatever_fits_best() -> None:
    a, b, c, d, e = documents = plain(40, 30, 70, 59, 1)
    packer = Packer(100, iter(documents))
    assert packer.row() == [a, d, e]
    assert packer.row() == [b, c]
    assert packer.row() == []


def test_of_equally_long_documents_any_row_takes_each_once() -> None:
    documents = plain(*[25] * 9)
    rows = rows_of(Packer(100, iter(documents)))
    assert [len(row) for row in rows] == [4, 4, 1]
    assert sorted(document.ids for row in rows for document in row) == [document.ids for document in documents]


def test_a_document_that_fills_a_row_stands_alone_and_a_longer_one_is_counted() -> None:
    whole, longer, last = plain(100, 101, 100)
    packer = Packer(100, iter([whole, longer, last]))
    assert rows_of(packer) == [[whole], [last]]
    assert packer.dropped == 1


lengths = st.lists(st.integers(1, 120), max_size=2 * POOL)


@unhurried
@given(lengths)
def test_no_document_is_cut_and_none_is_lost(lengths: list[int]) -> None:
    documents = plain(*lengths)
    packer = Packer(100, iter(documents))
    rows = rows_of(packer)
    assert all(0 < sum(map(len, row)) <= 100 for row in rows)
    kept = [document for document in documents if len(document) <= 100]
    assert sorted(document.ids for row in rows for document in row) == [document.ids for document in kept]
    assert packer.dropped == len(documents) - len(kept)


@unhurried
@given(lengths)
def test_a_row_begins_with_the_document_that_waited_longest(lengths: list[int]) -> None:
    left = [document for document in plain(*lengths) if len(document) <= 100]
    for row in rows_of(Packer(100, iter(left))):
        assert row[0] == left[0]
        left = [document for document in left if document not in row]


@unhurried
@given(lengths)
def test_nothing_at_hand_would_have_fitted_into_what_is_left_of_a_row(lengths: list[int]) -> None:
    packer = Packer(100, iter(plain(*lengths)))
    while row := packer.row():
        assert all(len(document) > 100 - sum(map(len, row)) for document in packer.waiting)


@unhurried
@given(lengths, st.integers(0, 9))
def test_what_waits_is_all_that_a_packer_remembers(lengths: list[int], rows: int) -> None:
    documents = iter(plain(*lengths))
    first = Packer(100, documents)
    for _ in range(rows):
        first.row()
    rest = list(documents)
    again = Packer(100, iter(rest), list(first.waiting))
    through = Packer(100, iter(rest), list(first.waiting))
    assert rows_of(again) == rows_of(through)
    everything = Packer(100, iter(plain(*lengths)))
    for _ in range(rows):
        everything.row()
    assert rows_of(everything) == rows_of(Packer(100, iter(rest), list(first.waiting)))


def test_a_stream_is_read_no_further_than_the_pool() -> None:
    read = []

    def endless() -> Iterator[Document]:
        for number in range(10**6):
            read.append(number)
            yield Document((number,) * 60, 1)

    Packer(100, endless()).row()
    assert len(read) == POOL


def test_what_a_packer_was_given_to_wait_is_not_changed() -> None:
    waiting = plain(50, 50)
    packer = Packer(100, iter(()), waiting)
    packer.row()
    assert len(waiting) == 2 and not packer.waiting


# -- Rows as tensors.


def test_a_row_as_tensors_by_hand() -> None:
    batch = Batch.of([Document((10, 11, 12, 13), 2), Document((20, 21, 22), 1)])
    assert batch.ids_N.tolist() == [10, 11, 12, 13, 20, 21, 22]
    assert batch.positions_N.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert batch.bounds.tolist() == [0, 4, 7]
    assert batch.learned_L.tolist() == [1, 2, 4, 5]
    assert batch.targets_L.tolist() == [12, 13, 21, 22]


def test_the_context_is_learned_if_it_is_wanted_but_never_a_first_token() -> None:
    batch = Batch.of([Document((10, 11, 12, 13), 2), Document((20, 21, 22), 1)], context_too=True)
    assert batch.learned_L.tolist() == [0, 1, 2, 4, 5]
    assert batch.targets_L.tolist() == [11, 12, 13, 21, 22]


documents = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).map(
        lambda sizes: Document(tuple(range(sizes[0] + sizes[1])), sizes[0])
    ),
    min_size=1,
    max_size=6,
)


@unhurried
@given(documents, st.booleans())
def test_what_is_learned_are_the_trace_tokens_each_from_the_one_before_it(
    row: Sequence[Document], context_too: bool
) -> None:
    row = [Document(tuple(100 * k + id for id in each.ids), each.context) for k, each in enumerate(row)]
    batch = Batch.of(row, context_too=context_too)
    pairs = [
        (each.ids[place - 1], each.ids[place])
        for each in row
        for place in range(1 if context_too else each.context, len(each))
    ]
    assert list(zip(batch.ids_N[batch.learned_L].tolist(), batch.targets_L.tolist(), strict=True)) == pairs
    assert torch.equal(batch.targets_L, batch.ids_N[batch.learned_L + 1])
    # The next token stands in the same document: its position goes on.
    assert (batch.positions_N[batch.learned_L + 1] == batch.positions_N[batch.learned_L] + 1).all()


def test_a_traces_learned_tokens_are_those_after_its_context() -> None:
    found = document(traced(), small())
    assert Batch.of([found]).targets_L.tolist() == list(found.ids[found.context :])
    assert Batch.of([found, found]).targets_L.tolist() == 2 * list(found.ids[found.context :])
