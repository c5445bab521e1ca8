"""A model's proposals: against a server that listens on this machine and answers as told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tracegen.inputs import Candidate, Origin, Parameter, Signature
from tracegen.proposals import LARGEST_ANSWER, Drop, Endpoint, propose, read_answer
from tracegen.settings import CannotRun

SIGNATURE = Signature(
    "f", (Parameter("a"), Parameter("b", default="1")), None, "def f(a, b=1):\n    return a + b\n", "class Box: ...\n"
)
KEY = "sk-secret-of-ours"


@dataclass
class Script:
    """What the server is to answer, one after the other (the last one again and again), and what it was asked."""

    answers: list[tuple[int, bytes]]
    asked: list[dict[str, object]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Endpoint, Script]]]:
    """Starts servers on ports of their own."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def start(*answers: tuple[int, bytes], key_env: str | None = None, **headers: str) -> tuple[Endpoint, Script]:
        script = Script(list(answers), headers=headers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                script.asked.append({"path": self.path, **json.loads(body)})
                script.keys.append(self.headers["Authorization"])
                code, answer = script.answers[min(len(script.asked), len(script.answers)) - 1]
                self.send_response(code)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:
                    # The client has read enough.
                    pass

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        url = f"http://127.0.0.1:{server.server_port}/v1"
        return Endpoint(url, "tiny", key_env, seconds=10, pause=0), script

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def completion(text: str) -> bytes:
    """A chat completion that says a text."""
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


Serve = Callable[..., tuple[Endpoint, Script]]


def test_lines_of_a_fenced_block_are_candidates(serve: Serve) -> None:
    endpoint, script = serve((200, completion("Sure!\n```\n1, 2\n'a', b='c'\nf([1], [2])\n```\nDone.")))
    found = propose(endpoint, SIGNATURE, 10, 7)
    assert found.candidates == tuple(Candidate(text, Origin.MODEL) for text in ("1, 2", "'a', b='c'", "[1], [2]"))
    assert found.dropped == {}
    [asked] = script.asked
    assert (asked["path"], asked["model"], asked["temperature"], asked["seed"]) == (
        "/v1/chat/completions",
        "tiny",
        0,
        7,
    )
    assert "class Box" in str(asked["messages"])
    assert script.keys == [None]


def test_what_is_no_argument_list_or_not_admitted_is_dropped_and_counted() -> None:
    answer = "```\n1\n1\n2)(3\nos.system('x')\n__import__('os')\nBox()\n3\n4\n```"
    found = read_answer(answer, SIGNATURE, 3)
    assert [each.arguments for each in found.candidates] == ["1", "Box()", "3"]
    assert found.dropped == {Drop.REPEATED: 1, Drop.NO_ARGUMENT_LIST: 1, Drop.NOT_ADMITTED: 2, Drop.BEYOND: 1}


@pytest.mark.parametrize(
    "answer",
    [
        '```json\n["1, 2", "3"]\n```',
        '["1, 2",\n "3"]',
        "- 1, 2\n- 3",
        "1. 1, 2\n2. 3",
        "`1, 2`\n`3`",
        "```python\nf(1, 2)\nf(3)",
    ],
)
def test_lists_are_read_however_they_are_spelled(answer: str) -> None:
    assert [each.arguments for each in read_answer(answer, SIGNATURE, 9).candidates] == ["1, 2", "3"]


def test_a_server_that_fails_is_asked_again(serve: Serve) -> None:
    endpoint, script = serve((500, b""), (503, b""), (200, completion("1")))
    assert len(propose(endpoint, SIGNATURE, 1, 0).candidates) == 1
    assert len(script.asked) == 3


def test_a_server_that_keeps_failing_is_given_up(serve: Serve) -> None:
    endpoint, script = serve((500, b""))
    with pytest.raises(CannotRun, match=r"/v1/chat/completions: the server answers 500 \(3 attempts\): start"):
        propose(endpoint, SIGNATURE, 1, 0)
    assert len(script.asked) == 3


def test_a_refused_connection_names_the_address_and_what_to_do(serve: Serve) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(CannotRun, match=r"127\.0\.0\.1.*connection refused.*: start the model's server"):
            propose(Endpoint(url, "tiny", pause=0), SIGNATURE, 1, 0)


def test_a_key_comes_from_the_environment_and_is_never_shown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", KEY)
    endpoint, script = serve((401, b"no"), key_env="OUR_KEY")
    with pytest.raises(CannotRun, match=r"401: the key in \$OUR_KEY is not accepted") as caught:
        propose(endpoint, SIGNATURE, 1, 0)
    assert script.keys == [f"Bearer {KEY}"]
    assert KEY not in str(caught.value) + repr(endpoint)


@pytest.mark.parametrize("key", ["", "a\nb", "ключ"])
def test_a_key_that_cannot_be_sent_is_refused_unseen(serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OUR_KEY", key)
    endpoint, script = serve((200, completion("1")), key_env="OUR_KEY")
    with pytest.raises(CannotRun, match=r"\$OUR_KEY: no key in it") as caught:
        propose(endpoint, SIGNATURE, 1, 0)
    assert not key or key not in str(caught.value)
    assert script.asked == []


@pytest.mark.parametrize(
    ("code", "body", "message"),
    [
        (200, b"<html>", "not JSON"),
        (200, b"[" * 100_000, "not JSON"),
        (200, b'{"choices": []}', "no choices"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "no choices"),
        (404, b"", "404: no such address, or no model 'tiny'"),
        (401, b"", "401: a key is wanted"),
        (400, b"", "400: the request is refused"),
        (200, b" " * (LARGEST_ANSWER + 1), "longer than"),
    ],
)
def test_other_answers_are_told_in_a_line(serve: Serve, code: int, body: bytes, message: str) -> None:
    endpoint, script = serve((code, body))
    with pytest.raises(CannotRun, match=message) as caught:
        propose(endpoint, SIGNATURE, 1, 0)
    assert "\n" not in str(caught.value)
    assert len(script.asked) == 1


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    """The key is meant for one server."""
    other, listening = serve((200, completion("1")))
    endpoint, _ = serve((307, b""), Location=f"{other.url}/chat/completions")
    with pytest.raises(CannotRun, match="307"):
        propose(endpoint, SIGNATURE, 1, 0)
    assert listening.asked == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:80", "", "ftp://x/y"])
def test_an_address_must_be_http(url: str) -> None:
    with pytest.raises(CannotRun, match="wanted an http or https address"):
        Endpoint(url, "tiny")
