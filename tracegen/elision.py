"""``..``: what a frame leaves out because the frame before it shows the same.

The comparison is by text with the previous call or line frame.  It starts afresh at every call and after
every return; an exception does not touch it (FORMAT in docs/format.md).  Knows nothing about JSON or
control tokens: see grammar.py.
"""

from __future__ import annotations

from tracegen.frame import Event, Locals

UNCHANGED = ".."


class Elision:
    """The memory that writer and reader share: the values of the previous call or line frame.

    ``elide`` and ``restore`` are inverse to each other; feed one of them every frame of a trace in order.
    """

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def elide(self, event: Event, locals: Locals) -> Locals:
        """Whole locals to the locals as they are spelled.

        Raises ValueError for a local that says ``..`` although the previous frame shows its value: such
        a frame would be read back as another one.
        """
        if not self._begins(event):
            return ()
        shown = self._shown
        spelled = []
        for name, text in locals:
            before = shown.get(name)
            if text == UNCHANGED and before not in (None, UNCHANGED):
                raise ValueError(f"local {name!r} says '..', but the previous frame shows {before!r}")
            spelled.append((name, UNCHANGED if text == before else text))
        self._shown = dict(locals)
        return tuple(spelled)

    def restore(self, event: Event, spelled: Locals) -> Locals:
        """The locals as they are spelled to whole locals; ``..`` for a name never seen stays ``..``."""
        if not self._begins(event):
            return ()
        shown = self._shown
        whole = tuple((name, shown.get(name, text) if text == UNCHANGED else text) for name, text in spelled)
        self._shown = dict(whole)
        return whole

    def knows(self, name: str) -> bool:
        """Whether ``..`` for this name would mean something."""
        return self._shown.get(name, UNCHANGED) != UNCHANGED

    def repeats(self, name: str, text: str) -> bool:
        """Whether this text is what the previous frame shows, so that ``..`` would have said it."""
        return text != UNCHANGED and self._shown.get(name) == text

    def _begins(self, event: Event) -> bool:
        """Forget what the event makes stale; true if the event shows locals."""
        if event is Event.CALL or event is Event.RETURN:
            self._shown = {}
        return event.shows_locals
