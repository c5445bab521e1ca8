"""A model behind an OpenAI-compatible server: ids out, ids in, several requests at once.

vLLM's ``/v1/completions``, and the ``/completions`` of Meta's fastgen (facebookresearch/cwm, serve/fgserve.py).  What a
server sends is a stranger's: ids are checked one by one, and its text is never read, since a control token and the same
text in a program look alike there.  Knows no rules, and nothing of text; how a request gets there is posting.py's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from cwm_model.backends import Completion, Finish, Request
from cwm_model.backends.posting import Connection, Refused, Unanswered
from cwm_model.backends.together import together
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun
from tracegen.grammar import Special

CWM_CONTEXT = 131072


class Dialect(Enum):
    """What a server understands, beside a prompt of ids."""

    VLLM = "vllm"
    """Ids to stop at, a seed; the answer's ids in ``token_ids``."""

    FASTGEN = "fastgen"
    """A text to stop behind, no seed; the answer's ids in ``tokens``."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says of itself."""

    dialect: Dialect
    model: str
    context: int


class ServerBackend:
    """A backend whose model a server runs; at most ``at_once`` requests are under way.

    ``model`` is the served model's name, needed where there are several; ``context`` the longest sequence where the
    server does not say.  Raises CannotRun, in one line, for a server that cannot be reached or that serves no such
    model.
    """

    constrains = False

    def __init__(
        self,
        tokenizer: Tokenizer,
        connection: Connection,
        *,
        model: str | None = None,
        context: int | None = None,
        at_once: int = 8,
    ) -> None:
        self.tokenizer = tokenizer
        self._connection, self._at_once = connection, at_once
        found = served(connection, model)
        self.dialect, self.model = found.dialect, found.model
        self.context = min(context or found.context, found.context)

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        """The index of a request and its completion, in the order in which they finish.

        A request that fails gives FAILED, with the reason.  Raises CannotRun if the server answers without ids.
        """
        return together(requests, self._completed, self._at_once)

    def _completed(self, request: Request, stopped: threading.Event) -> Completion:
        """One completion; a server that stops too soon is asked to go on."""
        ids: tuple[int, ...] = ()
        deadline = time.monotonic() + self._connection.patience
        while True:
            left = request.max_new - len(ids)
            try:
                answer = self._connection.post(
                    "/completions", self._body(request, ids), deadline=deadline, stopped=stopped
                )
                new, reason, at = _choice(answer, self._connection.url)
                self._check(new)
            except (Unanswered, Odd) as error:
                return Completion((), Finish.FAILED, str(error))
            # At most what was asked for, whatever came.
            for place, id in enumerate(new[:left]):
                if id in request.stop:
                    return Completion((*ids, *new[: place + 1]), Finish.STOPPED)
            ids = (*ids, *new[:left])
            if len(new) >= left:
                return Completion(ids, Finish.LIMIT)
            if at in request.stop:
                return Completion((*ids, at), Finish.STOPPED)
            if self.dialect is Dialect.VLLM and reason == "stop":
                said = f"it stopped at {at!r}" if at is not None else "it stopped"
                return Completion((), Finish.FAILED, f"{said}, which is none of the ids to stop at")
            if self.dialect is Dialect.VLLM or not new:
                return Completion(ids, Finish.LIMIT, "the server ended it; its own limit may be lower")
            # Fastgen stopped behind the text of a separator, which the program's own text may be.

    def _body(self, request: Request, ids: tuple[int, ...]) -> dict[str, object]:
        sampling = request.sampling
        one_frame = self.tokenizer.id_of(Special.FRAME_SEP) in request.stop
        return {
            "model": self.model,
            "prompt": [*request.prompt, *ids],
            "max_tokens": request.max_new - len(ids),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "stop_token_ids": sorted(request.stop),
            "return_token_ids": True,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
            **({"stop": Special.FRAME_SEP.text} if one_frame and self.dialect is Dialect.FASTGEN else {}),
        }

    def _check(self, ids: list[int]) -> None:
        size = self.tokenizer.size
        for id in ids:
            if not 0 <= id < size:
                raise Odd(f"its answer has the id {id}, the tokenizer {size} of them: it belongs to another model")


class Odd(Exception):
    """An answer that is none."""


def first_choice(answer: object) -> dict[str, object]:
    """The one choice that was asked for.  Raises Odd."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Odd("its answer has no choices[0]")
    return choice


def _choice(answer: object, url: str) -> tuple[list[int], str | None, int | None]:
    """The ids of an answer, why it ends, and at which id, if that is said."""
    choice = first_choice(answer)
    ids = choice.get("token_ids", choice.get("tokens"))
    if ids is None:
        raise CannotRun(
            f"{url}: answers without token ids, and text cannot be read in their place (a control token and the same "
            "text in a program look alike): use vLLM 0.10.2 or later, or Meta's fastgen"
        )
    if not isinstance(ids, list) or not all(type(id) is int for id in ids):
        raise Odd("its answer's ids are no list of integers")
    reason, at = choice.get("finish_reason"), choice.get("stop_reason")
    return ids, reason if isinstance(reason, str) else None, at if type(at) is int else None


def served(connection: Connection, model: str | None) -> Served:
    """Ask a server what it is.  Raises CannotRun if it cannot be reached, or does not serve the model."""
    try:
        found = connection.get("/models")
    except Unanswered as error:
        if isinstance(error, Refused) and error.code in (404, 405):
            # Meta's server has nothing there, and serves one model.
            return Served(Dialect.FASTGEN, model or "cwm", CWM_CONTEXT)
        raise CannotRun(f"{connection.url}: {error}; start the model's server, or name another address") from None
    listed = found.get("data") if isinstance(found, dict) else None
    cards = [card for card in listed if isinstance(card, dict)] if isinstance(listed, list) else []
    contexts = {name: card.get("max_model_len") for card in cards if isinstance(name := card.get("id"), str)}
    names = ", ".join(sorted(contexts)[:5]) or "none"
    if model is None and len(contexts) != 1:
        raise CannotRun(f"{connection.url}: name one of the models that it serves: {names}")
    chosen = model if model is not None else next(iter(contexts))
    if chosen not in contexts:
        raise CannotRun(f"{connection.url}: no model {chosen!r} there; it serves {names}")
    longest = contexts[chosen]
    known = type(longest) is int and longest > 1
    return Served(Dialect.VLLM, chosen, longest if isinstance(longest, int) and known else CWM_CONTEXT)
