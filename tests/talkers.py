"""A language model that says what a function makes of what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cwm_model.backends import Sampling
from cwm_model.talking import Said, Talk


class Saying:
    """A talker; ``asked`` are the talks so far."""

    def __init__(self, say: Callable[[Talk, Sampling], Said]) -> None:
        self._say = say
        self.asked: list[Talk] = []

    def say(self, talks: Iterable[tuple[Talk, Sampling]]) -> Iterator[tuple[int, Said]]:
        """The index of a talk and what was said."""
        for index, (talk, sampling) in enumerate(talks):
            self.asked.append(talk)
            yield index, self._say(talk, sampling)
