"""A completions server on the loopback: plays known ids as vLLM or Meta's fastgen would, or goes wrong as told."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cwm_model.tokenizer import Tokenizer

Body = dict[str, Any]


class Fault(Enum):
    HANG = "says nothing"
    TRICKLE = "says a little, and then nothing"
    RESET = "resets the connection"
    TRUNCATED = "promises more bytes than it sends"


@dataclass(frozen=True)
class Reply:
    body: bytes = b"{}"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    fault: Fault | None = None


def ids_as(name: str, ids: Sequence[object], reason: str = "stop", stop_reason: object = None) -> Reply:
    """An answer whose ids stand in ``token_ids`` (vLLM) or ``tokens`` (fastgen)."""
    choice = {"index": 0, "text": "?", name: list(ids), "finish_reason": reason, "stop_reason": stop_reason}
    return Reply(json.dumps({"choices": [choice]}).encode())


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    said = {"error": {"message": message, "code": status}}
    return Reply(json.dumps(said).encode(), status, tuple((k.replace("_", "-"), v) for k, v in headers.items()))


def answers(*replies: Reply) -> Callable[[Body], Reply]:
    """One after another; the last one again and again."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@dataclass
class CompletionsServer:
    """``reply`` answers each completion asked for; ``models`` is what /models says, None for 404."""

    reply: Callable[[Body], Reply]
    models: object = field(default_factory=lambda: {"data": [{"id": "cwm", "max_model_len": 4096}]})
    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    most_at_once: int = 0

    def __enter__(self) -> CompletionsServer:
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._under_way = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                outer.keys.append(self.headers["Authorization"])
                if self.path != "/v1/models" or outer.models is None:
                    self._send(refusal(404, "no such path"))
                elif isinstance(outer.models, Reply):
                    self._send(outer.models)
                else:
                    self._send(Reply(json.dumps(outer.models).encode()))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.bodies.append(body)
                    outer.keys.append(self.headers["Authorization"])
                    outer._under_way += 1
                    outer.most_at_once = max(outer.most_at_once, outer._under_way)
                try:
                    self._send(outer.reply(body) if self.path == "/v1/completions" else refusal(404))
                finally:
                    with outer._lock:
                        outer._under_way -= 1

            def _send(self, reply: Reply) -> None:
                if reply.fault is Fault.HANG:
                    outer._closing.wait()
                    return
                if reply.fault is Fault.RESET:
                    # A close that lingers for no time sends a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                missing = reply.fault in (Fault.TRUNCATED, Fault.TRICKLE)
                self.send_header("Content-Length", str(len(reply.body) + 10 * missing))
                self.end_headers()
                self.wfile.write(reply.body)
                if reply.fault is Fault.TRICKLE:
                    self.wfile.flush()
                    outer._closing.wait()

        return Handler


def playing(tokenizer: Tokenizer, ids: Sequence[int], *, fastgen: bool = False) -> Callable[[Body], Reply]:
    """Goes on behind any prompt that ``ids`` begin with, as vLLM or fastgen does, to the first stop."""

    def reply(body: Body) -> Reply:
        prompt = body["prompt"]
        assert list(ids[: len(prompt)]) == prompt, "the prompt is not what stands before"
        new: list[int] = []
        for id in ids[len(prompt) : len(prompt) + body["max_tokens"]]:
            new.append(id)
            if fastgen:
                if body.get("stop") and body["stop"] in _text(tokenizer, new):
                    break
            elif id in body["stop_token_ids"]:
                return ids_as("token_ids", new, "stop", id)
        return ids_as("tokens" if fastgen else "token_ids", new, "length")

    return reply


def _text(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """What a server sees: a control token and the same text are alike."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in tokenizer.decode(ids))
