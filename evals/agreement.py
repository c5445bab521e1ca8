"""One true frame against what stands in its place, and counts of what is right in many that add up.

What is measured, of each true frame:

    event           call, line, return or exception
    action          the source line, which is what stands behind CWM's ACTION_SEP
    step            both of them: where the program is
    keys            the names of the locals, as a set              of call and line frames
    state           the whole locals: names and values             of call and line frames
    pairs           the share of the true names that have their true value, of frames that have any
    strings, others the same of true values that are strings, and of all others
    value           what is returned or raised                     of return and exception frames
    exact           all of it

A value is right if it says the same by the literal semantics (literal.py).  In place of a frame that is missing, or
that shows a value where locals should stand, nothing is right.  Knows nothing of where a frame stands in its trace
(comparison.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from evals.literal import same
from tracegen.frame import Event, Frame


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; shares add."""

    right: float = 0
    of: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.right + other.right, self.of + other.of)

    @property
    def rate(self) -> float | None:
        """The share; None of none."""
        return self.right / self.of if self.of else None


_NONE = Share()


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is right of one true frame, or of many: every measure's share, and how many frames of each event are exact.

    ``pairs`` is a mean over frames, each of which counts as one; ``strings`` and ``others`` count values.
    """

    exact: Share = _NONE
    event: Share = _NONE
    action: Share = _NONE
    step: Share = _NONE
    keys: Share = _NONE
    state: Share = _NONE
    pairs: Share = _NONE
    strings: Share = _NONE
    others: Share = _NONE
    returned: Share = _NONE
    raised: Share = _NONE
    by_event: tuple[tuple[Event, Share], ...] = field(default=())

    @classmethod
    def sum(cls, each: Iterable[Agreement]) -> Agreement:
        """The counts of all."""
        counts = {name: [0.0, 0] for name in _MEASURES}
        events = {event: [0.0, 0] for event in Event}
        for agreement in each:
            for name, count in counts.items():
                share: Share = getattr(agreement, name)
                count[0] += share.right
                count[1] += share.of
            for event, share in agreement.by_event:
                events[event][0] += share.right
                events[event][1] += share.of
        by_event = tuple((event, Share(right, int(of))) for event, (right, of) in events.items() if of)
        return cls(**{name: Share(right, int(of)) for name, (right, of) in counts.items()}, by_event=by_event)

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement.sum((self, other))

    def exact_of(self, event: Event) -> Share:
        """The exact ones among the true frames of an event."""
        return dict(self.by_event).get(event, _NONE)


_MEASURES = tuple(each.name for each in fields(Agreement) if each.name != "by_event")


def agreement(true: Frame, predicted: Frame | None) -> Agreement:
    """What is right of a true frame; ``predicted`` is None where nothing stands in its place."""
    event = predicted is not None and predicted.event is true.event
    action = predicted is not None and predicted.source == true.source
    step = event and action
    where = {"event": _one(event), "action": _one(action), "step": _one(step)}
    if true.value is not None:
        value = event and predicted is not None and predicted.value is not None and same(predicted.value, true.value)
        kind = "returned" if true.event is Event.RETURN else "raised"
        exact = _one(step and value)
        return Agreement(exact=exact, **where, **{kind: _one(value)}, by_event=((true.event, exact),))
    shown = predicted is not None and predicted.event.shows_locals
    wanted, found = dict(true.locals), dict(predicted.locals) if shown and predicted is not None else {}
    keys = shown and wanted.keys() == found.keys()
    right = [name for name, text in wanted.items() if name in found and same(found[name], text)]
    state = keys and len(right) == len(wanted)
    strings = [name for name, text in wanted.items() if is_string(text)]
    exact = _one(step and state)
    return Agreement(
        exact=exact,
        **where,
        keys=_one(keys),
        state=_one(state),
        pairs=Share(len(right) / len(wanted), 1) if wanted else _NONE,
        strings=Share(len(set(right) & set(strings)), len(strings)),
        others=Share(len(set(right) - set(strings)), len(wanted) - len(strings)),
        by_event=((true.event, exact),),
    )


def is_string(text: str) -> bool:
    """Whether a repr is a string's."""
    return text[:1] in ("'", '"')


def _one(right: bool) -> Share:
    return _RIGHT if right else _WRONG


_RIGHT, _WRONG = Share(1, 1), Share(0, 1)
