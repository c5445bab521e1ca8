"""Talks in ids: how a chat is spelled, where an answer ends, what of it is text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_model import loading
from cwm_model.backends import Finish, Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.backends.spoken import LocalTalker, StopRules, cut, pieces, text_of
from cwm_model.talking import Message, Said, Talk
from cwm_model.tokenizer import small
from tests.played import Played
from tracegen import Special
from tracegen.grammar import Piece

CHAT = (Message("system", "be kind"), Message("user", "1 + 1?"))


def said(talk: Talk, answer: Sequence[Piece], context: int = 4096) -> Said:
    backend = Played([*pieces(talk), *answer], context=context)
    [(index, found)] = LocalTalker(backend).say([(talk, Sampling())])
    assert index == 0
    return found


def test_a_chat_is_spelled_as_llama_3_spells_it() -> None:
    start, end, eot = Special.START_HEADER_ID, Special.END_HEADER_ID, Special.EOT_ID
    assert pieces(Talk(CHAT, "<think>\n")) == [
        Special.BEGIN_OF_TEXT,
        *(start, "system", end, "\n\n", "be kind", eot),
        *(start, "user", end, "\n\n", "1 + 1?", eot),
        *(start, "assistant", end, "\n\n", "<think>\n"),
    ]


def test_text_that_looks_like_a_control_token_stays_text() -> None:
    talk = Talk((Message("user", "<|eot_id|>"),), "<|end_of_text|>")
    ids = small().encode(pieces(talk))
    assert ids.count(small().id_of(Special.EOT_ID)) == 1
    assert small().id_of(Special.END_OF_TEXT) not in ids


@pytest.mark.parametrize("end", [Special.END_OF_TEXT, Special.EOM_ID, Special.EOT_ID])
def test_each_of_three_control_tokens_ends_an_answer(end: Special) -> None:
    ids = tuple(small().encode(["two", end]))
    assert said(Talk(CHAT), ["two", end]) == Said("two", Finish.STOPPED, ids, len(ids))


def test_a_backend_that_obeys_no_rules_gives_more_and_the_text_is_cut() -> None:
    answer = said(Talk((), "x", stop=("]", "[/A")), ["1[/A] and on", Special.END_OF_TEXT])
    assert (answer.text, answer.finish) == ("1", Finish.STOPPED)
    assert answer.ids == tuple(small().encode(["1[/A] and on", Special.END_OF_TEXT]))


def test_an_answer_without_an_end_is_cut_off_at_most_and_with_a_stop_text_it_is_not() -> None:
    assert said(Talk((), "x", most=3), ["abcdef"]).finish is Finish.LIMIT
    assert said(Talk((), "x", ("b",), most=3), ["abcdef"]).finish is Finish.STOPPED


def test_control_tokens_are_left_out_and_reasoning_ones_are_readable() -> None:
    answer: list[Piece] = [
        Special.REASONING_THINKING_START,
        "a",
        Special.REASONING_THINKING_END,
        Special.FRAME_SEP,
        "b",
    ]
    assert said(Talk(CHAT), [*answer, Special.EOT_ID]).text == "<think>a</think>b"


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    half = small().encode(["\U0001f600"])[:1]
    assert text_of(small(), half) == "\ufffd"


def test_a_prompt_beyond_the_context_fails_and_others_go_on() -> None:
    short, long = Talk((), "x"), Talk((), "x" * 50)
    backend = Played([*pieces(short), "y", Special.END_OF_TEXT], context=40)
    found = dict(LocalTalker(backend).say([(long, Sampling()), (short, Sampling()), (long, Sampling())]))
    assert found[1].text == "y"
    assert found[0] == found[2]
    assert (found[0].finish, found[0].detail) == (
        Finish.FAILED,
        f"the prompt has {len(small().encode(pieces(long)))} ids, the model's context holds 40: no room to answer",
    )


def test_half_a_surrogate_pair_fails_in_one_line() -> None:
    [(_, found)] = LocalTalker(Played()).say([(Talk((), "\ud800"), Sampling())])
    assert found.finish is Finish.FAILED and "surrogate" in found.detail


def test_as_much_is_asked_for_as_there_is_room() -> None:
    backend = Played(context=40)
    request = LocalTalker(backend).request(Talk((), "x", most=1000), Sampling())
    assert len(request.prompt) + request.max_new == 40


def test_a_failure_of_the_backend_is_one_of_the_talk() -> None:
    [(_, found)] = LocalTalker(Played()).say([(Talk((), "x"), Sampling())])
    assert found == Said("", Finish.FAILED, detail="the sequence is over")


TEXTS = st.text("ab[é]", max_size=12)


@given(TEXTS, st.lists(st.text("ab[é]", min_size=1, max_size=3), min_size=1, max_size=3))
def test_rules_stop_with_the_id_that_completes_a_stop_text(text: str, stop: list[str]) -> None:
    tokenizer = small()
    ids = tokenizer.encode([text])
    rules = StopRules.start(tokenizer, stop)
    for read, id in enumerate(ids, start=1):
        rules = rules.after(id)
        assert rules.stopped == (cut(text_of(tokenizer, ids[:read]), stop) is not None)
        assert (rules.allowed().forced is not None) == rules.stopped


@given(TEXTS, st.lists(st.text("ab[é]", min_size=1, max_size=3), max_size=3))
def test_nothing_that_stops_is_in_a_text_that_was_cut(text: str, stop: list[str]) -> None:
    before = cut(text, stop)
    assert (before is None) == (not any(each in text for each in stop))
    assert before is None or (text.startswith(before) and not any(each in before for each in stop))


@pytest.fixture(scope="module")
def backend() -> LocalBackend:
    loaded = loading.load("bundled", dtype="fp32", device="cpu")
    return LocalBackend(loaded.tokenizer, loaded.model, slots=4, drafts=4)


def spoken(backend: LocalBackend, talks: Iterable[Talk]) -> dict[int, Said]:
    return dict(LocalTalker(backend).say((talk, Sampling()) for talk in talks))


def test_the_bundled_model_stops_at_a_text_and_says_the_same_up_to_it(backend: LocalBackend) -> None:
    whole = spoken(backend, [Talk((), "def f(x):\n", most=40)])[0]
    stop = whole.text[len(whole.text) // 2 :][:4]
    found = spoken(backend, [Talk((), "def f(x):\n", (stop,), 40)])[0]
    assert found.text == whole.text[: whole.text.index(stop)]
    assert found.finish is Finish.STOPPED and found.ids is not None and whole.ids is not None
    assert found.ids[-1] == backend.tokenizer.id_of(Special.END_OF_TEXT)
    assert found.tokens == len(found.ids) < len(whole.ids)
    assert found.ids[:-1] == whole.ids[: len(found.ids) - 1]
