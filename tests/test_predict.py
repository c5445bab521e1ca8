"""Modes and answers: what is asked of a model, and the frames that its ids are, whatever it writes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_model.backends import Sampling
from cwm_model.backends.posting import Connection
from cwm_model.backends.server import ServerBackend
from cwm_model.predict import Mode, predict
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.prediction import Outcome, Prediction, answer
from cwm_model.predicting.prompts import Prompt, prompt_of_call
from cwm_model.tokenizer import small
from tests.asked import CODE, FREE, HEAD, PROMPT, TRUTH, call, stream
from tests.completions_server import CompletionsServer, playing
from tests.hostile import unhurried
from tests.played import Played
from tracegen import CannotRun, Event, Frame, Special
from tracegen.grammar import Oddness, Piece

SEP, END = Special.FRAME_SEP, Special.END_OF_TEXT


def one(backend: Played, mode: Mode = Mode.FULL, asking: Asking = FREE, prompt: Prompt = PROMPT) -> Prediction:
    [predicted] = predict(backend, [prompt], mode, asking)
    assert (predicted.prompt, predicted.sample) == (0, 0)
    return predicted.prediction


# Full traces


def test_a_full_trace_is_one_request_that_stops_at_the_end() -> None:
    backend = Played(stream(TRUTH, END))
    found = one(backend)
    assert (found.frames, found.outcome, found.rest, found.detail, found.oddities) == (
        TRUTH, Outcome.FINISHED, (), "", (),
    )  # fmt: skip
    assert answer(found) == "3"
    [request] = backend.asked
    assert list(request.prompt) == small().encode(PROMPT.pieces())
    ends = (Special.END_OF_TEXT, Special.EOM_ID, Special.EOT_ID)
    assert request.stop == {small().id_of(special) for special in ends}
    assert request.max_new == 4096 - len(request.prompt)
    assert len(found.ids) == found.passes == len(small().encode(found.written))
    assert [*PROMPT.pieces(), *found.written] == stream(TRUTH, END)


def test_another_end_is_no_trace_but_its_frames_are_kept() -> None:
    found = one(Played(stream(TRUTH, Special.EOT_ID)))
    assert (found.outcome, found.frames, found.rest) == (Outcome.MALFORMED, TRUTH, (Special.EOT_ID,))
    assert found.detail == "frame 7: wanted the event of a frame, found EOT_ID"
    assert answer(found) == "3"


@pytest.mark.parametrize(
    ("behind", "detail"),
    [
        ([SEP, END], "frame 3: wanted the event of a frame, found FRAME_SEP"),
        ([Special.PAD, END], "frame 3: wanted the event of a frame, found PAD"),
        (["text", END], "frame 3: wanted the event of a frame, found 'text'"),
        ([Special.LINE_SEP, "{", SEP, END], "frame 3: wanted locals as a JSON object of strings, found '{'"),
        ([Special.LINE_SEP, '{"a": 1}', END], "frame 3: wanted locals as a JSON object of strings, found '{\"a\": 1}'"),
        ([Special.LINE_SEP, "[" * 9999, END], "frame 3: wanted locals as a JSON object of strings, found '["),
        ([Special.RETURN_SEP, "{}", END], "frame 3: wanted ACTION_SEP, found '{}'"),
        ([Special.RETURN_SEP, Special.ACTION_SEP, "a", SEP, END], "frame 3: wanted ARG_SEP, found FRAME_SEP"),
        (
            [Special.RETURN_SEP, Special.ACTION_SEP, "a", Special.ARG_SEP, '"b', SEP, END],
            "frame 3: wanted a value as a JSON string, found '\"b'",
        ),
        ([Special.BEGIN_OF_TEXT, END], "frame 3: wanted the event of a frame, found BEGIN_OF_TEXT"),
    ],
)
def test_what_is_no_frame_is_kept_as_it_stands_and_loses_none_before_it(behind: list[Piece], detail: str) -> None:
    found = one(Played(stream(TRUTH[:2], *behind), context=1 << 16))
    assert (found.outcome, found.frames, found.rest) == (Outcome.MALFORMED, TRUTH[:2], tuple(behind))
    assert found.detail.startswith(detail)
    assert answer(found) is None


def test_a_trace_that_is_cut_anywhere_is_cut_off_and_not_malformed() -> None:
    backend = Played(stream(TRUTH, END))
    whole = small().encode(one(backend).written)
    separator = small().id_of(SEP)
    for count in range(1, len(whole)):
        found = one(backend, asking=Asking(max_new=count))
        assert found.outcome is Outcome.LIMIT, found
        assert found.detail == f"{count} ids, as many as were allowed"
        assert found.frames == TRUTH[: whole[:count].count(separator)]
        assert (len(found.ids), small().encode(found.written)) == (count, whole[:count])
        assert bool(found.rest) == (whole[count - 1] != separator)
    assert one(backend, asking=Asking(max_new=len(whole))).outcome is Outcome.FINISHED


@pytest.mark.parametrize("behind", [["text"], [Special.RETURN_SEP, "{}"], [Special.LINE_SEP, Special.PAD]])
def test_what_no_more_ids_could_mend_is_malformed_even_if_it_is_cut_off(behind: list[Piece]) -> None:
    count = len(small().encode(stream((), *behind))) - len(small().encode(PROMPT.pieces()))
    assert one(Played(stream((), *behind)), asking=Asking(max_new=count)).outcome is Outcome.MALFORMED


def test_the_models_context_is_a_limit_too() -> None:
    given = len(small().encode(PROMPT.pieces()))
    found = one(Played(stream(TRUTH, END), context=given + 20))
    assert (found.outcome, len(found.ids)) == (Outcome.LIMIT, 20)
    assert found.detail == f"the model's context of {given + 20} ids is full (the prompt has {given})"
    for context in (given, given - 5):
        backend = Played(stream(TRUTH, END), context=context)
        found = one(backend)
        assert (found.outcome, found.ids, backend.asked) == (Outcome.LIMIT, (), [])
        assert found.detail == f"the model's context of {context} ids is full (the prompt has {given})"


def test_a_request_that_fails_is_a_prediction_that_failed() -> None:
    assert one(Played()) == Prediction((), Outcome.FAILED, detail="the sequence is over")


def test_what_is_odd_is_kept_and_named_by_the_predicted_frames_number() -> None:
    frames = (TRUTH[0], Frame(Event.LINE, "    nowhere()\n", (("x", ".."),)))
    found = one(Played(stream(frames, END)))
    assert (found.frames, found.outcome) == (frames, Outcome.FINISHED)
    assert {(odd.frame, odd.oddness) for odd in found.oddities} == {
        (1, Oddness.LINE_NOT_IN_CONTEXT),
        (1, Oddness.UNSEEN),
    }


def test_the_first_predicted_frame_may_refer_to_the_heads_last() -> None:
    head = (Frame(Event.CALL, "def f(x):\n", (("x", "2"),)),)
    prompt = Prompt(CODE, head)
    written: list[Piece] = [Special.LINE_SEP, '{"x": ".."}', Special.ACTION_SEP, "    y = x + 1\n", SEP, END]
    found = one(Played([*prompt.pieces(), *written]), prompt=prompt)
    assert (found.frames, found.oddities) == ((Frame(Event.LINE, "    y = x + 1\n", (("x", "2"),)),), ())


@unhurried
@given(st.lists(st.integers(0, small().size - 1), min_size=1, max_size=60), st.integers(0, 6), st.booleans())
def test_no_ids_are_a_crash(ids: list[int], whole: int, limited: bool) -> None:
    backend = Played(stream(TRUTH[:whole]))
    given = len(small().encode(PROMPT.pieces()))
    backend.sequences[0] += ids if limited else [*ids, small().id_of(END)]
    found = one(backend, asking=Asking(max_new=len(backend.sequences[0]) - given))
    assert found.frames[:whole] == TRUTH[:whole]
    assert found.outcome in (Outcome.FINISHED, Outcome.LIMIT, Outcome.MALFORMED)
    assert found.written[len(found.written) - len(found.rest) :] == found.rest
    assert found.outcome is not Outcome.MALFORMED or found.rest


# The answer


def test_the_answer_is_what_the_entry_returns_and_not_what_it_calls() -> None:
    assert answer(Prediction(TRUTH[:5], Outcome.LIMIT)) is None
    assert answer(Prediction(TRUTH, Outcome.LIMIT)) == "3"
    assert answer(Prediction(TRUTH[:5], Outcome.FINISHED)) == "3"
    assert answer(Prediction((), Outcome.FINISHED)) is None
    assert answer(Prediction(TRUTH[2:5], Outcome.LIMIT), depth=1) == "3"
    assert answer(Prediction(TRUTH[1:], Outcome.LIMIT), depth=0) == "3"


def test_an_answer_stands_even_if_nonsense_follows() -> None:
    assert answer(one(Played(stream(TRUTH, "nonsense", END)))) == "3"


# Single step, samples, constraint


def test_a_single_step_forces_the_return_and_stops_behind_its_frame() -> None:
    says = Frame(Event.RETURN, "    return f(2)\n", value="'three'")
    backend = Played(stream((says,), Special.CALL_SEP))
    found = one(backend, Mode.SINGLE)
    assert (found.frames, found.outcome, answer(found)) == ((says,), Outcome.PAUSED, "'three'")
    [request] = backend.asked
    assert request.prompt[-1] == small().id_of(Special.RETURN_SEP)
    assert small().id_of(SEP) in request.stop
    assert found.written[0] is Special.RETURN_SEP
    assert len(found.ids) == len(small().encode(found.written)) - 1


def test_a_single_step_that_is_malformed_keeps_what_was_forced() -> None:
    found = one(Played(stream((), Special.RETURN_SEP, SEP)), Mode.SINGLE)
    assert (found.outcome, found.rest) == (Outcome.MALFORMED, (Special.RETURN_SEP, SEP))
    assert answer(found) is None


def test_samples_are_drawn_with_seeds_in_a_row_and_all_come_back() -> None:
    others = [prompt_of_call(call(arguments=str(number))) for number in range(4)]
    backend = Played(*(stream(TRUTH, END, prompt=prompt) for prompt in others))
    asking = Asking(Sampling(temperature=0.7, top_p=0.9, seed=5))
    found = list(predict(backend, others, Mode.FULL, asking, samples=3))
    assert sorted((each.prompt, each.sample) for each in found) == [(p, s) for p in range(4) for s in range(3)]
    assert [each.sampling for each in backend.asked] == [Sampling(0.7, 0.9, 5 + s) for _ in range(4) for s in range(3)]


def test_a_prompt_that_cannot_be_asked_fails_alone() -> None:
    bad = Prompt("x = '\ud800'\n", HEAD)
    found = list(predict(Played(stream(TRUTH, END)), [bad, PROMPT, bad], samples=1))
    by_prompt = {each.prompt: each.prediction for each in found}
    assert [by_prompt[number].outcome for number in range(3)] == [Outcome.FAILED, Outcome.FINISHED, Outcome.FAILED]
    assert by_prompt[0].detail == "half a surrogate pair cannot be encoded: \"x = '\\ud800'\\n\""


def test_constrained_requests_carry_the_grammar_behind_the_head() -> None:
    backend = Played(stream(TRUTH, END), constrains=True)
    one(backend, asking=Asking(constrained=True))
    one(backend, Mode.SINGLE, asking=Asking(constrained=True))
    free, single = (request.rules for request in backend.asked)
    assert free is not None and single is not None
    allowed = set(free.allowed().ids.tolist())
    events = (Special.CALL_SEP, Special.LINE_SEP, Special.RETURN_SEP, Special.EXCEPTION_SEP)
    assert allowed == {small().id_of(event) for event in events}
    assert single.allowed().forced == small().id_of(Special.ACTION_SEP)
    assert backend.asked[0].max_new > 2048


def test_a_head_that_the_grammar_does_not_know_fails() -> None:
    prompt = Prompt(PROMPT.context, (Frame(Event.CALL, "def other():\n"),))
    found = one(Played(constrains=True), asking=Asking(constrained=True), prompt=prompt)
    assert found.outcome is Outcome.FAILED
    assert found.detail.startswith("frame 1 (call)")


def test_what_makes_no_sense_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(CannotRun, match="does not obey the grammar"):
        predict(Played(), [PROMPT], asking=Asking(constrained=True))
    with pytest.raises(CannotRun, match="max tokens: wanted 1 or more, found 0"):
        predict(Played(), [PROMPT], asking=Asking(max_new=0))
    with pytest.raises(ValueError, match="forced"):
        predict(Played(), [PROMPT], Mode.TEACHER_FORCED)


# Hostile programs


def hostile(say: str) -> tuple[Prompt, tuple[Frame, ...]]:
    """A program that says a text in its source, in names, in values; and its frames."""
    code = f"def f(x):\n    y = {say!r} + x  # {say}\n    return y\n"
    prompt = prompt_of_call(call(code, repr(say)))
    line, source = f"    y = {say!r} + x  # {say}\n", f"    return f({say!r})\n"
    value = repr(say + say)
    frames = (
        Frame(Event.LINE, source),
        Frame(Event.CALL, "def f(x):\n", (("x", repr(say)),)),
        Frame(Event.LINE, line, (("x", repr(say)), (say, say))),
        Frame(Event.LINE, "    return y\n", (("x", repr(say)), (say, say), ("y", value))),
        Frame(Event.RETURN, "    return y\n", value=value),
        Frame(Event.RETURN, source, value=value),
    )
    return prompt, frames


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.STEPPING])
@pytest.mark.parametrize("special", [*Special], ids=lambda special: special.name)
def test_a_program_that_says_a_control_token_gives_the_frames_that_a_harmless_one_gives(
    special: Special, mode: Mode
) -> None:
    prompt, frames = hostile(special.text)
    found = one(Played(stream(frames, END, prompt=prompt)), mode, prompt=prompt)
    harmless_prompt, harmless_frames = hostile("harmless")
    harmless = one(Played(stream(harmless_frames, END, prompt=harmless_prompt)), mode, prompt=harmless_prompt)

    def swapped(frame: Frame) -> Frame:
        text = frame.source.replace("harmless", special.text)
        locals = tuple(tuple(each.replace("harmless", special.text) for each in pair) for pair in frame.locals)
        value = frame.value and frame.value.replace("harmless", special.text)
        return Frame(frame.event, text, locals, value)  # type: ignore[arg-type]

    assert found.frames == frames == tuple(swapped(frame) for frame in harmless.frames)
    assert (found.outcome, found.oddities) == (harmless.outcome, ()) == (Outcome.FINISHED, ())
    assert answer(found) == repr(special.text * 2)


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.STEPPING])
@pytest.mark.parametrize("fastgen", [False, True])
def test_a_server_gives_a_hostile_programs_frames_too(fastgen: bool, mode: Mode) -> None:
    prompt, frames = hostile(SEP.text)
    reply = playing(small(), small().encode(stream(frames, END, prompt=prompt)), fastgen=fastgen)
    models = None if fastgen else {"data": [{"id": "cwm"}]}
    with CompletionsServer(reply, models) as server:
        [found] = predict(ServerBackend(small(), Connection(server.url)), [prompt], mode)
    assert (found.prediction.frames, found.prediction.outcome) == (frames, Outcome.FINISHED)


def test_a_predicted_control_token_is_one_even_where_a_program_says_it_too() -> None:
    prompt, frames = hostile(SEP.text)
    cut = [*stream(frames[:4], prompt=prompt)[:-2], "    y = ", SEP, "more", END]
    found = one(Played(cut), prompt=prompt)
    assert (found.outcome, len(found.frames)) == (Outcome.MALFORMED, 4)
    assert found.detail == "frame 5: wanted the event of a frame, found 'more'"


def test_answers_may_come_in_any_order() -> None:
    prompts = [prompt_of_call(call(arguments=str(number))) for number in range(7)]
    truths = [(*TRUTH[:5], Frame(Event.RETURN, f"    return f({n})\n", value=f"{n}")) for n in range(7)]
    random.Random(0).shuffle(truths)
    streams = [stream(truth, END, prompt=prompt) for truth, prompt in zip(truths, prompts, strict=True)]
    found = {each.prompt: each.prediction for each in predict(Played(*streams), iter(prompts))}
    assert [found[number].frames for number in range(7)] == truths
