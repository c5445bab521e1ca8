"""Several questions under way at once, each in a thread of its own.  Knows nothing of what is asked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

Q = TypeVar("Q")
A = TypeVar("A")


def together(
    questions: Iterable[Q], answer: Callable[[Q, threading.Event], A], at_once: int
) -> Iterator[tuple[int, A]]:
    """The index of a question and its answer, in the order in which they finish; at most ``at_once`` are under way.

    Questions are taken as there is room for them.  The event that ``answer`` gets is set when nobody waits any more.
    Raises what an answer raises.
    """
    coming = enumerate(questions)
    done: queue.SimpleQueue[tuple[int, A | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()

    def work(index: int, question: Q) -> None:
        try:
            done.put((index, answer(question, stopped), None))
        except BaseException as error:
            done.put((index, None, error))

    under_way = 0
    try:
        while True:
            while under_way < at_once and (pulled := next(coming, None)) is not None:
                # Daemons: who stops waiting is not held up by a server that does not answer.
                threading.Thread(target=work, args=pulled, daemon=True).start()
                under_way += 1
            if not under_way:
                return
            index, found, error = done.get()
            under_way -= 1
            if error is not None:
                raise error
            yield index, cast(A, found)
    finally:
        stopped.set()
