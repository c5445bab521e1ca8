"""``..``, rule by rule, then that nothing is lost by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import frames_with, names, texts, unhurried
from tracegen.elision import UNCHANGED, Elision
from tracegen.frame import Event, Frame, Locals

CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION


def elided(*frames: tuple[Event, Locals]) -> list[Locals]:
    elision = Elision()
    return [elision.elide(event, locals) for event, locals in frames]


def x(text: str) -> Locals:
    return (("x", text),)


def test_unchanged_is_written_with_two_dots() -> None:
    assert UNCHANGED == ".."


def test_a_line_leaves_out_what_the_line_before_it_shows() -> None:
    assert elided((LINE, x("1")), (LINE, x("1")), (LINE, x("1"))) == [x("1"), x(".."), x("..")]


def test_a_line_leaves_out_what_the_call_before_it_shows() -> None:
    assert elided((CALL, x("1")), (LINE, x("1"))) == [x("1"), x("..")]


def test_a_changed_local_is_written_and_compared_with_next() -> None:
    assert elided((CALL, x("1")), (LINE, x("2")), (LINE, x("2")), (LINE, x("1"))) == [x("1"), x("2"), x(".."), x("1")]


def test_every_call_starts_afresh() -> None:
    assert elided((LINE, x("1")), (CALL, x("1")), (CALL, x("1"))) == [x("1"), x("1"), x("1")]


def test_the_frame_after_a_return_shows_everything() -> None:
    assert elided((LINE, x("1")), (RETURN, ()), (LINE, x("1"))) == [x("1"), (), x("1")]


def test_an_exception_does_not_start_afresh() -> None:
    assert elided((LINE, x("1")), (EXCEPTION, ()), (LINE, x("1"))) == [x("1"), (), x("..")]


def test_the_comparison_is_by_value_for_each_name() -> None:
    before: Locals = (("a", "[1]"), ("b", "[1]"), ("c", "3"))
    after: Locals = (("a", "[1, 2]"), ("b", "[1, 2]"), ("c", "3"))
    assert elided((LINE, before), (LINE, after))[1] == (("a", "[1, 2]"), ("b", "[1, 2]"), ("c", ".."))


def test_only_the_frame_right_before_counts() -> None:
    assert elided((LINE, x("1")), (LINE, ()), (LINE, x("1"))) == [x("1"), (), x("1")]


def test_the_comparison_does_not_follow_activations() -> None:
    """The caller's line before the call is not what its line after the return is compared with."""
    frames = [(LINE, x("1")), (CALL, x("1")), (LINE, x("1")), (RETURN, ()), (LINE, x("1"))]
    assert elided(*frames) == [x("1"), x("1"), x(".."), (), x("1")]


def test_frames_that_show_values_have_no_locals() -> None:
    elision = Elision()
    assert elision.elide(RETURN, x("1")) == ()
    assert elision.elide(EXCEPTION, x("1")) == ()
    assert elision.restore(RETURN, x("1")) == ()
    assert elision.restore(EXCEPTION, x("1")) == ()
    assert not elision.knows("x")


def test_the_order_of_the_locals_is_kept() -> None:
    locals: Locals = (("b", "1"), ("a", "2"), (".0", "3"))
    assert elided((CALL, locals), (LINE, tuple(reversed(locals)))) == [locals, ((".0", ".."), ("a", ".."), ("b", ".."))]


def test_of_a_name_said_twice_the_last_counts() -> None:
    twice: Locals = (("x", "1"), ("x", "2"))
    assert elided((LINE, twice), (LINE, x("2"))) == [twice, x("..")]
    assert elided((LINE, twice), (LINE, x("1"))) == [twice, x("1")]


def test_restore_undoes_each_rule() -> None:
    elision = Elision()
    assert elision.restore(CALL, x("1")) == x("1")
    assert elision.restore(LINE, x("..")) == x("1")
    assert elision.restore(LINE, x("..")) == x("1")
    assert elision.restore(EXCEPTION, ()) == ()
    assert elision.restore(LINE, x("..")) == x("1")
    assert elision.restore(LINE, x("2")) == x("2")
    assert elision.restore(LINE, x("..")) == x("2")


def test_two_dots_for_a_name_never_seen_stay() -> None:
    elision = Elision()
    assert elision.restore(LINE, x("..")) == x("..")
    assert elision.restore(LINE, x("..")) == x("..")
    elision.restore(LINE, x("1"))
    assert elision.restore(CALL, x("..")) == x("..")
    elision.restore(LINE, x("1"))
    elision.restore(RETURN, ())
    assert elision.restore(LINE, x("..")) == x("..")


def test_two_dots_that_stayed_are_spelled_as_two_dots_again() -> None:
    assert elided((LINE, x("..")), (LINE, x(".."))) == [x(".."), x("..")]


def test_two_dots_for_a_name_that_is_shown_are_refused() -> None:
    elision = Elision()
    elision.elide(LINE, x("1"))
    with pytest.raises(ValueError, match=r"^local 'x' says '\.\.', but the previous frame shows '1'$"):
        elision.elide(LINE, x(".."))


def test_two_dots_are_not_refused_where_the_comparison_is_fresh() -> None:
    assert elided((LINE, x("1")), (CALL, x(".."))) == [x("1"), x("..")]
    assert elided((LINE, x("1")), (RETURN, ()), (LINE, x("..")))[-1] == x("..")
    assert elided((LINE, x("1")), (LINE, (("y", ".."),)))[-1] == (("y", ".."),)


def test_a_name_is_known_while_the_previous_frame_shows_its_value() -> None:
    elision = Elision()
    assert not elision.knows("x")
    elision.restore(LINE, x("1"))
    assert elision.knows("x")
    assert not elision.knows("y")
    elision.restore(EXCEPTION, ())
    assert elision.knows("x")
    elision.restore(RETURN, ())
    assert not elision.knows("x")
    elision.restore(LINE, x(".."))
    assert not elision.knows("x")
    elision.elide(LINE, x("2"))
    assert elision.knows("x")


def test_a_text_repeats_if_the_previous_frame_shows_it() -> None:
    elision = Elision()
    elision.restore(LINE, x("1"))
    assert elision.repeats("x", "1")
    assert not elision.repeats("x", "2")
    assert not elision.repeats("y", "1")
    elision.restore(LINE, x("2"))
    assert not elision.repeats("x", "1")
    assert not elision.repeats("x", "..")
    elision.restore(CALL, x(".."))
    assert not elision.repeats("x", "..")


@unhurried
@given(st.lists(frames_with(st.just("s\n"))))
def test_restore_is_the_inverse_of_elide(frames: list[Frame]) -> None:
    writer, reader = Elision(), Elision()
    for frame in frames:
        spelled = writer.elide(frame.event, frame.locals)
        assert [name for name, _ in spelled] == [name for name, _ in frame.locals]
        assert reader.restore(frame.event, spelled) == frame.locals


spelled_locals = st.lists(st.tuples(names, st.one_of(st.just(".."), texts)), max_size=4).map(tuple)


@unhurried
@given(st.lists(st.tuples(st.sampled_from(Event), spelled_locals)))
def test_what_restore_gives_elide_accepts_and_restore_gives_again(stream: list[tuple[Event, Locals]]) -> None:
    """A model's spelling need not be canonical; what was understood of it survives being written."""
    reader, writer, again = Elision(), Elision(), Elision()
    for event, spelled in stream:
        whole = reader.restore(event, spelled)
        assert again.restore(event, writer.elide(event, whole)) == whole


@unhurried
@given(st.lists(frames_with(st.just("s\n"))))
def test_two_dots_are_written_exactly_for_what_repeats(frames: list[Frame]) -> None:
    previous: dict[str, str] = {}
    elision = Elision()
    for frame in frames:
        if frame.event in (CALL, RETURN):
            previous = {}
        spelled = elision.elide(frame.event, frame.locals)
        for (name, text), (_, written) in zip(frame.locals, spelled, strict=True):
            assert written == (".." if previous.get(name) == text else text)
        if frame.event.shows_locals:
            previous = dict(frame.locals)
