"""Frames: what the text of a trace can say, and nothing more.

A frame is one observation and one action of CWM's format: the event, the source line, and either the
whole locals (call, line) or a value (return, exception).  Knows nothing of how a frame is spelled
(grammar.py), of ``..`` (elision.py), or of where a frame came from (trace.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Locals = tuple[tuple[str, str], ...]
"""Names and reprs in the order in which they are shown.  Pairs, not a dict: a model may say a name twice."""


class Event(Enum):
    """The four events of ``sys.settrace``, under the names that the data set stores."""

    CALL = "call"
    LINE = "line"
    RETURN = "return"
    EXCEPTION = "exception"

    @property
    def shows_locals(self) -> bool:
        """Call and line frames show locals; return and exception frames show a value."""
        return self is Event.CALL or self is Event.LINE


@dataclass(frozen=True, slots=True)
class Frame:
    r"""One observation and action.

    ``source`` is the physical line, indentation and ``"\n"`` kept.  ``locals`` holds every live local as
    ``(name, repr)``; ``value`` is the bare repr of what was returned or raised.  Exactly one of the two
    is meaningful, by the event.  A local whose text is ``".."`` is one that a model wrote as unchanged
    although no earlier frame shows it.

    >>> Frame(Event.LINE, "    y = x\n", locals=(("x", "1"),))
    Frame(event=<Event.LINE: 'line'>, source='    y = x\n', locals=(('x', '1'),), value=None)

    Raises ValueError for locals on a frame that shows a value, or the reverse.
    """

    event: Event
    source: str
    locals: Locals = ()
    value: str | None = None

    def __post_init__(self) -> None:
        if self.event.shows_locals:
            if self.value is not None:
                raise ValueError(f"a {self.event.value} frame shows locals, not a value: {self.value!r}")
        elif self.value is None:
            raise ValueError(f"a {self.event.value} frame needs a value")
        elif self.locals:
            raise ValueError(f"a {self.event.value} frame shows a value, not locals: {self.locals!r}")
