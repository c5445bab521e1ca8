"""A model behind a server: what is asked, what is understood, and what each way of going wrong becomes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from cwm_model.backends import Completion, Finish, Request, Sampling, posting
from cwm_model.backends.posting import Connection
from cwm_model.backends.server import CWM_CONTEXT, Dialect, ServerBackend
from cwm_model.tokenizer import small
from tests.completions_server import Body, CompletionsServer, Fault, Reply, answers, ids_as, playing, refusal
from tracegen import CannotRun, Special

SEP, END = small().id_of(Special.FRAME_SEP), small().id_of(Special.END_OF_TEXT)
STOP = frozenset({SEP, END})
PROMPT = (105, 106, 107)


def quick(url: str, **given: object) -> Connection:
    settings: dict[str, object] = {"seconds": 20.0, "patience": 30.0, "tries": 3, "pause": 0.001, **given}
    return Connection(url, **settings)  # type: ignore[arg-type]


def ask(server: CompletionsServer, max_new: int = 10, **given: object) -> Completion:
    backend = ServerBackend(small(), quick(server.url, **given))
    [(index, completion)] = backend.complete([Request(PROMPT, STOP, max_new)])
    assert index == 0
    return completion


def one(*replies: Reply, max_new: int = 10, **given: object) -> Completion:
    with CompletionsServer(answers(*replies)) as server:
        return ask(server, max_new, **given)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(CannotRun) as refusal:
        act()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


# What is asked and what comes


def test_a_request_goes_out_as_ids_and_says_all_that_vllm_would_assume_otherwise() -> None:
    with CompletionsServer(answers(ids_as("token_ids", [109, SEP], "stop", SEP))) as server:
        backend = ServerBackend(small(), quick(server.url))
        request = Request(PROMPT, STOP, 10, Sampling(0.8, 0.9, 4))
        assert list(backend.complete([request])) == [(0, Completion((109, SEP), Finish.STOPPED))]
        assert server.bodies == [
            {
                "model": "cwm",
                "prompt": [105, 106, 107],
                "max_tokens": 10,
                "temperature": 0.8,
                "top_p": 0.9,
                "seed": 4,
                "stop_token_ids": sorted(STOP),
                "return_token_ids": True,
                "skip_special_tokens": False,
                "spaces_between_special_tokens": False,
            }
        ]
        assert (backend.constrains, backend.context, backend.dialect) == (False, 4096, Dialect.VLLM)


@pytest.mark.parametrize(
    ("reply", "ids", "finish"),
    [
        (ids_as("token_ids", [109, SEP], "stop", SEP), (109, SEP), Finish.STOPPED),
        (ids_as("token_ids", [109], "stop", SEP), (109, SEP), Finish.STOPPED),
        (ids_as("token_ids", [109, END], "stop", None), (109, END), Finish.STOPPED),
        (ids_as("token_ids", [109, SEP, 108, END], "length"), (109, SEP), Finish.STOPPED),
        (ids_as("token_ids", [109, 108, 107], "length"), (109, 108, 107), Finish.LIMIT),
        (ids_as("token_ids", [109, 108, 107, 106, SEP], "stop", SEP), (109, 108, 107), Finish.LIMIT),
        (ids_as("token_ids", [109, 108], "length"), (109, 108), Finish.LIMIT),
        (ids_as("token_ids", [], "length"), (), Finish.LIMIT),
    ],
    ids=[
        "the stop id is there",
        "the stop id was taken off",
        "the model's own end",
        "a server that knows no stop ids",
        "as many as were asked for",
        "more than were asked for",
        "the server's own limit",
        "nothing",
    ],
)
def test_ids_end_at_the_first_stop_or_with_as_many_as_were_asked_for(
    reply: Reply, ids: tuple[int, ...], finish: Finish
) -> None:
    completion = one(reply, max_new=3)
    assert (completion.ids, completion.finish) == (ids, finish)


def test_many_requests_are_under_way_but_no_more_than_allowed_and_none_is_lost() -> None:
    together = threading.Barrier(3)

    def reply(body: Body) -> Reply:
        together.wait(20)
        return ids_as("token_ids", [body["prompt"][0], SEP], "stop", SEP)

    asked: list[int] = []

    def requests() -> Iterator[Request]:
        for first in range(200, 209):
            asked.append(first)
            yield Request((first, 1), STOP, 5)

    with CompletionsServer(reply) as server:
        backend = ServerBackend(small(), quick(server.url), at_once=3)
        coming = backend.complete(requests())
        found = dict([next(coming)])
        # Requests are taken as there is room for them.
        assert asked == [200, 201, 202]
        found |= dict(coming)
        assert server.most_at_once == 3
    assert found == {place: Completion((200 + place, SEP), Finish.STOPPED) for place in range(9)}


# Meta's server


def test_metas_server_is_known_by_what_it_lacks_and_asked_with_a_text_to_stop_behind() -> None:
    ids = [*PROMPT, 109, SEP, 108, END]
    with CompletionsServer(playing(small(), ids, fastgen=True), models=None) as server:
        backend = ServerBackend(small(), quick(server.url))
        assert (backend.dialect, backend.context) == (Dialect.FASTGEN, CWM_CONTEXT)
        assert list(backend.complete([Request(PROMPT, STOP, 10)])) == [(0, Completion((109, SEP), Finish.STOPPED))]
        assert server.bodies[0]["stop"] == "<|frame_sep|>"
        whole = Request(PROMPT, frozenset({END}), 10)
        assert list(backend.complete([whole])) == [(0, Completion((109, SEP, 108, END), Finish.STOPPED))]
        assert "stop" not in server.bodies[1]


def test_metas_server_is_asked_on_where_it_stopped_at_a_programs_text() -> None:
    text = small().encode(["'<|frame_sep|>' <|frame_sep|>"])
    ids = [*PROMPT, *text, SEP]
    with CompletionsServer(playing(small(), ids, fastgen=True), models=None) as server:
        completion = ask(server, 100)
        assert completion == Completion((*text, SEP), Finish.STOPPED)
        assert len(server.bodies) == 3
        assert [body["max_tokens"] + len(body["prompt"]) for body in server.bodies] == [103] * 3


def test_metas_server_that_says_nothing_more_has_ended_at_its_own_limit() -> None:
    with CompletionsServer(answers(ids_as("tokens", [109], "length"), ids_as("tokens", [])), models=None) as server:
        completion = ask(server)
    assert (completion.ids, completion.finish) == ((109,), Finish.LIMIT)
    assert completion.detail == "the server ended it; its own limit may be lower"


# What goes wrong for a while


GOOD = ids_as("token_ids", [109, SEP], "stop", SEP)


@pytest.mark.parametrize(
    "first",
    [
        refusal(500),
        refusal(503),
        refusal(429),
        refusal(429, Retry_After="0"),
        refusal(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        Reply(fault=Fault.RESET),
        Reply(b'{"choices": [', fault=Fault.TRUNCATED),
        Reply(b'{"choices": [{"token_ids": [1'),
        Reply(b"<html>"),
        Reply(b"[" * 100_000),
    ],
    ids=["500", "503", "429", "429 and now", "429 and a date", "reset", "breaks off", "half", "html", "nested"],
)
def test_what_may_go_better_is_tried_again(first: Reply) -> None:
    assert one(first, GOOD) == Completion((109, SEP), Finish.STOPPED)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.TRICKLE])
def test_a_server_that_hangs_is_left_and_tried_again(fault: Fault) -> None:
    with CompletionsServer(answers(Reply(fault=fault), GOOD)) as server:
        backend = ServerBackend(small(), quick(server.url))
        backend._connection = quick(server.url, seconds=1.0, tries=5)
        assert list(backend.complete([Request(PROMPT, STOP, 9)])) == [(0, Completion((109, SEP), Finish.STOPPED))]


def test_a_server_that_always_hangs_fails_the_request() -> None:
    with CompletionsServer(answers(Reply(fault=Fault.HANG))) as server:
        backend = ServerBackend(small(), quick(server.url))
        backend._connection = quick(server.url, seconds=0.1, tries=2)
        [(_, completion)] = backend.complete([Request(PROMPT, STOP, 9)])
    assert completion == Completion((), Finish.FAILED, "no whole answer within 0.1 seconds (2 tries)")


# What goes wrong for good


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (refusal(500, "out of memory"), "the server answers 500: out of memory (3 tries)"),
        (refusal(400, "prompt too\nlong"), "the server answers 400: prompt too long"),
        (refusal(400, ""), "the server answers 400: Bad Request"),
        (refusal(401), "the server answers 401: a key is wanted"),
        (refusal(302, "", Location="http://127.0.0.1:9/"), "the server answers 302: Found"),
        (Reply(b"<html>"), "its answer is not JSON: is this an OpenAI-compatible server? (3 tries)"),
        (
            Reply(b'{"a": ' + b"9" * 5000 + b"}"),
            "its answer is not JSON: is this an OpenAI-compatible server? (3 tries)",
        ),
        (Reply(b"[]", fault=Fault.TRUNCATED), "its answer breaks off (3 tries)"),
        (Reply(b"[]"), "its answer has no choices[0]"),
        (Reply(b'{"choices": []}'), "its answer has no choices[0]"),
        (Reply(b'{"choices": ["a"]}'), "its answer has no choices[0]"),
        (
            ids_as("token_ids", [109, -1]),
            "its answer has the id -1, the tokenizer {size} of them: it belongs to another model",
        ),
        (
            ids_as("token_ids", [128100]),
            "its answer has the id 128100, the tokenizer {size} of them: it belongs to another model",
        ),
        (ids_as("token_ids", ["109"]), "its answer's ids are no list of integers"),
        (ids_as("token_ids", [9.0]), "its answer's ids are no list of integers"),
        (ids_as("token_ids", [True]), "its answer's ids are no list of integers"),
        (Reply(b'{"choices": [{"token_ids": {}}]}'), "its answer's ids are no list of integers"),
        (ids_as("token_ids", [109], "stop", 108), "it stopped at 108, which is none of the ids to stop at"),
        (ids_as("token_ids", [109], "stop", "x"), "it stopped, which is none of the ids to stop at"),
    ],
)
def test_a_request_that_fails_is_not_lost_and_says_why(reply: Reply, detail: str) -> None:
    assert one(reply) == Completion((), Finish.FAILED, detail.format(size=small().size))


def test_other_requests_go_on_beside_one_that_fails() -> None:
    def reply(body: Body) -> Reply:
        return refusal(400, "no") if body["prompt"][0] == 1 else GOOD

    with CompletionsServer(reply) as server:
        backend = ServerBackend(small(), quick(server.url))
        found = dict(backend.complete(Request((first, 2), STOP, 5) for first in range(4)))
    assert [found[index].finish for index in range(4)] == [
        Finish.STOPPED,
        Finish.FAILED,
        Finish.STOPPED,
        Finish.STOPPED,
    ]


def test_a_long_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LARGEST_ANSWER", 1000)
    reply = ids_as("token_ids", [109] * 500)
    assert one(reply, tries=1) == Completion((), Finish.FAILED, "its answer is longer than 1000 bytes (1 try)")


def test_a_server_that_asks_for_more_time_than_there_is_patience_fails_the_request() -> None:
    detail = "the server answers 429: slow down (1 try)"
    assert one(refusal(429, "slow down", Retry_After="999"), GOOD) == Completion((), Finish.FAILED, detail)


@pytest.mark.parametrize("reply", [Reply(b'{"choices": [{"text": "<|frame_sep|>"}]}'), ids_as("token_ids", [109])])
def test_text_without_ids_is_refused_in_one_line(reply: Reply) -> None:
    if b"token_ids" in reply.body:
        reply = Reply(reply.body.replace(b'"token_ids": [109]', b'"token_ids": null'))
    with CompletionsServer(answers(reply)) as server:
        line = refused(lambda: ask(server))
        assert line == (
            f"{server.url}: answers without token ids, and text cannot be read in their place (a control token and the "
            "same text in a program look alike): use vLLM 0.10.2 or later, or Meta's fastgen"
        )


def test_who_stops_listening_is_not_held_up() -> None:
    replies: Sequence[Reply] = [GOOD, Reply(fault=Fault.HANG)]
    with CompletionsServer(answers(*replies)) as server:
        backend = ServerBackend(small(), quick(server.url), at_once=1)
        coming = backend.complete(Request(PROMPT, STOP, 5) for _ in range(5))
        assert next(coming)[1].finish is Finish.STOPPED
        assert isinstance(coming, Iterator)
        del coming
        assert json.dumps(server.bodies[0])
