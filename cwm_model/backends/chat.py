"""A language model behind an OpenAI-compatible server's ``/chat/completions``: text in, text out.

vLLM's, Meta's fastgen's (facebookresearch/cwm, serve/openai_api.py) and others'.  What a server sends is a stranger's,
and checked.  Knows nothing of ids; how a request gets there is posting.py's.

How an answer's beginning is given: as an assistant's message that is to be gone on with, as vLLM understands it
(``continue_final_message``; a chat template may trim the blanks at its end).  A server that refuses this is asked
without, and its model begins by itself.  A server that parts the reasoning from the answer gives both; they are joined
as the model wrote them, ``<think>`` around the reasoning.  Either way a text that repeats ``begin`` loses it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from cwm_model.backends import Finish, Sampling
from cwm_model.backends.posting import Connection, Refused, Unanswered
from cwm_model.backends.server import Odd, first_choice, served
from cwm_model.backends.spoken import cut
from cwm_model.backends.together import together
from cwm_model.talking import Said, Talk

_UNKNOWN_FIELD = frozenset({400, 422})
"""How servers refuse a field that they do not know."""


class ServerTalker:
    """A language model that a server runs; at most ``at_once`` talks are under way.

    A talk without messages is asked as a user's: a chat cannot simply go on with a text.  ``model`` is the served
    model's name, needed where there are several.  Raises CannotRun as `ServerBackend` does.
    """

    def __init__(self, connection: Connection, model: str | None = None, at_once: int = 8) -> None:
        self._connection, self._at_once = connection, at_once
        self.model = served(connection, model).model
        self._continues = True
        """Until the server refuses to go on with a message."""

    def say(self, talks: Iterable[tuple[Talk, Sampling]]) -> Iterator[tuple[int, Said]]:
        """The index of a talk and what was said, in the order in which they finish.

        A talk that the server does not answer, after all tries, gives FAILED with the reason.
        """
        return together(talks, self._said, self._at_once)

    def _said(self, asked: tuple[Talk, Sampling], stopped: threading.Event) -> Said:
        talk, sampling = asked
        deadline = time.monotonic() + self._connection.patience
        continued = bool(talk.messages and talk.begin) and self._continues

        def answer(body: dict[str, object]) -> object:
            return self._connection.post("/chat/completions", body, deadline=deadline, stopped=stopped)

        try:
            try:
                found = answer(self._body(talk, sampling, continued))
            except Refused as error:
                if not continued or error.code not in _UNKNOWN_FIELD:
                    raise
                found = answer(self._body(talk, sampling, False))
                # Only now it is known that the beginning was in the way.
                self._continues = False
            return _read(talk, found)
        except (Unanswered, Odd) as error:
            return Said("", Finish.FAILED, detail=str(error))

    def _body(self, talk: Talk, sampling: Sampling, continued: bool) -> dict[str, object]:
        messages = [(message.role, message.text) for message in talk.messages] or [("user", talk.begin)]
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in messages],
            "max_tokens": talk.most,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if talk.stop:
            # Meta's server takes one text; the others are found in what comes.
            body["stop"] = talk.stop[0] if len(talk.stop) == 1 else list(talk.stop)
        if continued:
            final = {"role": "assistant", "content": talk.begin}
            body["messages"] = [*({"role": role, "content": text} for role, text in messages), final]
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body


def _read(talk: Talk, answer: object) -> Said:
    """What an answer says.  Raises Odd for one that is none."""
    choice = first_choice(answer)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Odd("its answer has no message")
    content = _text(message, "content")
    reasoning = _text(message, "reasoning") or _text(message, "reasoning_content")
    # Without an answer behind it, reasoning has not come to its end.
    text = (f"<think>\n{reasoning}" + (f"</think>\n{content}" if content else "")) if reasoning else content
    if talk.messages:
        text = text.removeprefix(talk.begin)
    before = cut(text, talk.stop)
    usage = answer.get("usage") if isinstance(answer, dict) else None
    counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
    tokens = counted if type(counted) is int and counted >= 0 else 0
    finish = _finish(choice.get("finish_reason"), tokens >= talk.most) if before is None else Finish.STOPPED
    return Said(text if before is None else before, finish, tokens=tokens)


def _text(message: dict[str, object], name: str) -> str:
    """A message's text: null, a string, or parts of it."""
    found = message.get(name)
    parts = [part.get("text") if isinstance(part, dict) else None for part in found] if type(found) is list else [found]
    if found is None:
        return ""
    if not all(isinstance(part, str) for part in parts):
        raise Odd(f"its answer's {name} is no text")
    # JSON may say half a surrogate pair, which no UTF-8 has.
    return "".join(map(str, parts)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _finish(reason: object, full: bool) -> Finish:
    """Why an answer ends; Meta's server does not say."""
    if reason is None:
        return Finish.LIMIT if full else Finish.STOPPED
    if reason not in ("stop", "length"):
        raise Odd(f"it ended the answer for another reason: {str(reason)[:60]!r}")
    return Finish.STOPPED if reason == "stop" else Finish.LIMIT
