"""Marks: ``<tmp-1>``, ``<secret-2>``, in place of what gives something away, the same ones throughout a trace.

The same original has the same mark, two originals never share one, and a mark that stands in the trace before
is never given: so texts are equal afterwards if and only if they were equal before.  What has been marked
contains nothing more to be marked.  Knows nothing of rows; what is looked for is told by giveaways.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from tracegen.giveaways import PEM, PEM_RUN, SECRET_NAME, START, Giveaway, Kind, either_spelling, looks_random

MARK = re.compile("<(" + "|".join(kind.value for kind in Kind) + r")-\d+>")
MARK_CHEAP = MARK.pattern

LONG_SECRET = 20
"""A secret of so many characters is taken for one wherever it stands, random or not."""

_LEAST = {Kind.TEMPORARY.value: 8, Kind.THREAD.value: 12}
"""Characters from which a name or number is looked for by itself: pytest counts its runs, any number may be 4711."""


def count(text: str) -> Counter[str]:
    """The marks in a text, by kind."""
    return Counter(MARK.findall(text)) if "<" in text else Counter()


class Marks:
    """The marks of one trace.  ``taken`` are those that its texts hold already."""

    def __init__(self, giveaways: Sequence[Giveaway], taken: Iterable[str] = ()) -> None:
        self._patterns = [(each, re.compile(each.cheap), re.compile(each.pattern)) for each in giveaways]
        self._taken = set(taken)
        self._given: dict[tuple[str, str], str] = {}
        self._last: Counter[str] = Counter()
        self.everywhere: dict[str, str] = {}
        """What is hidden wherever it stands, once it is known for what it is: secrets, in source too."""
        self.as_words: dict[str, str] = {}
        """The same for names and numbers that a run drew by lot: as whole words, and never in source."""
        self._known: tuple[int, dict[bool, re.Pattern[str]]] = (0, {})

    @property
    def learned(self) -> int:
        """How many texts are hidden wherever they stand."""
        return len(self.everywhere) + len(self.as_words)

    @property
    def cheap(self) -> str:
        """What finds, with RE2, every text that holds something learned, also where JSON spells it."""
        return "|".join(map(either_spelling, [*self.everywhere, *self.as_words]))

    def hide(self, text: str, *, source: bool = False, called: str = "") -> str:
        """A text with marks.  ``source`` is a program's; ``called`` is the name of the variable that holds it.

        What is learned on the way counts for later texts only: hide all of them again while `learned` grows.
        """
        while True:
            before = text
            text = self._by_heart(self._by_patterns(text), source)
            if called and SECRET_NAME.search(called):
                # As an assignment would show it: the name alone says that it is a secret.
                head, assigned = f"{called} = ", self._by_patterns(f"{called} = {text}")
                text = assigned[len(head) :] if assigned.startswith(head) else text
            if text == before:
                return text

    def _by_patterns(self, text: str) -> str:
        if "-----BEGIN" in text:
            text = PEM.sub(self._key, text)
        for giveaway, cheap, pattern in self._patterns:
            # Five times as fast together as the patterns, whose conditions come before their first letter.
            if cheap.search(text):
                text = pattern.sub(partial(self._marked, giveaway), text)
        return text

    def _marked(self, giveaway: Giveaway, match: re.Match[str]) -> str:
        """What a pattern matched, with marks for its groups."""
        out, at = "", match.start()
        for group, original in match.groupdict().items():
            if original is None or group == "quote" or (giveaway.doubtful and not looks_random(original)):
                continue
            start, end = match.span(group)
            out += match.string[at:start] + self._mark(group.rstrip("0123456789"), original)
            at = end
        return out + match.string[at : match.end()]

    def _key(self, match: re.Match[str]) -> str:
        body = PEM_RUN.sub(lambda run: self._mark("secret", run["secret"]) if run["secret"] else run[0], match["body"])
        start, end = (place - match.start() for place in match.span("body"))
        return match[0][:start] + body + match[0][end:]

    def _mark(self, kind: str, original: str) -> str:
        mark = self._given.get((kind, original))
        if mark is None:
            while mark is None or mark in self._taken:
                self._last[kind] += 1
                mark = f"<{kind}-{self._last[kind]}>"
            self._given[kind, original] = mark
            self._learn(kind, original, mark)
        return mark

    def _learn(self, kind: str, original: str, mark: str) -> None:
        if "<" in original:
            return  # holds a mark: it stands so in no text
        if kind == Kind.SECRET.value and (len(original) >= LONG_SECRET or looks_random(original)):
            self.everywhere[original] = mark
        elif len(original) >= _LEAST.get(kind, len(original) + 1):
            self.as_words[original] = mark

    def _by_heart(self, text: str, source: bool) -> str:
        """With marks for what is learned."""
        if not self.learned:
            return text
        if self._known[0] != self.learned:
            self._known = (self.learned, {flag: self._alternatives(flag) for flag in (False, True)})
        return self._known[1][source].sub(lambda found: self.everywhere.get(found[0]) or self.as_words[found[0]], text)

    def _alternatives(self, source: bool) -> re.Pattern[str]:
        """Longer ones first: one may begin with another."""

        def either(texts: Iterable[str]) -> str:
            return "|".join(map(re.escape, sorted(texts, key=lambda text: (-len(text), text)))) or r"(?!)"

        words = r"(?!)" if source else rf"(?:(?<![A-Za-z0-9])|{START})(?:{either(self.as_words)})(?![A-Za-z0-9_])"
        return re.compile(f"(?:{either(self.everywhere)})|{words}")
