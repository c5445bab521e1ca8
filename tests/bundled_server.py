"""A real server over a model that runs here, on the loopback: vLLM's models, completions and chat.

Faults are put into ``faults``: each is what one request gets in place of an answer.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cwm_model.backends import Completion, Finish, Request, Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.backends.spoken import LocalTalker, text_of
from cwm_model.talking import Message, Talk
from tests.completions_server import Body, CompletionsServer, Reply, refusal


class ChatServer(CompletionsServer):
    """Answers chats too; a body with ``messages`` is one."""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kind: Any = super()._handler()

        class Handler(kind):  # type: ignore[misc]
            path: str

            def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
                if self.path == "/v1/chat/completions":
                    self.path = "/v1/completions"
                super().do_POST()

        return Handler


@dataclass
class BundledServer:
    """What answers for a backend, one request at a time."""

    backend: LocalBackend
    faults: list[Reply] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> ChatServer:
        card = {"id": "bundled", "max_model_len": self.backend.context}
        return ChatServer(self.reply, models={"data": [card]})

    def reply(self, body: Body) -> Reply:
        with self.lock:
            if self.faults:
                return self.faults.pop(0)
            return self._chat(body) if "messages" in body else self._completion(body)

    def _completion(self, body: Body) -> Reply:
        if isinstance(body["prompt"], str):
            stop = body.get("stop") or []
            return self._talked(Talk((), body["prompt"], _texts(stop), body["max_tokens"]), body, "text")
        request = Request(
            tuple(body["prompt"]), frozenset(body.get("stop_token_ids", ())), body["max_tokens"], _sampling(body)
        )
        if len(request.prompt) + request.max_new > self.backend.context:
            return refusal(400, f"This model's maximum context length is {self.backend.context} tokens")
        [(_, done)] = self.backend.complete([request])
        choice = {"text": text_of(self.backend.tokenizer, done.ids), "token_ids": list(done.ids), **_end(done)}
        return _reply(choice, len(done.ids))

    def _chat(self, body: Body) -> Reply:
        messages = tuple(Message(each["role"], each["content"]) for each in body["messages"])
        begin = ""
        if body.get("continue_final_message"):
            if body.get("add_generation_prompt", True):
                return refusal(400, "Cannot set both continue_final_message and add_generation_prompt to True.")
            messages, begin = messages[:-1], messages[-1].text
        talk = Talk(messages, begin, _texts(body.get("stop") or []), body["max_tokens"])
        return self._talked(talk, body, "message")

    def _talked(self, talk: Talk, body: Body, name: str) -> Reply:
        [(_, said)] = LocalTalker(self.backend).say([(talk, _sampling(body))])
        if said.finish is Finish.FAILED:
            return refusal(400, said.detail)
        shown = {"role": "assistant", "content": said.text} if name == "message" else said.text
        return _reply({name: shown, "finish_reason": _reason(said.finish)}, said.tokens)


def _sampling(body: Body) -> Sampling:
    return Sampling(body.get("temperature", 1.0), body.get("top_p", 1.0), body.get("seed", 0))


def _texts(stop: str | list[str]) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _reason(finish: Finish) -> str:
    return "stop" if finish is Finish.STOPPED else "length"


def _end(done: Completion) -> dict[str, object]:
    return {
        "finish_reason": _reason(done.finish),
        "stop_reason": done.ids[-1] if done.finish is Finish.STOPPED else None,
    }


def _reply(choice: dict[str, object], tokens: int) -> Reply:
    said = {"choices": [{"index": 0, **choice}], "usage": {"completion_tokens": tokens}}
    return Reply(json.dumps(said).encode())
