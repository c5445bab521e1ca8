"""Frames are checked at birth and never change."""

from __future__ import annotations

import dataclasses

import pytest

from tracegen.frame import Event, Frame


def test_the_events_have_the_names_that_the_data_set_stores() -> None:
    assert [event.value for event in Event] == ["call", "line", "return", "exception"]


def test_calls_and_lines_show_locals_and_the_others_do_not() -> None:
    assert [event for event in Event if event.shows_locals] == [Event.CALL, Event.LINE]


def test_a_frame_of_each_event_is_made_and_keeps_what_it_was_given() -> None:
    call = Frame(Event.CALL, "def f(x):\n", locals=(("x", "1"),))
    assert (call.event, call.source, call.locals, call.value) == (Event.CALL, "def f(x):\n", (("x", "1"),), None)
    assert Frame(Event.LINE, "pass\n").locals == ()
    returned = Frame(Event.RETURN, "return\n", value="")
    assert (returned.locals, returned.value) == ((), "")
    assert Frame(Event.EXCEPTION, "raise\n", value="E()").value == "E()"


@pytest.mark.parametrize("event", [Event.CALL, Event.LINE])
def test_a_frame_with_locals_refuses_a_value(event: Event) -> None:
    with pytest.raises(ValueError, match=rf"^a {event.value} frame shows locals, not a value: 'v'$"):
        Frame(event, "x\n", value="v")
    with pytest.raises(ValueError, match=r"not a value: ''$"):
        Frame(event, "x\n", value="")


@pytest.mark.parametrize("event", [Event.RETURN, Event.EXCEPTION])
def test_a_frame_with_a_value_needs_it_and_refuses_locals(event: Event) -> None:
    with pytest.raises(ValueError, match=rf"^a {event.value} frame needs a value$"):
        Frame(event, "x\n")
    with pytest.raises(ValueError, match=rf"^a {event.value} frame shows a value, not locals: \(\('x', '1'\),\)$"):
        Frame(event, "x\n", locals=(("x", "1"),), value="1")


def test_a_frame_is_a_plain_value_that_cannot_be_changed() -> None:
    frame = Frame(Event.LINE, "x\n", locals=(("a", "1"),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.source = "y\n"  # type: ignore[misc]
    assert not hasattr(frame, "__dict__")
    assert frame == Frame(Event.LINE, "x\n", (("a", "1"),))
    assert hash(frame) == hash(Frame(Event.LINE, "x\n", (("a", "1"),)))
    assert frame != Frame(Event.CALL, "x\n", (("a", "1"),))


def test_a_frame_may_name_a_local_twice() -> None:
    twice = (("a", "1"), ("a", "2"))
    assert Frame(Event.LINE, "x\n", twice).locals == twice
