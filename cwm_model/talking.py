"""Text in, text out: a language model's prompt and what it says, over ids here or over a server's chat.

Knows nothing of traces, nor of what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cwm_model.backends import Finish, Sampling


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """What a language model is to go on with.

    With ``messages`` a chat, whose answer begins with ``begin`` (``"<think>\\n"``); without any, ``begin`` is a text
    that is simply gone on with, as base models do.  The answer ends before the first of ``stop``, which are looked for
    in the text; ``most`` tokens at most.
    """

    messages: tuple[Message, ...] = ()
    begin: str = ""
    stop: tuple[str, ...] = ()
    most: int = 1024


@dataclass(frozen=True, slots=True)
class Said:
    """What was said behind a talk's ``begin``, cut before the text that stops it.

    ``ids`` are the raw ones, a stop's included; None from a server that gives text alone.  ``tokens`` counts them.
    """

    text: str
    finish: Finish
    ids: tuple[int, ...] | None = None
    tokens: int = 0
    detail: str = ""


class Talker(Protocol):
    """A language model."""

    def say(self, talks: Iterable[tuple[Talk, Sampling]]) -> Iterator[tuple[int, Said]]:
        """The index of a talk and what was said, in the order in which they finish."""
