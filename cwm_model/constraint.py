"""The trace grammar as a mask over a vocabulary: what a model may write next, so that it always writes a trace.

What `tracegen.grammar` spells is allowed, and nothing else: JSON as json.dumps writes it, names that the context has
(local_names.py), ``..`` where the frame before shows the name, lines of the context, and END_OF_TEXT when the entry's
scope was left (entrance.py).  Which event may follow which, only the depth decides: within a scope ``sys.settrace``
leaves all four open, also behind a CALL (a RETURN where a debugger steps over, a CALL where ``yield from`` goes on, an
EXCEPTION where a generator is thrown into) and behind an EXCEPTION (a handler, an unwinding, a finaliser, another one).
To `tracegen.grammar.parse` what comes is odd in one way at most, WRITTEN_IN_FULL: to forbid the value that a local has
had before would only make a model write a wrong one.  Of what a tracer writes it refuses: an empty repr of a
program that does not say ``__repr__``, and a name that was put into a module's or class's namespace from elsewhere.

A mask cannot tell which tokens of a text a model was trained on, and a text in other tokens is one that it has never
seen.  Where the grammar forbids what the model wants, the likeliest of the rest may be a lone byte, and what follows
goes astray.  Source lines, where the grammar forbids most, are therefore offered in the tokens that the tokenizer
itself gives (``canonical``), and so is what is certain (`TraceRules.forced_run`).  Names and values are offered in any
tokens: next to nothing is forbidden there, so a model keeps to its own.

`TraceRules.after` reads all that the grammar allows, in any tokens and beyond the limits; `TraceRules.allowed` offers
less.  Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cwm_model.backends import Allowed
from cwm_model.masks.entrance import Entrance, entrance_of
from cwm_model.masks.frame_automaton import BEGIN, STRINGS, At, Place
from cwm_model.masks.frame_masks import FrameMasks, Node
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun
from tracegen.frame import Event
from tracegen.grammar import Special

_EVENTS = {
    Special.CALL_SEP: (Event.CALL, 1),
    Special.LINE_SEP: (Event.LINE, 0),
    Special.RETURN_SEP: (Event.RETURN, -1),
    Special.EXCEPTION_SEP: (Event.EXCEPTION, 0),
}
"""For each separator its event, and what that does to the depth: not an exception leaves a scope, but its RETURN."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds in every state of a trace."""

    masks: FrameMasks
    entrance: Entrance
    max_value_bytes: int | None
    max_frames: int | None

    @property
    def home(self) -> int:
        """The depth at which the trace may end."""
        return 1 if self.entrance is Entrance.BLOCK else 0


@dataclass(frozen=True, slots=True)
class TraceRules:
    """The grammar of one context's trace in one state: what may come, and the state behind it.

    ``depth`` is how many scopes are open, ``frames`` how many frames have begun.
    """

    _terms: _Terms = field(repr=False)
    _node: Node = field(repr=False)
    depth: int
    frames: int = 0
    _written: int = field(default=0, repr=False)

    @classmethod
    def start(
        cls,
        tokenizer: Tokenizer,
        context: str,
        *,
        entrance: Entrance | None = None,
        canonical: bool = True,
        max_value_bytes: int | None = None,
        max_frames: int | None = None,
    ) -> TraceRules:
        """The state before the first frame, behind the context's FRAME_SEP.

        ``entrance`` is read off the context if it is not given (`entrance_of`); ``canonical`` offers source lines only
        in the tokenizer's own tokens.  A value (and a name, where any name goes) is given no more text once it has
        ``max_value_bytes`` of JSON: the token that reaches them may lead beyond.  No more frames are opened than can
        be closed within ``max_frames``.  Both bind what is offered, not what is read, so that with them every trace
        ends.

        Raises CannotRun for a tokenizer without a token for each byte that is needed, for a context that has no UTF-8,
        and for limits below 1.
        """
        for name, limit in [("max_value_bytes", max_value_bytes), ("max_frames", max_frames)]:
            if limit is not None and limit < 1:
                raise CannotRun(f"{name}: wanted 1 or more, found {limit}")
        masks = FrameMasks(tokenizer, context, canonical)
        terms = _Terms(masks, entrance or entrance_of(context), max_value_bytes, max_frames)
        return cls(terms, masks.node(BEGIN), terms.home)

    @property
    def finished(self) -> bool:
        """Whether END_OF_TEXT was read: nothing may follow, and `allowed` is empty."""
        return self._node.place.at is At.FINISHED

    def allowed(self) -> Allowed:
        """What may come next; empty only behind END_OF_TEXT."""
        node, masks = self._node, self._terms.masks
        if node.place.at is At.EVENT:
            return masks.table.allowed(masks.table.id_of[special] for special in self._within(self._events()))
        most = self._terms.max_value_bytes
        if most is not None and self._written >= most and node.place.at in STRINGS:
            if node.closing is None:
                node.closing = masks.closing(node.place)
            if node.closing is not None:
                return node.closing
        if node.offered is None:
            node.offered = masks.table.allowed(()) if self.finished else masks.offered(node.place)
        return node.offered

    def after(self, id: int) -> TraceRules:
        """The state behind one more token.  Raises ValueError for one that the grammar does not allow here."""
        node = self._node
        step = node.steps.get(id)
        if step is None:
            if node.place.at is At.EVENT:
                return self._begun(id)
            step = self._terms.masks.step(node, id)
            if step is None:
                raise self._refusal(id)
            node.steps[id] = step
        if step.opened is not None:
            written = step.opened
        else:
            written = self._written + step.length if step.node.place.at in STRINGS else 0
        return TraceRules(self._terms, step.node, self.depth, self.frames, written)

    def read(self, ids: Iterable[int]) -> TraceRules:
        """The state behind many more tokens.  Raises ValueError as `after` does."""
        state = self
        for id in ids:
            state = state.after(id)
        return state

    def forced_run(self) -> tuple[int, ...]:
        """The tokens that must come, as the tokenizer itself would give them; empty where there is a choice.

        Longer than the one that `allowed` forces where a text is certain up to its end: a source line that no other
        line is like any more, and the control tokens behind it.
        """
        run: list[int] = []
        state = self
        while certain := state._certain():
            run += certain
            state = state.read(certain)
        return tuple(run)

    def _certain(self) -> list[int]:
        place, masks = self._node.place, self._terms.masks
        if place.at is At.SOURCE:
            own = masks.own(place)
            if own is not None:
                return list(own) if len(own) == 1 else []
            rests = masks.automaton.rests(place)
            if len(rests) == 1 and rests[0][0] & 0xC0 != 0x80:
                return masks.tokenizer.encode([rests[0].decode()])
        forced = self.allowed().forced
        return [] if forced is None else [forced]

    def _begun(self, id: int) -> TraceRules:
        """The state behind the token that begins a frame, or ends the trace."""
        special = self._terms.masks.table.special_of.get(id)
        if special is None or special not in self._events():
            raise self._refusal(id)
        if special is Special.END_OF_TEXT:
            return replace(self, _node=self._terms.masks.node(Place(At.FINISHED)))
        event, deeper = _EVENTS[special]
        shown = self._node.place.shown if event in (Event.LINE, Event.EXCEPTION) else frozenset()
        node = self._terms.masks.node(Place(At.OPEN if event.shows_locals else At.ACTION, event, shown))
        return replace(self, _node=node, depth=self.depth + deeper, frames=self.frames + 1)

    def _events(self) -> tuple[Special, ...]:
        """What may stand between frames."""
        entrance = self._terms.entrance
        if self.depth > 0:
            here = entrance is Entrance.BLOCK and self.depth == 1
            return (*_EVENTS, Special.END_OF_TEXT) if here else tuple(_EVENTS)
        if self.frames == 0 or entrance is Entrance.BLOCK:
            return (Special.CALL_SEP,)
        return (Special.END_OF_TEXT,) if entrance is Entrance.ONCE else (Special.CALL_SEP, Special.END_OF_TEXT)

    def _within(self, events: tuple[Special, ...]) -> list[Special]:
        """Those that leave enough frames to come to the end; if none does, those that lead there."""
        if self._terms.max_frames is None:
            return list(events)
        home = self._terms.home
        left = self._terms.max_frames - self.frames - 1
        far = {special: abs(self.depth + _EVENTS[special][1] - home) for special in events if special in _EVENTS}
        ends = [special for special in events if special is Special.END_OF_TEXT]
        within = [special for special, frames in far.items() if frames <= left] + ends
        return within or [special for special, frames in far.items() if frames == min(far.values())]

    def _refusal(self, id: int) -> ValueError:
        place, table = self._node.place, self._terms.masks.table
        if place.at is At.EVENT:
            wanted = " or ".join(special.name for special in self._events())
            where = f"behind frame {self.frames}" if self.frames else "before the first frame"
        else:
            wanted = place.at.value
            where = f"frame {self.frames} ({place.event.value})" if place.event else "behind the trace"
            if place.at in (At.COLON, At.BLANK, At.VALUE_QUOTE, At.VALUE):
                where += f", local {place.text.decode()!r}"
            elif place.text:
                where += f", behind {place.text!r}"
        special = table.special_of.get(id)
        text = table.bytes_of.get(id)
        found = special.name if special else "no token" if text is None else repr(text)
        return ValueError(f"{where}: wanted {wanted}, found {found} (id {id})")
