"""The tokens of a vocabulary by their bytes: which of them a byte automaton accepts in full.

Most states of a trace are within a JSON string, where nearly every token goes.  Those that stay inside are found once
for a vocabulary; those that end the string are grouped by what stands behind its quote, and a state asks for a group
at a time.  Elsewhere few tokens go, and they are found by walking the sorted tokens as a trie.  Knows nothing of traces
(constraint.py) or of the bytes of a frame beyond those of a string (frame_automaton.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import torch

from cwm_model.backends import Allowed
from cwm_model.masks.frame_automaton import CLOSED, CONTENTS, Content
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun
from tracegen.grammar import Special

_State = TypeVar("_State")
_MOST_IDS = 8_000_000
"""How many ids the masks may hold that are kept: 64 MB."""


Closing = tuple[Content, bytes]
"""How a token closes a string: the content that it leaves it with, and what it says behind the quote."""


@dataclass(frozen=True, slots=True, eq=False)
class Strings:
    """The tokens that go from one place before or in a JSON string.

    ``inside`` are the ids that end inside it (or before it); ``closing`` those that close it; ``bare`` are those of
    them that begin with the quote.
    """

    inside: torch.Tensor
    closing: dict[Closing, tuple[int, ...]]
    bare: dict[Closing, tuple[int, ...]]


class TokenTable:
    """A vocabulary's text tokens in the order of their bytes, and its control tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        texts = [(text, id) for id in range(tokenizer.size) if (text := tokenizer.bytes_of(id))]
        texts.sort()
        self._name = tokenizer.name
        self._texts = [text for text, _ in texts]
        self._ids = [id for _, id in texts]
        self.bytes_of = {id: text for text, id in texts}
        self.special_of = {tokenizer.id_of(special): special for special in Special}
        self.id_of = {special: id for id, special in self.special_of.items()}
        self._longest = max(map(len, self._texts), default=0)
        self._by_text: dict[bytes, list[int]] = {}
        for text, id in texts:
            self._by_text.setdefault(text, []).append(id)
        firsts = [index for index, text in enumerate(self._texts) if index == 0 or self._texts[index - 1][0] != text[0]]
        ends = [*firsts[1:], len(self._texts)]
        self._roots = {self._texts[at][0]: (at, end) for at, end in zip(firsts, ends, strict=True)}
        self._strings: dict[tuple[bytes, Content, tuple[bytes, ...]], Strings] = {}
        self._kept: dict[tuple[Strings | None, tuple[int, ...]], Allowed] = {}
        self._kept_ids = 0

    def check(self, wanted: Iterable[int], what: str) -> None:
        """Raise CannotRun if a byte of these has no token of its own: text of them could come to a dead end."""
        if lacking := [byte for byte in sorted(set(wanted)) if bytes((byte,)) not in self._by_text]:
            raise CannotRun(
                f"{self._name}: no token is the byte 0x{lacking[0]:02x} of {what} alone, so a trace could come to a "
                "dead end; a byte-level tokenizer has all bytes"
            )

    def singles(self) -> list[tuple[int, bytes]]:
        """The tokens of one byte."""
        return [(id, bytes((byte,))) for byte in self._roots for id in self._by_text.get(bytes((byte,)), ())]

    def walk(self, start: _State, step: Callable[[_State, int], _State | None]) -> list[int]:
        """The tokens that an automaton reads in full from a state."""
        found: list[int] = []
        texts = self._texts
        ahead = [(*self._roots[byte], 1, state) for byte in self._roots if (state := step(start, byte)) is not None]
        while ahead:
            at, end, depth, state = ahead.pop()
            while at < end and len(texts[at]) == depth:
                found.append(self._ids[at])
                at += 1
            while at < end:
                byte = texts[at][depth]
                stop = end if byte == 255 else bisect_left(texts, texts[at][:depth] + bytes((byte + 1,)), at, end)
                after = step(state, byte)
                if after is not None:
                    ahead.append((at, stop, depth + 1, after))
                at = stop
        return found

    def beginnings(self, texts: Iterable[bytes]) -> list[int]:
        """The tokens with which one of these texts begins."""
        begun = {text[:length] for text in texts for length in range(1, min(len(text), self._longest) + 1)}
        return [id for text in begun for id in self._by_text.get(text, ())]

    def strings(self, lead: bytes, content: Content, follows: tuple[bytes, ...]) -> Strings:
        """The tokens that go where ``lead`` stands before a string, or where one is that holds ``content``.

        ``follows`` are the texts that may stand behind the string; what stands behind those in turn is not looked at.
        """
        key = (lead, content, follows)
        if key not in self._strings:
            self._strings[key] = self._sorted_out(lead, content, follows)
        return self._strings[key]

    def allowed(self, ids: Iterable[int], strings: Strings | None = None) -> Allowed:
        """These ids, and those inside a string; the same object for the same ids, as far as it is still kept."""
        key = (strings, tuple(sorted(ids)))
        kept = self._kept.get(key)
        if kept is None:
            inside = strings.inside if strings else torch.empty(0, dtype=torch.int64)
            both = torch.cat((inside, torch.tensor(key[1], dtype=torch.int64))).sort().values
            kept = Allowed(both, int(both[0]) if len(both) == 1 else None)
            self._kept_ids += len(both)
            if self._kept_ids > _MOST_IDS:
                self._kept.clear()
                self._kept_ids = len(both)
            self._kept[key] = kept
        return kept

    def _sorted_out(self, lead: bytes, content: Content, follows: tuple[bytes, ...]) -> Strings:
        inside: list[int] = []
        closing: dict[Closing, list[int]] = {}
        bare: dict[Closing, list[int]] = {}
        for text, id in self._candidates(lead):
            if len(text) <= len(lead):
                if lead.startswith(text):
                    inside.append(id)
                continue
            if not text.startswith(lead):
                continue
            before = after = int(content)
            for index in range(len(lead), len(text)):
                before, after = after, CONTENTS[after][text[index]]
                if after < 0:
                    break
            if after >= 0:
                inside.append(id)
            elif after == CLOSED and _may_follow(rest := text[index + 1 :], follows):
                key = (Content(before), rest)
                closing.setdefault(key, []).append(id)
                if index == 0:
                    bare.setdefault(key, []).append(id)
        return Strings(torch.tensor(inside, dtype=torch.int64), _frozen(closing), _frozen(bare))

    def _candidates(self, lead: bytes) -> Iterable[tuple[bytes, int]]:
        start, end = self._roots.get(lead[0], (0, 0)) if lead else (0, len(self._texts))
        return zip(self._texts[start:end], self._ids[start:end], strict=True)


@lru_cache(maxsize=4)
def table_of(tokenizer: Tokenizer) -> TokenTable:
    """A tokenizer's table; those of the last few are kept, since they are the work of a while."""
    return TokenTable(tokenizer)


def _may_follow(rest: bytes, follows: Sequence[bytes]) -> bool:
    return rest == b"" or any(rest.startswith(follow) or follow.startswith(rest) for follow in follows)


def _frozen(groups: dict[Closing, list[int]]) -> dict[Closing, tuple[int, ...]]:
    return {key: tuple(ids) for key, ids in groups.items()}
