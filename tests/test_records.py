"""Lines of samples.jsonl: what was written is what is read, and what is damaged is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_model.backends import Completion, Finish
from cwm_model.predict import Mode
from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import failed, understood
from cwm_model.talking import Message, Said, Talk
from cwm_model.tokenizer import small
from evals.records import Record, answer_of, failure, hash_of, parsed, read_records, spelled
from evals.task import Answer, Asked, Forced, Judged, Traced
from evals.verdict import Score, Verdict
from tests.asked import HEAD, PROMPT, TRUTH, stream
from tracegen import CannotRun, Special
from tracegen.grammar import Piece, pieces

FULL = Traced(PROMPT, Mode.FULL)
RIGHT = Judged(Score(Verdict.RIGHT, "3"), {"tokens": 7, "type": "int", "share": 0.5, "auc": None})
INK: list[Piece] = [*stream(TRUTH, Special.END_OF_TEXT)[len(PROMPT.pieces()) :]]


def predicted(written: list[Piece], finish: Finish) -> Answer:
    completion = Completion(tuple(small().encode(written)), finish, passes=3)
    return understood(completion, small(), PROMPT.context, HEAD, limit="as many as were allowed")


def there_and_back(asked: Asked, answer: Answer) -> Answer:
    record = Record("a", 0, hash_of(asked), spelled(answer), RIGHT)
    again = parsed(record.line(), "here")
    assert again.judged == RIGHT and again.key == ("a", 0) and again.prompt == hash_of(asked)
    return answer_of(asked, again.raw)


@pytest.mark.parametrize("finish", [Finish.STOPPED, Finish.LIMIT])
@pytest.mark.parametrize("length", range(0, len(INK) + 1, 3))
def test_a_prediction_cut_anywhere_comes_back_as_it_was(length: int, finish: Finish) -> None:
    found = predicted(INK[:length], finish)
    assert there_and_back(FULL, found) == found


@given(st.lists(st.one_of(st.sampled_from(Special), st.text(max_size=8)), max_size=8), st.sampled_from(Finish))
def test_whatever_a_model_writes_comes_back_as_it_was(written: list[Piece], finish: Finish) -> None:
    try:
        found = predicted(written, finish)
    except ValueError:
        return  # Half of a surrogate pair has no ids.
    assert there_and_back(FULL, found) == found


def test_a_control_token_and_its_text_are_told_apart() -> None:
    token, text = predicted([Special.LINE_SEP], Finish.LIMIT), predicted([Special.LINE_SEP.text], Finish.LIMIT)
    assert spelled(token)["text"] == spelled(text)["text"]
    assert there_and_back(FULL, token) == token != text == there_and_back(FULL, text)


def test_places_come_back_as_they_were() -> None:
    asked = Forced(PROMPT, TRUTH)
    frames = (*HEAD, *TRUTH)
    places = []
    for number in range(1, len(frames) + 1):
        written = pieces(frames[number - 1 : number + 1], context=PROMPT.context)[-7:]
        read = understood(
            Completion(tuple(small().encode(written)), Finish.STOPPED), small(), PROMPT.context, frames[:number]
        )
        places.append(Place(number, frames[number] if number < len(frames) else None, read))
    assert there_and_back(asked, tuple(places)) == tuple(places)


@given(st.text(max_size=20), st.sampled_from(Finish), st.none() | st.lists(st.integers(0, 99), max_size=4).map(tuple))
def test_what_was_said_comes_back_as_it_was(text: str, finish: Finish, ids: tuple[int, ...] | None) -> None:
    said = Said(text, finish, ids, 4, "why")
    assert there_and_back(Talk(begin="go on"), said) == said


def test_a_failed_answer_says_why_and_has_no_verdict() -> None:
    assert failure(failed("broken")) == "broken"
    assert failure((Place(1, None, failed("")),)) == "no answer"
    assert failure(Said("", Finish.FAILED, detail="429")) == "429"
    assert failure(Said("", Finish.LIMIT)) is None and failure(predicted(INK, Finish.STOPPED)) is None
    line = Record("a", 1, "x", spelled(failed("broken")), None).line()
    assert json.loads(line)["verdict"] is None and parsed(line, "here").judged is None


def test_what_is_asked_otherwise_has_another_hash() -> None:
    message = Message("user", "1")
    asked: list[Asked] = [
        FULL,
        Traced(PROMPT, Mode.SINGLE),
        Forced(PROMPT, TRUTH),
        Forced(PROMPT, TRUTH[:-1]),
        Talk(begin="1"),
        Talk((message,)),
        Talk((message,), "1"),
    ]
    assert len({hash_of(each) for each in asked}) == len(asked)
    # A cap is no part of it: a run goes on with another.
    assert hash_of(Traced(PROMPT, Mode.FULL, 9)) == hash_of(FULL)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting"),
        ("[]", "indices"),
        ('{"id": "a"}', "'verdict' is missing"),
        ('{"id": "a", "sample": 0, "verdict": "right", "prompt_sha256": "", "tokens": 1}', "'answer' is missing"),
        ('{"id": "a", "sample": 0, "verdict": null, "prompt_sha256": "", "tokens": "1"}', "of another type"),
        (
            '{"id": "a", "sample": 0, "verdict": "fine", "answer": null, "reason": "", "prompt_sha256": "", '
            '"tokens": 1}',
            "not a valid Verdict",
        ),
        (
            '{"id": "a", "sample": 0, "verdict": "right", "answer": null, "reason": "", "facts": {"x": []}, '
            '"prompt_sha256": "", "tokens": 1}',
            "fact 'x' is a list",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(Record("b", 0, "x", spelled(Said("", Finish.LIMIT)), RIGHT).line() + "\n" + line + "\n")
    with pytest.raises(CannotRun, match=why) as refused:
        read_records(path)
    assert str(refused.value).startswith(f"{path}:2: ") and "\n" not in str(refused.value)


def test_half_a_line_at_the_end_is_left_out_and_a_later_line_stands_for_an_earlier(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    lines = [Record("b", 0, "x", spelled(Said(text, Finish.STOPPED)), RIGHT).line() for text in ("1", "2", "3")]
    path.write_text("\n".join(lines)[:-9])
    [record] = read_records(path).values()
    assert record.raw["text"] == "2"
