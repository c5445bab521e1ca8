"""Stepping through a predicted trace: what each step asks for, and that going back leaves no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwm_model.backends import Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.predict import Mode, predict
from cwm_model.predicting.asking import LONGEST_FRAME, Asking
from cwm_model.predicting.prediction import Outcome, Prediction
from cwm_model.predicting.prompts import Prompt, prompt_of_call
from cwm_model.predicting.stepping import Stepper
from cwm_model.tokenizer import small
from tests.asked import FREE, HEAD, PROMPT, TRUTH, call, stream
from tests.played import Played
from tests.remembered import model_of
from tracegen import CannotRun, Event, Frame, Special
from tracegen.grammar import Oddness

SEP, END = Special.FRAME_SEP, Special.END_OF_TEXT
OVER = Frame(Event.RETURN, "    return y\n", value="9")
BEHIND = Frame(Event.RETURN, "    return f(2)\n", value="9")
STEPPED_OVER = (*TRUTH[:2], OVER, BEHIND)
"""What a model says of a call whose return is forced."""


def stepper(*streams: list, asking: Asking = FREE, **given: object) -> Stepper:  # type: ignore[type-arg]
    return Stepper(Played(*streams, **given), PROMPT, asking)  # type: ignore[arg-type]


def test_a_step_is_one_frame_behind_all_before_it() -> None:
    found = stepper(stream(TRUTH, END))
    assert (found.frames, found.depth, found.finished) == (HEAD, 1, False)
    for number, frame in enumerate(TRUTH):
        step = found.step()
        assert (step.frames, step.outcome, step.rest) == ((frame,), Outcome.PAUSED, ())
        assert found.frames == (*HEAD, *TRUTH[: number + 1])
    assert (found.depth, found.finished) == (0, False)
    assert (found.step().outcome, found.finished) == (Outcome.FINISHED, True)
    assert found.step() == found.next() == found.out() == Prediction((), Outcome.FINISHED)
    assert found.frames == (*HEAD, *TRUTH)


def test_behind_a_call_a_line_is_forced() -> None:
    backend = Played(stream(TRUTH, END))
    found = Stepper(backend, PROMPT)
    found.run()
    forced = [request.prompt[-1] == small().id_of(Special.LINE_SEP) for request in backend.asked]
    assert forced == [True, False, True, False, False, False, False]
    assert {request.max_new for request in backend.asked} == {LONGEST_FRAME}
    assert all(small().id_of(SEP) in request.stop for request in backend.asked)


def test_next_steps_over_a_call() -> None:
    found = stepper(stream(STEPPED_OVER, END), stream(TRUTH, END))
    assert found.step().frames == TRUTH[:1]
    over = found.next()
    assert (over.frames, over.outcome) == ((TRUTH[1], OVER, BEHIND), Outcome.PAUSED)
    assert found.depth == 0
    assert found.next().outcome is Outcome.FINISHED


def test_next_at_a_call_asks_for_its_return_at_once() -> None:
    found = stepper(stream((BEHIND,), END))
    over = found.next()
    assert (over.frames, over.outcome) == ((BEHIND,), Outcome.FINISHED)
    assert found.finished


def test_next_steps_over_every_call_of_a_line() -> None:
    frames = (*TRUTH[:2], OVER, TRUTH[1], OVER, BEHIND)
    found = stepper(stream(frames, END))
    found.step()
    assert found.next().frames == frames[1:]


def test_next_stops_where_there_is_no_going_on_and_keeps_what_there_is() -> None:
    found = stepper(stream(TRUTH[:2], Special.RETURN_SEP, SEP))
    found.step()
    over = found.next()
    assert (over.frames, over.outcome) == (TRUTH[1:2], Outcome.MALFORMED)
    assert over.rest == (Special.RETURN_SEP, SEP)
    assert found.frames == (*HEAD, *TRUTH[:2])


def test_out_leaves_the_present_scope_and_no_other() -> None:
    found = stepper(stream(TRUTH, END))
    found.step()
    found.step()
    left = found.out()
    assert (left.frames, left.outcome) == (TRUTH[2:5], Outcome.PAUSED)
    assert found.out().frames == TRUTH[5:]
    again = stepper(stream(TRUTH, END))
    again.step()
    # Calls on the way are entered and left.
    assert again.out().frames == TRUTH[1:]


def test_out_of_a_scope_that_is_never_left_ends_where_there_is_no_room() -> None:
    lines = [TRUTH[0]] * 300
    found = stepper(stream(tuple(lines)), context=400)
    out = found.out()
    assert out.outcome is Outcome.LIMIT
    assert out.frames == tuple(lines[: len(out.frames)])
    assert "context of 400 ids is full" in out.detail


def test_back_takes_one_frame_and_the_same_comes_again() -> None:
    found = stepper(stream(TRUTH, END), asking=Asking(Sampling(0.5, seed=3)))
    backend = found._backend
    assert isinstance(backend, Played)
    first = [found.step() for _ in range(4)]
    assert found.back() == TRUTH[3]
    assert found.back() == TRUTH[2]
    assert found.frames == (*HEAD, *TRUTH[:2])
    assert [found.step() for _ in range(2)] == first[2:]
    assert backend.asked[4:] == backend.asked[2:4]
    assert len({request.sampling.seed for request in backend.asked[:4]}) == 4


def test_back_from_the_end_takes_the_last_frame_with_it() -> None:
    found = stepper(stream(TRUTH, END))
    found.run()
    assert found.finished
    assert found.back() == TRUTH[5]
    assert (found.finished, found.frames) == (False, (*HEAD, *TRUTH[:5]))
    assert found.step().frames == TRUTH[5:]


def test_there_is_no_going_back_behind_the_head() -> None:
    found = stepper(stream((), Special.LINE_SEP, END))
    assert found.back() is None
    found = stepper(stream(TRUTH))
    found.step()
    assert (found.back(), found.back(), found.frames) == (TRUTH[0], None, HEAD)


@pytest.mark.parametrize(
    ("behind", "outcome"),
    [
        ([Special.LINE_SEP, "{", SEP], Outcome.MALFORMED),
        ([Special.LINE_SEP, END], Outcome.MALFORMED),
        ([Special.LINE_SEP, "{}"], Outcome.FAILED),
        ([], Outcome.FAILED),
    ],
)
def test_a_frame_that_is_none_leaves_the_trace_where_it_was(behind: list, outcome: Outcome) -> None:  # type: ignore[type-arg]
    found = stepper(stream((), *behind))
    step = found.step()
    assert (step.outcome, step.frames) == (outcome, ())
    assert (found.frames, found.finished) == (HEAD, False)
    assert found.step() == step


def test_the_models_own_spelling_is_what_it_reads_again() -> None:
    odd = stream((), Special.LINE_SEP, "{  }", Special.ACTION_SEP, "    return f(2)\n", SEP)
    backend = Played([*odd, *stream(TRUTH, END)[len(stream(TRUTH[:1])) :]])
    found = Stepper(backend, PROMPT)
    assert found.run().frames == TRUTH
    assert list(backend.asked[1].prompt) == small().encode(odd)


def test_what_is_odd_is_named_by_the_frames_number_in_all_that_was_predicted() -> None:
    frames = (TRUTH[0], Frame(Event.LINE, "    nowhere()\n"))
    found = stepper(stream(frames, END)).run()
    assert [(odd.frame, odd.oddness) for odd in found.oddities] == [(1, Oddness.LINE_NOT_IN_CONTEXT)]
    # What was forced is written, and no id of the model's.
    assert (found.frames, found.rest, len(found.ids)) == (frames, (), len(small().encode(found.written)) - 1)


def test_a_prompt_that_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        Stepper(Played(), Prompt("\ud800", HEAD))
    with pytest.raises(CannotRun):
        Stepper(Played(), PROMPT, Asking(constrained=True))


def test_stepping_as_a_mode_is_stepping_to_the_end() -> None:
    prompts = [PROMPT, Prompt("\ud800", HEAD)]
    whole, bad = predict(Played(stream(TRUTH, END)), prompts, Mode.STEPPING)
    assert (whole.prediction.frames, whole.prediction.outcome) == (TRUTH, Outcome.FINISHED)
    assert [*PROMPT.pieces(), *whole.prediction.written] == stream(TRUTH, END)
    assert (bad.prompt, bad.prediction.outcome) == (1, Outcome.FAILED)


# With a model


@pytest.fixture
def backend() -> LocalBackend:
    return LocalBackend(small(), model_of(tuple(small().encode(stream(TRUTH, END)))))


class Requests:
    """The same model without sessions."""

    def __init__(self, backend: LocalBackend) -> None:
        self.tokenizer, self.context, self.constrains = backend.tokenizer, backend.context, True
        self.complete = backend.complete


def test_a_model_that_knows_a_trace_by_heart_steps_through_it(backend: LocalBackend) -> None:
    found = Stepper(backend, PROMPT)
    assert found.run().frames == TRUTH
    assert found.finished
    [full] = predict(backend, [PROMPT])
    assert full.prediction.frames == TRUTH


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_session_and_plain_requests_give_the_same_frames(backend: LocalBackend, temperature: float) -> None:
    asking = Asking(Sampling(temperature, seed=1), max_new=30, constrained=True)
    other = prompt_of_call(call(arguments="3"))
    with_session, without = Stepper(backend, other, asking), Stepper(Requests(backend), other, asking)
    for act in ("step", "next", "step", "back", "step", "out", "back", "back", "step", "next", "step"):
        ours, theirs = getattr(with_session, act)(), getattr(without, act)()
        if isinstance(ours, Prediction):
            ours, theirs = replace(ours, passes=0), replace(theirs, passes=0)
        assert ours == theirs, act
        assert with_session.frames == without.frames
