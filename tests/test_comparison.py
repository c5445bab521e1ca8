"""Two runs of frames against each other: what agrees, where they part, and how."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_model.predicting.forced import Place, teacher_forced
from cwm_model.predicting.prediction import Outcome, Prediction
from evals.agreement import Agreement, Share, agreement
from evals.comparison import Comparison, Divergence, Parting, compare, compare_place, compare_places
from tests.asked import PROMPT, TRUTH, stream
from tests.hostile import frames_with, texts, unhurried
from tests.played import Played
from tracegen import Event, Frame, Special

END = Special.END_OF_TEXT
FRAMES = frames_with(texts)


def said(*frames: Frame, outcome: Outcome = Outcome.FINISHED, detail: str = "") -> Prediction:
    return Prediction(frames, outcome, detail=detail)


def against_truth(*frames: Frame, outcome: Outcome = Outcome.FINISHED, detail: str = "") -> Comparison:
    return compare(TRUTH, said(*frames, outcome=outcome, detail=detail))


def parted(*frames: Frame, outcome: Outcome = Outcome.FINISHED, detail: str = "") -> Divergence:
    found = against_truth(*frames, outcome=outcome, detail=detail).divergence
    assert found is not None
    return found


def with_frame(index: int, **changes: object) -> tuple[Frame, ...]:
    changed = replace(TRUTH[index], **changes)  # type: ignore[arg-type]
    return (*TRUTH[:index], changed, *TRUTH[index + 1 :])


# One frame


def test_a_wrong_value_is_charged_in_state_and_pairs_and_not_in_keys() -> None:
    true = Frame(Event.LINE, "x\n", (("a", "1"), ("b", "'s'"), ("c", "{1, 2}"), ("d", "2")))
    found = agreement(true, replace(true, locals=(("d", "2"), ("c", "{2, 1}"), ("a", "1.0"), ("b", "'s'"))))
    assert (found.event, found.action, found.step, found.exact) == (Share(1, 1), Share(1, 1), Share(1, 1), Share(0, 1))
    assert (found.keys, found.state, found.pairs) == (Share(1, 1), Share(0, 1), Share(0.75, 1))
    assert (found.strings, found.others) == (Share(1, 1), Share(2, 3))
    assert found.exact_of(Event.LINE) == Share(0, 1)
    assert found.exact_of(Event.CALL) == found.returned == Share()


def test_a_local_too_many_is_charged_in_keys_and_state_and_not_in_pairs() -> None:
    true = Frame(Event.CALL, "x\n", (("a", "1"),))
    found = agreement(true, replace(true, locals=(("a", "1"), ("b", "2"))))
    assert (found.keys, found.state, found.pairs) == (Share(0, 1), Share(0, 1), Share(1, 1))


def test_a_frame_without_locals_has_a_state_and_no_pairs() -> None:
    found = agreement(Frame(Event.LINE, "x\n"), Frame(Event.LINE, "x\n"))
    assert (found.keys, found.state, found.pairs, found.exact) == (Share(1, 1), Share(1, 1), Share(), Share(1, 1))


def test_a_frame_that_shows_a_value_has_no_state() -> None:
    true = Frame(Event.RETURN, "x\n", value="{'a', 'b'}")
    found = agreement(true, Frame(Event.RETURN, "x\n", value="{'b', 'a'}"))
    assert (found.returned, found.raised, found.exact) == (Share(1, 1), Share(), Share(1, 1))
    assert found.state == found.keys == found.pairs == Share()
    other = agreement(true, Frame(Event.EXCEPTION, "x\n", value="{'a', 'b'}"))
    assert (other.event, other.action, other.returned) == (Share(0, 1), Share(1, 1), Share(0, 1))
    assert agreement(Frame(Event.EXCEPTION, "x\n", value="E()"), None).raised == Share(0, 1)


def test_where_no_frame_stands_nothing_is_right() -> None:
    found = agreement(TRUTH[3], None)
    assert found.event == found.action == found.step == found.keys == found.state == found.pairs == Share(0, 1)
    assert found.others == Share(0, 2)


def test_of_a_name_that_is_said_twice_the_last_value_counts() -> None:
    true = Frame(Event.LINE, "x\n", (("a", "1"),))
    assert agreement(true, replace(true, locals=(("a", "2"), ("a", "1")))).exact == Share(1, 1)


def test_shares_and_agreements_add() -> None:
    each = [agreement(true, None if index == 2 else true) for index, true in enumerate(TRUTH)]
    total = Agreement.sum(each)
    assert (total.exact, total.returned, total.exact_of(Event.LINE)) == (Share(5, 6), Share(2, 2), Share(2, 3))
    assert Agreement.sum(each[:3]) + Agreement.sum(each[3:]) == total
    assert (Share(1, 4).rate, Share().rate) == (0.25, None)


# The first divergence


def test_the_truth_agrees_with_itself() -> None:
    found = against_truth(*TRUTH)
    assert (found.exact, found.right, found.end, found.formed, found.path) == (
        True, Share(6, 6), Share(1, 1), Share(7, 7), True,
    )  # fmt: skip


def test_a_wrong_value_names_the_local_and_both_values() -> None:
    assert parted(*with_frame(3, locals=(("x", "2"), ("y", "4")))) == Divergence(
        4, Parting.WRONG_VALUE, 'frame 4, line "    return y": y is 3, predicted 4', ("y",)
    )
    assert parted(*with_frame(3, locals=(("x", "[]"), ("y", "4")))).text.endswith("x is 2, predicted [] (and 1 more)")
    assert parted(*with_frame(5, value="4")) == Divergence(
        6, Parting.WRONG_VALUE, 'frame 6, return "    return f(2)": returns 3, predicted 4'
    )


def test_wrong_names_are_those_that_are_missing_and_those_that_are_too_many() -> None:
    assert parted(*with_frame(3, locals=(("y", "9"), ("z", "1")))) == Divergence(
        4, Parting.WRONG_NAMES, 'frame 4, line "    return y": x is missing, z is too many', ("x", "z")
    )


def test_another_event_or_source_line_is_a_wrong_line() -> None:
    text = 'frame 3: it is line "    y = x + 1", predicted line "    return y"'
    assert parted(*with_frame(2, source="    return y\n")) == Divergence(3, Parting.WRONG_LINE, text)
    assert parted(*with_frame(2, event=Event.CALL)).parting is Parting.WRONG_LINE


@pytest.mark.parametrize(
    ("outcome", "parting", "why"),
    [
        (Outcome.FINISHED, Parting.EARLY_STOP, "the trace was ended, it is {}"),
        (Outcome.PAUSED, Parting.EARLY_STOP, "nothing more was written, it is {}"),
        (Outcome.LIMIT, Parting.CUT_OFF, "it is {}; limit: why"),
        (Outcome.MALFORMED, Parting.FORMAT, "it is {}; malformed: why"),
        (Outcome.FAILED, Parting.FAILED, "it is {}; failed: why"),
    ],
)
@pytest.mark.parametrize("count", [3, 6])
def test_a_prediction_that_is_right_as_far_as_it_goes_parts_where_it_stops(
    outcome: Outcome, parting: Parting, why: str, count: int
) -> None:
    found = against_truth(*TRUTH[:count], outcome=outcome, detail=f"frame {count + 1}: why")
    if outcome is Outcome.FINISHED and count == 6:
        assert found.exact
        return
    wanted = "the end" if count == 6 else 'line "    return y"'
    assert found.divergence == Divergence(count + 1, parting, f"frame {count + 1}: " + why.format(wanted))
    assert found.right == Share(count, 6)
    assert found.agreement.exact == Share(count, 6)
    assert found.end == Share(0, 1)


def test_what_is_wrong_before_it_stops_comes_first() -> None:
    wrong = with_frame(2, locals=(("x", "9"),))[:4]
    assert parted(*wrong, outcome=Outcome.LIMIT).parting is Parting.WRONG_VALUE


def test_what_goes_on_behind_the_end_is_too_long_and_its_frames_are_right() -> None:
    found = against_truth(*TRUTH, TRUTH[0], outcome=Outcome.LIMIT)
    text = 'frame 7: the trace ends here, predicted is line "    return f(2)"'
    assert found.divergence == Divergence(7, Parting.TOO_LONG, text)
    assert (found.agreement.exact, found.right, found.end, found.path) == (Share(6, 6), Share(6, 6), Share(0, 1), False)


def test_the_right_path_may_have_wrong_values() -> None:
    assert against_truth(*with_frame(3, locals=())).path
    assert against_truth(*TRUTH[:2], outcome=Outcome.LIMIT).path
    assert not against_truth(*TRUTH[:2]).path
    assert not against_truth(*with_frame(3, source="    y = x + 1\n")).path


def test_behind_a_recording_that_was_cut_off_nothing_is_right_or_wrong_but_an_end() -> None:
    for more, outcome in [((), Outcome.PAUSED), (TRUTH[4:], Outcome.FINISHED), ((), Outcome.LIMIT)]:
        found = compare(TRUTH[:4], said(*TRUTH[:4], *more, outcome=outcome), finished=False)
        assert (found.divergence, found.end, found.path) == (None, Share(), True)
    ended = compare(TRUTH[:4], said(*TRUTH[:4]), finished=False)
    assert ended.divergence is not None
    assert ended.divergence.text == "frame 5: the trace was ended, it is more of it"


def test_long_values_are_cut_to_where_they_differ_and_control_characters_are_shown() -> None:
    true = Frame(Event.RETURN, "\x1b[2J" + "x" * 200 + "\n", value="[" + "1, " * 100 + "2]")
    found = compare((true,), said(replace(true, value="[" + "1, " * 100 + "3]")))
    assert found.divergence is not None
    text = found.divergence.text
    assert len(text) < 300 and "\x1b" not in text and "\\x1b[2J" in text
    assert "2], predicted …" in text and text.endswith("3]")


# Properties


@unhurried
@given(st.lists(FRAMES, max_size=8))
def test_a_run_compared_with_itself_is_all_right(truth: list[Frame]) -> None:
    found = compare(truth, said(*truth))
    assert found.exact and found.path
    assert found.right == found.agreement.exact == Share(len(truth), len(truth))
    shares = [getattr(found.agreement, name) for name in ("event", "action", "step", "keys", "state", "pairs")]
    assert all(share.right == share.of for share in shares)


@unhurried
@given(st.lists(FRAMES, min_size=1, max_size=8), st.data())
def test_one_change_at_a_frame_diverges_there(truth: list[Frame], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(truth) - 1))
    change = data.draw(st.sampled_from(["source", "state", "cut", "end"]))
    frame = truth[k]
    said_frames, expected = list(truth), Parting.WRONG_LINE
    if change == "source":
        said_frames[k] = replace(frame, source=frame.source + "!")
    elif change == "state" and frame.value is not None:
        said_frames[k], expected = replace(frame, value=f"['no', {frame.value!r}]"), Parting.WRONG_VALUE
    elif change == "state":
        said_frames[k], expected = replace(frame, locals=(*frame.locals, ("not_there", "1"))), Parting.WRONG_NAMES
    else:
        said_frames, expected = said_frames[:k], Parting.CUT_OFF if change == "cut" else Parting.EARLY_STOP
    outcome = Outcome.LIMIT if change == "cut" else Outcome.FINISHED
    found = compare(truth, said(*said_frames, outcome=outcome))
    assert found.divergence is not None
    assert (found.divergence.index, found.divergence.parting, found.right) == (k + 1, expected, Share(k, len(truth)))
    assert found.agreement.exact == Share(k if change in ("cut", "end") else len(truth) - 1, len(truth))


@unhurried
@given(st.lists(FRAMES, max_size=5), st.lists(FRAMES, max_size=5), st.sampled_from(Outcome), st.booleans())
def test_nothing_that_is_written_raises(
    truth: list[Frame], written: list[Frame], outcome: Outcome, finished: bool
) -> None:
    found = compare(truth, said(*written, outcome=outcome), finished=finished)
    assert found.agreement.exact.of == len(truth)
    assert found.divergence is None or "\n" not in found.divergence.text


# Places


def places(*streams: list[object]) -> list[Place]:
    return list(teacher_forced(Played(*streams), PROMPT, TRUTH))  # type: ignore[arg-type]


def test_every_place_stands_alone_and_the_first_that_differs_is_the_divergence() -> None:
    wrong = with_frame(3, locals=(("x", "2"), ("y", "4")))
    found = compare_places(places([*stream(wrong, END)], [*stream(TRUTH, END)]))
    assert found.divergence is not None
    assert found.divergence.text == 'frame 4, line "    return y": y is 3, predicted 4'
    assert (found.right, found.agreement.exact, found.end, found.formed, found.path) == (
        Share(3, 6), Share(5, 6), Share(1, 1), Share(7, 7), True,
    )  # fmt: skip


def test_all_places_right_is_an_exact_trace() -> None:
    found = compare_places(reversed(places([*stream(TRUTH, END)])))
    assert (found.exact, found.right, found.end) == (True, Share(6, 6), Share(1, 1))
    assert compare_places(()).right == Share()


def test_a_place_is_exact_where_its_frame_is_by_value() -> None:
    true = Frame(Event.RETURN, "x\n", value="{1, 2}")
    place = Place(1, true, said(replace(true, value="{2, 1}"), outcome=Outcome.PAUSED))
    assert not place.exact
    assert compare_place(place).exact


@pytest.mark.parametrize(
    ("true", "prediction", "parting"),
    [
        (TRUTH[3], said(), Parting.EARLY_STOP),
        (TRUTH[3], said(outcome=Outcome.LIMIT), Parting.CUT_OFF),
        (TRUTH[3], said(outcome=Outcome.MALFORMED), Parting.FORMAT),
        (TRUTH[3], said(outcome=Outcome.FAILED), Parting.FAILED),
        (TRUTH[3], said(TRUTH[2], outcome=Outcome.PAUSED), Parting.WRONG_LINE),
        (None, said(TRUTH[2], outcome=Outcome.PAUSED), Parting.TOO_LONG),
        (None, said(outcome=Outcome.LIMIT), Parting.CUT_OFF),
        (None, said(), None),
    ],
)
def test_a_place_parts_as_a_trace_does(true: Frame | None, prediction: Prediction, parting: Parting | None) -> None:
    found = compare_place(Place(4, true, prediction))
    assert (found.divergence and found.divergence.parting) == parting
    assert found.divergence is None or found.divergence.index == 4
