"""Places in a frame's text and tokens together: what tokens may stand at a place, and where each leads.

What is found out about a place is kept, so that a place that comes again costs a look-up: frames are much alike.
Knows nothing of which frame may follow which (constraint.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cwm_model.backends import Allowed
from cwm_model.masks.frame_automaton import At, Content, FrameAutomaton, Place
from cwm_model.masks.local_names import names_in
from cwm_model.masks.token_table import Closing, table_of
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun
from tracegen.context import lines_of, shown_forms
from tracegen.grammar import Special

_CONTROL = {
    At.ACTION: Special.ACTION_SEP,
    At.ARGUMENT: Special.ARG_SEP,
    At.FRAME_END: Special.FRAME_SEP,
}
_BEHIND_VALUE = (b', "', b"}")
_BEHIND_NAME = (b': "',)
_JSON_BYTES = range(0x20, 0x7F)


@dataclass(slots=True)
class Step:
    """A token read: where it leads, and how many bytes ago it opened the string there (None: it opened none)."""

    node: Node
    length: int
    opened: int | None


@dataclass(slots=True, eq=False)
class Node:
    """A place, and what was found out about it: where tokens lead from it, and what it allows."""

    place: Place
    steps: dict[int, Step] = field(default_factory=dict)
    offered: Allowed | None = None
    closing: Allowed | None = None


class FrameMasks:
    """What all states of one context share: its automaton, its lines in their own tokens, the nodes that were reached.

    Raises CannotRun for a context that has no UTF-8, and for a tokenizer that lacks a byte.
    """

    def __init__(self, tokenizer: Tokenizer, context: str, canonical: bool) -> None:
        lines = {form for line in lines_of(context) for form in shown_forms(line)}
        self.tokenizer = tokenizer
        self.table = table_of(tokenizer)
        self._canonical = canonical
        self._next: dict[tuple[int, ...], dict[int, None]] = {}
        for line in sorted(lines):
            try:
                ids = tuple(tokenizer.encode([line]))
            except ValueError as error:
                raise CannotRun(f"the context: {error}") from None
            if b"".join(self.table.bytes_of.get(id, b"") for id in ids) != line.encode():
                raise CannotRun(f"{tokenizer.name}: does not keep the line {line[:60]!r}; a byte-level tokenizer does")
            for length, id in enumerate(ids):
                self._next.setdefault(ids[:length], {})[id] = None
        spelled = tuple(sorted(line.encode() for line in lines))
        self.table.check(_JSON_BYTES, "JSON")
        self.table.check(b"".join(spelled), "the context")
        self.automaton = FrameAutomaton(names_in(context), spelled, may_be_empty="__repr__" in context)
        self._nodes: dict[Place, Node] = {}

    def node(self, place: Place) -> Node:
        """The node of a place."""
        found = self._nodes.get(place)
        if found is None:
            found = self._nodes[place] = Node(place)
        return found

    def step(self, node: Node, id: int) -> Step | None:
        """What a text token does, or a control token within a frame; None if it may not stand there."""
        place = node.place
        text = self.table.bytes_of.get(id)
        if text is None:
            special = self.table.special_of.get(id)
            if special is None or special is not _CONTROL.get(place.at):
                return None
            return Step(self.node(behind(place)), 0, None)
        read = self.automaton.read(place, text)
        if read is None:
            return None
        after, opened = read
        if place.path is not None and after.at is At.SOURCE and id in self._next.get(place.path, ()):
            after = after._replace(path=(*place.path, id))
        return Step(self.node(after), len(text), opened)

    def own(self, place: Place) -> dict[int, None] | None:
        """The ids by which the tokenizer itself goes on in a source line; None where it would not be there."""
        return self._next[place.path] if place.at is At.SOURCE and place.path is not None else None

    def offered(self, place: Place) -> Allowed:
        """The tokens that may stand next within a frame."""
        table, automaton = self.table, self.automaton
        if place.at in _CONTROL:
            return table.allowed([table.id_of[_CONTROL[place.at]]])
        if place.at is At.SOURCE:
            own = self.own(place) if self._canonical else None
            return table.allowed(table.beginnings(automaton.rests(place)) if own is None else own)
        lead = automaton.lead(place)
        if lead is not None:
            follows = () if place.at in (At.RESULT, At.RESULT_QUOTE) else _BEHIND_VALUE
            strings = table.strings(lead, Content(place.content), follows)
            return table.allowed(self._accepted(place, strings.closing), strings)
        if place.at is At.NAME and automaton.names.any:
            strings = table.strings(b"", Content(place.content), _BEHIND_NAME)
            return table.allowed(self._read(place, strings.closing), strings)
        return table.allowed(table.walk(place, automaton.step))

    def closing(self, place: Place) -> Allowed | None:
        """The tokens that end a string, or bring an escape in it to its end; None if it cannot end here."""
        table = self.table
        if place.at is At.NAME and not self.automaton.names.any:
            return None
        if not Content(place.content).whole:
            return table.allowed([id for id, byte in table.singles() if self.automaton.read(place, byte)])
        follows = {At.NAME: _BEHIND_NAME, At.VALUE: _BEHIND_VALUE}.get(place.at, ())
        bare = table.strings(b"", Content(place.content), follows).bare
        ids = self._read(place, bare) if place.at is At.NAME else self._accepted(place, bare)
        return table.allowed(ids) if ids else None

    def _accepted(self, place: Place, groups: Mapping[Closing, tuple[int, ...]]) -> list[int]:
        """Those of the tokens that close a value that may do so, and go on behind it as they do."""
        at = At.RESULT if place.at in (At.RESULT, At.RESULT_QUOTE) else At.VALUE
        found: list[int] = []
        for (content, rest), ids in groups.items():
            closed = self.automaton.closed(place._replace(at=at, content=content))
            if closed is not None and self.automaton.read(closed, rest) is not None:
                found += ids
        return found

    def _read(self, place: Place, groups: Mapping[Closing, tuple[int, ...]]) -> list[int]:
        ids = (id for group in groups.values() for id in group)
        return [id for id in ids if self.automaton.read(place, self.table.bytes_of[id]) is not None]


def behind(place: Place) -> Place:
    """What follows the control token that a frame wants."""
    if place.at is At.ACTION:
        return Place(At.SOURCE, place.event, place.shown, path=())
    if place.at is At.ARGUMENT:
        return Place(At.RESULT_QUOTE, place.event, place.shown)
    return Place(At.EVENT, shown=place.shown)
