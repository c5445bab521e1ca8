"""A server at the start: who is there, which model, and the key, which no message shows."""

from __future__ import annotations

import pytest

from cwm_model.backends import Finish
from cwm_model.backends.posting import Connection
from cwm_model.backends.server import CWM_CONTEXT, ServerBackend
from cwm_model.tokenizer import small
from tests.completions_server import CompletionsServer, Fault, Reply, answers, refusal
from tests.test_server_backend import GOOD, ask, one, quick, refused


def start(url: str, model: str | None = None, **given: object) -> ServerBackend:
    return ServerBackend(small(), quick(url, **given), model=model)


def test_a_server_that_is_not_there_is_one_line() -> None:
    with CompletionsServer(answers(GOOD)) as server:
        url = server.url
    assert refused(lambda: start(url)) == (
        f"{url}: connection refused; start the model's server, or name another address"
    )


@pytest.mark.parametrize(
    ("models", "line"),
    [
        (refusal(401), "the server answers 401: a key is wanted; start the model's server, or name another address"),
        (Reply(b"hello"), "its answer is not JSON: is this an OpenAI-compatible server?; start the model's server, or"),
        (Reply(fault=Fault.RESET), ""),
        ([], "name one of the models that it serves: none"),
        ({"data": {}}, "name one of the models that it serves: none"),
        ({"data": [7, {}, {"id": 7}]}, "name one of the models that it serves: none"),
        ({"data": [{"id": "b"}, {"id": "a"}]}, "name one of the models that it serves: a, b"),
    ],
)
def test_a_server_that_says_nothing_useful_of_itself_is_one_line(models: object, line: str) -> None:
    with CompletionsServer(answers(GOOD), models=models) as server:
        assert refused(lambda: start(server.url)).startswith(f"{server.url}: {line}")


def test_the_model_is_the_only_one_or_the_one_that_is_named() -> None:
    models = {"data": [{"id": "a", "max_model_len": 100}, {"id": "b", "max_model_len": "x"}]}
    with CompletionsServer(answers(GOOD), models=models) as server:
        assert (start(server.url, "a").model, start(server.url, "a").context) == ("a", 100)
        assert start(server.url, "b").context == CWM_CONTEXT
        assert ServerBackend(small(), quick(server.url), model="b", context=50).context == 50
        assert refused(lambda: start(server.url, "c")) == f"{server.url}: no model 'c' there; it serves a, b"


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "ftp://h/v1", "http://", "http://h:x/v1", "http://h/v1?k=1", "http://h /", "http://h:0"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert refused(lambda: Connection(url)) == (
        f"{url!r}: wanted an http or https address, such as http://127.0.0.1:8000/v1"
    )


# The key


def test_the_key_comes_from_the_environment_and_goes_to_the_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sesame")
    with CompletionsServer(answers(GOOD)) as server:
        ask(server, key_env="A_KEY")
        assert server.keys == ["Bearer sesame"] * 2
        ask(server)
        assert server.keys[2:] == [None, None]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_key_is_in_no_message_even_if_the_server_repeats_it(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("A_KEY", "sesame")
    completion = one(refusal(status, "what is sesame?"), tries=1, key_env="A_KEY")
    assert completion.finish is Finish.FAILED
    assert "sesame" not in completion.detail
    assert "sesame" not in repr(Connection("http://h/v1", "A_KEY"))
    with CompletionsServer(answers(GOOD), models=refusal(status, "what is sesame?")) as server:
        assert "sesame" not in refused(lambda: start(server.url, key_env="A_KEY"))


@pytest.mark.parametrize("value", [None, "", " ", "a\nb", "é"])
def test_a_key_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("A_KEY", raising=False)
    else:
        monkeypatch.setenv("A_KEY", value)
    line = "$A_KEY: no key in it: set it to the key of http://127.0.0.1:9/v1, or name no variable"
    assert refused(lambda: start("http://127.0.0.1:9/v1", key_env="A_KEY")) == line


def test_an_address_with_a_key_in_it_is_refused_and_not_shown() -> None:
    line = "the server's address has a name or a key in it: name an environment variable for a key"
    assert refused(lambda: Connection("http://me:sesame@h/v1")) == line
