"""A language model behind a server's chat: what is asked, what is understood; the bundled one through real HTTP."""

from __future__ import annotations

import json

import pytest

from cwm_model import loading
from cwm_model.backends import Finish, Request, Sampling
from cwm_model.backends.chat import ServerTalker
from cwm_model.backends.local import LocalBackend
from cwm_model.backends.server import ServerBackend
from cwm_model.backends.spoken import LocalTalker, pieces
from cwm_model.talking import Message, Said, Talk
from tests.bundled_server import BundledServer, ChatServer
from tests.completions_server import Body, Fault, Reply, answers, refusal
from tests.test_server_backend import quick
from tracegen import Special

CHAT = Talk((Message("user", "1 + 1?"),), "<think>\n", most=10)


def message(content: object, reason: str | None = "stop", tokens: object = 3, **more: object) -> Reply:
    choice = {"message": {"content": content, **more}, "finish_reason": reason}
    return Reply(json.dumps({"choices": [choice], "usage": {"completion_tokens": tokens}}).encode())


def heard(*replies: Reply, talk: Talk = CHAT) -> Said:
    with ChatServer(answers(*replies)) as server:
        [(index, said)] = ServerTalker(quick(server.url)).say([(talk, Sampling())])
    assert index == 0
    return said


def test_a_beginning_is_an_assistants_message_to_go_on_with() -> None:
    with ChatServer(answers(message("2"))) as server:
        list(ServerTalker(quick(server.url)).say([(CHAT, Sampling(0.8, 0.9, 4))]))
        assert server.bodies == [
            {
                "model": "cwm",
                "messages": [
                    {"role": "user", "content": "1 + 1?"},
                    {"role": "assistant", "content": "<think>\n"},
                ],
                "max_tokens": 10,
                "temperature": 0.8,
                "top_p": 0.9,
                "seed": 4,
                "continue_final_message": True,
                "add_generation_prompt": False,
            }
        ]


def test_a_text_without_messages_is_a_users() -> None:
    with ChatServer(answers(message("2]"))) as server:
        [(_, said)] = ServerTalker(quick(server.url)).say([(Talk((), "1 + 1 =", ("]",)), Sampling())])
        assert server.bodies[0]["messages"] == [{"role": "user", "content": "1 + 1 ="}]
        assert server.bodies[0]["stop"] == "]"
    assert said == Said("2", Finish.STOPPED, tokens=3)


def test_a_server_that_refuses_to_go_on_is_asked_without_from_then_on() -> None:
    def reply(body: Body) -> Reply:
        return refusal(400, "unknown field") if "continue_final_message" in body else message("<think>\na</think>b")

    with ChatServer(reply) as server:
        talker = ServerTalker(quick(server.url), at_once=1)
        found = list(talker.say([(CHAT, Sampling())] * 2))
        assert len(server.bodies) == 3
    assert found == [(place, Said("a</think>b", Finish.STOPPED, tokens=3)) for place in range(2)]


def test_a_refusal_for_another_reason_is_told() -> None:
    assert heard(refusal(400, "too long")) == Said("", Finish.FAILED, detail="the server answers 400: too long")


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_that_stands_apart_is_joined_as_it_was_written(name: str) -> None:
    assert heard(message("b", **{name: "a\n"})).text == "a\n</think>\nb"
    assert heard(message("b", **{name: "a\n"}), talk=Talk(CHAT.messages)).text == "<think>\na\n</think>\nb"


def test_reasoning_that_was_cut_off_has_no_end() -> None:
    assert heard(message(None, "length", reasoning="a")) == Said("a", Finish.LIMIT, tokens=3)


def test_metas_server_does_not_say_why_it_ends_and_its_tokens_tell() -> None:
    assert heard(message("a", None, 3)).finish is Finish.STOPPED
    assert heard(message([{"type": "text", "text": "a"}], None, 10)) == Said("a", Finish.LIMIT, tokens=10)


@pytest.mark.parametrize(
    "first", [refusal(500), refusal(429, Retry_After="0"), Reply(fault=Fault.RESET), Reply(b"<html>")]
)
def test_what_may_go_better_is_tried_again(first: Reply) -> None:
    assert heard(first, message("2")).text == "2"


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (refusal(500, "no"), "the server answers 500: no (3 tries)"),
        (Reply(b"{}"), "its answer has no choices[0]"),
        (Reply(b'{"choices": [{}]}'), "its answer has no message"),
        (message(7), "its answer's content is no text"),
        (message([7]), "its answer's content is no text"),
        (message("x", "content_filter"), "it ended the answer for another reason: 'content_filter'"),
    ],
)
def test_a_talk_that_fails_says_why(reply: Reply, detail: str) -> None:
    assert heard(reply) == Said("", Finish.FAILED, detail=detail)


def test_half_a_surrogate_pair_from_a_server_is_replaced() -> None:
    assert heard(message("a\ud800b")).text == "a\ufffdb"


# The bundled model, here and behind HTTP


@pytest.fixture(scope="module")
def backend() -> LocalBackend:
    loaded = loading.load("bundled", dtype="fp32", device="cpu")
    return LocalBackend(loaded.tokenizer, loaded.model, slots=4)


TALKS = [
    Talk((Message("user", "def f(x):\n    return x"),), "", (")", "]"), 24),
    Talk((Message("system", "a"), Message("user", "f(1)")), "<think>\n", (), 24),
]


def test_the_server_gives_the_ids_that_the_backend_gives_whatever_goes_wrong(backend: LocalBackend) -> None:
    prompts = [backend.tokenizer.encode(pieces(talk)) for talk in TALKS]
    stop = frozenset({backend.tokenizer.id_of(Special.END_OF_TEXT), backend.tokenizer.id_of(Special.FRAME_SEP)})
    requests = [Request(tuple(ids), stop, 24) for ids in prompts]
    requests.append(Request(requests[0].prompt, stop, 24, Sampling(0.9, 0.9, 5)))
    wanted = {index: (done.ids, done.finish) for index, done in backend.complete(requests)}
    faults = [refusal(500), Reply(fault=Fault.RESET), refusal(429, Retry_After="0")]
    with BundledServer(backend, faults).start() as server:
        asked = ServerBackend(backend.tokenizer, quick(server.url, tries=4), at_once=2)
        found = {index: (done.ids, done.finish) for index, done in asked.complete(requests)}
        assert len(server.bodies) == len(requests) + 3
        assert asked.context == backend.context
    assert found == wanted


def test_the_servers_chat_says_what_the_talker_here_says(backend: LocalBackend) -> None:
    asked = [(talk, sampling) for talk in TALKS for sampling in (Sampling(), Sampling(0.8, 0.95, 3))]
    wanted = {index: (said.text, said.finish, said.tokens) for index, said in LocalTalker(backend).say(asked)}
    with BundledServer(backend, [refusal(503), Reply(b"{}", fault=Fault.TRUNCATED)]).start() as server:
        talker = ServerTalker(quick(server.url, tries=4))
        found = {index: (said.text, said.finish, said.tokens) for index, said in talker.say(asked)}
    assert found == wanted


def test_the_server_refuses_a_prompt_beyond_its_context_and_the_talk_fails(backend: LocalBackend) -> None:
    with BundledServer(backend).start() as server:
        long = Talk((Message("user", "x\n" * backend.context),), most=5)
        [(_, said)] = ServerTalker(quick(server.url)).say([(long, Sampling())])
    assert said.finish is Finish.FAILED
    assert said.detail.startswith("the server answers 400: the prompt has ")
