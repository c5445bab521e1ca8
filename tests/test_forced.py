"""Teacher forcing: every frame behind the true ones, and one pass over the truth that spares what it can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from cwm_model.backends import Request, Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.predicting.asking import LONGEST_FRAME, Asking
from cwm_model.predicting.forced import Place, teacher_forced
from cwm_model.predicting.prediction import Outcome
from cwm_model.predicting.prompts import Prompt, prompt_of_trace
from cwm_model.tokenizer import small
from tests.asked import CODE, PROMPT, TRUTH, stream
from tests.played import Played
from tests.remembered import model_of
from tracegen import CannotRun, Event, Frame, Special, Trace
from tracegen.programs.here import Here

SEP, END = Special.FRAME_SEP, Special.END_OF_TEXT


def ordered(places: Iterator[Place]) -> list[Place]:
    found = sorted(places, key=lambda place: place.number)
    assert [place.number for place in found] == list(range(1, len(found) + 1))
    return found


def test_a_model_that_writes_the_truth_is_exact_in_every_place_and_at_the_end() -> None:
    backend = Played(stream(TRUTH, END))
    found = ordered(teacher_forced(backend, PROMPT, TRUTH))
    assert [place.true for place in found] == [*TRUTH, None]
    assert all(place.exact for place in found)
    assert [place.prediction.frames for place in found] == [*((frame,) for frame in TRUTH), ()]
    assert [place.prediction.outcome for place in found] == [Outcome.PAUSED] * 6 + [Outcome.FINISHED]


def test_prompts_begin_each_other_and_stop_behind_one_frame() -> None:
    backend = Played(stream(TRUTH, END))
    list(teacher_forced(backend, PROMPT, TRUTH))
    prompts = [request.prompt for request in backend.asked]
    assert list(prompts[0]) == small().encode(PROMPT.pieces())
    assert list(prompts[-1]) == small().encode(stream(TRUTH))
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(prompts))
    assert {request.max_new for request in backend.asked} == {LONGEST_FRAME}
    assert all(small().id_of(SEP) in request.stop for request in backend.asked)


def test_a_wrong_frame_is_what_the_model_wrote_and_the_next_stands_behind_the_true_one() -> None:
    wrong = Frame(Event.LINE, "    return y\n", (("x", "2"), ("y", "4")))
    backend = Played(stream((*TRUTH[:3], wrong)), stream(TRUTH, END))
    found = ordered(teacher_forced(backend, PROMPT, TRUTH))
    assert [place.exact for place in found] == [True, True, True, False, True, True, True]
    assert found[3].prediction.frames == (wrong,)
    # Its "x" is "..", which is read by the true frame before it.
    assert '{"x": "..", "y": "4"}' in found[3].prediction.written


def test_what_is_written_in_a_place_may_be_malformed_or_the_end_or_cut_off_and_the_others_stand() -> None:
    streams = [stream(TRUTH[:2], END), stream(TRUTH[:3], Special.LINE_SEP, "{", SEP), stream(TRUTH, END)]
    found = ordered(teacher_forced(Played(*streams), PROMPT, TRUTH))
    assert [place.exact for place in found] == [True, True, False, False, True, True, True]
    assert (found[2].prediction.outcome, found[2].prediction.frames) == (Outcome.FINISHED, ())
    assert found[3].prediction.outcome is Outcome.MALFORMED
    assert found[3].prediction.detail == "frame 4: wanted locals as a JSON object of strings, found '{'"
    cut = ordered(teacher_forced(Played(stream(TRUTH, END)), PROMPT, TRUTH, Asking(max_new=3)))
    assert {place.prediction.outcome for place in cut[:-1]} == {Outcome.LIMIT}
    assert cut[-1].exact


def test_a_trace_that_was_cut_off_has_no_end_to_predict() -> None:
    found = ordered(teacher_forced(Played(stream(TRUTH, END)), PROMPT, TRUTH[:4], finished=False))
    assert [place.true for place in found] == list(TRUTH[:4])
    assert all(place.exact for place in found)
    assert list(teacher_forced(Played(), PROMPT, (), finished=False)) == []


def test_what_is_beyond_the_models_context_is_cut_off() -> None:
    context = len(small().encode(stream(TRUTH[:3]))) + 5
    found = ordered(teacher_forced(Played(stream(TRUTH, END), context=context), PROMPT, TRUTH))
    assert [place.prediction.outcome for place in found] == [Outcome.PAUSED] * 3 + [Outcome.LIMIT] * 4
    assert [len(place.prediction.ids) for place in found[3:]] == [5, 0, 0, 0]


def test_frames_are_drawn_with_the_seed_plus_their_number() -> None:
    backend = Played(stream(TRUTH, END))
    list(teacher_forced(backend, PROMPT, TRUTH, Asking(Sampling(0.5, seed=10))))
    assert [request.sampling.seed for request in backend.asked] == list(range(11, 18))


def test_rules_follow_the_truth() -> None:
    backend = Played(stream(TRUTH, END), constrains=True)
    found = ordered(teacher_forced(backend, PROMPT, TRUTH, Asking(constrained=True)))
    assert all(place.exact for place in found)
    rules = [request.rules for request in backend.asked]
    assert rules[-1] is not None and rules[-1].allowed().forced == small().id_of(END)


def test_frames_that_cannot_be_asked_for_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        teacher_forced(Played(), PROMPT, [Frame(Event.RETURN, "\ud800\n", value="1")])
    with pytest.raises(ValueError, match="wanted"):
        teacher_forced(Played(constrains=True), PROMPT, [Frame(Event.LINE, "no()\n")], Asking(constrained=True))
    with pytest.raises(CannotRun):
        teacher_forced(Played(), PROMPT, TRUTH, Asking(constrained=True))


# One pass over the truth


@cache
def traced(arguments: str) -> Trace:
    return Here().trace("p", CODE, arguments)


class Counting(LocalBackend):
    """Remembers what it was asked."""

    def complete(self, requests):  # type: ignore[no-untyped-def]
        self.asked: list[Request] = []

        def noted() -> Iterator[Request]:
            for request in requests:
                self.asked.append(request)
                yield request

        return super().complete(noted())


@pytest.fixture
def backend() -> Counting:
    return Counting(small(), model_of(tuple(small().encode(traced("2").pieces()))), slots=4)


def without_passes(places: Sequence[Place]) -> list[Place]:
    return [replace(place, prediction=replace(place.prediction, passes=0)) for place in places]


def asked_of(trace: Trace) -> tuple[Prompt, tuple[Frame, ...]]:
    return prompt_of_trace(trace), trace.frames()[1:]


def test_what_a_model_knows_by_heart_need_not_be_decoded(backend: Counting) -> None:
    found = ordered(teacher_forced(backend, *asked_of(traced("2"))))
    assert all(place.exact for place in found)
    assert backend.asked == []
    assert {place.prediction.passes for place in found} == {0}


@pytest.mark.parametrize("asking", [Asking(max_new=40), Asking(max_new=7), Asking(max_new=40, constrained=True)])
@pytest.mark.parametrize("arguments", ["2", "3", "'<|frame_sep|>'"])
def test_one_pass_over_the_truth_changes_nothing_but_the_work(
    backend: Counting, asking: Asking, arguments: str
) -> None:
    prompt, frames = asked_of(traced(arguments))
    spared = ordered(teacher_forced(backend, prompt, frames, asking))
    few = len(backend.asked)
    plain = ordered(teacher_forced(backend, prompt, frames, asking, ahead=False))
    assert few < len(backend.asked) == len(plain)
    assert without_passes(spared) == without_passes(plain)


@pytest.mark.parametrize("room", [1, 3, 30])
def test_the_models_context_ends_both_ways_alike(room: int) -> None:
    trace = traced("2")
    prompt, frames = asked_of(trace)
    model = model_of(tuple(small().encode(trace.pieces())))
    backend = LocalBackend(small(), model, context=len(small().encode(prompt.pieces())) + room)
    spared = ordered(teacher_forced(backend, prompt, frames))
    assert without_passes(spared) == without_passes(ordered(teacher_forced(backend, prompt, frames, ahead=False)))
    assert spared[-1].prediction.outcome is Outcome.LIMIT


def test_what_is_drawn_is_asked_for_frame_by_frame(backend: Counting) -> None:
    prompt, frames = asked_of(traced("2"))
    list(teacher_forced(backend, prompt, frames, Asking(Sampling(temperature=0.1), max_new=5)))
    assert len(backend.asked) == len(frames) + 1
