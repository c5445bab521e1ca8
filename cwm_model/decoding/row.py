"""One completion in the making: what is to be read next, what was picked, when it ends.

A row's ids run ahead of what its cache has read by at least one: the newest pick, after it the ids that the rules leave
no choice about, and after those guesses, which are read in the same pass and kept as far as they prove right.  Knows
nothing of tensors but the ids that rules allow, and nothing of the other rows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from cwm_model.backends import Completion, Finish, Request, Rules
from cwm_model.decoding.drafting import LONGEST, TRUST, Lookup
from cwm_model.decoding.sampling import Pick
from tracegen import CannotRun


@dataclass(frozen=True, slots=True)
class Run:
    """What a row reads in one pass, and how the tokens after the last ``len(picks)`` of the ids are to be picked."""

    ids: list[int]
    picks: list[Pick]


class Row:
    """A request on its way, from ``read`` ids in its cache on.

    ``context`` is the longest sequence, ``chunk`` the most ids of one pass.  Once ``completion`` is there, the row is
    done.
    """

    def __init__(self, request: Request, *, context: int, chunk: int, read: int) -> None:
        self.request = request
        self.ids = list(request.prompt)
        self.read = read
        self.completion: Completion | None = None
        self._end = min(context, len(self.ids) + request.max_new)
        self._chunk = chunk
        self._rules = request.rules
        self._uniform = random.Random(request.sampling.seed)
        self._lookup = Lookup()
        self._guesses: list[int] = []
        self._states: list[Rules | None] = []
        self._passes = 0
        if len(self.ids) >= self._end:
            self._finish(Finish.LIMIT)
        self._append_forced()

    def run(self, drafts: int) -> Run:
        """What to read next: everything certain, and guesses; or no more than a chunk of a long run.

        ``drafts`` is the most guesses; there are none where tokens are drawn.
        """
        certain = self.ids[self.read :]
        self._guesses, self._states = [], []
        if len(certain) > self._chunk:
            return Run(certain[: self._chunk], [])
        self._states.append(self._rules)
        if drafts and self.request.sampling.greedy:
            self._guess(min(drafts, self._chunk - len(certain), self._end - len(self.ids) - 1))
        # One number for each place, forced or not: what is drawn does not depend on what the rules spare.
        uniform = 0.0 if self.request.sampling.greedy else self._uniform.random()
        return Run(
            certain + self._guesses,
            [
                Pick(self.request.sampling, state.allowed().ids if state is not None else None, uniform)
                for state in self._states
            ],
        )

    def take(self, run: Run, picks: Sequence[int]) -> None:
        """Go on by what was picked: as many as there are right guesses, and one more."""
        self._passes += 1
        if not run.picks:
            self.read += len(run.ids)
            return
        self.read = len(self.ids)
        for place, id in enumerate(picks):
            self._append(id)
            if self.completion is not None or place == len(self._guesses) or id != self._guesses[place]:
                break
            self.read += 1
        self._append_forced()
        # The last id is never read: nothing is picked after it, or it is the next to be.
        self.read = min(self.read, len(self.ids) - 1)

    def _guess(self, most: int) -> None:
        """What stands behind a place like this one, as far as the rules allow, and what they leave no choice about."""
        self._lookup.read(self.ids)
        known = list(self.ids)
        place: int | None = None
        left = most
        state = self._rules
        while len(self._guesses) < most:
            allowed = state.allowed() if state is not None else None
            id = allowed.forced if allowed is not None else None
            if id is None:
                if place is None:
                    found = self._lookup.after(known[-LONGEST:])
                    if found is None:
                        return
                    place, gram = found
                    left = min(left, TRUST * gram)
                id = known[place]
                if not left or (allowed is not None and not bool((allowed.ids == id).any())):
                    return
                left -= 1
            place = place + 1 if place is not None and known[place] == id else None
            known.append(id)
            if state is not None:
                state = state.after(id)
            self._guesses.append(id)
            self._states.append(state)
            if id in self.request.stop:
                return

    def _append_forced(self) -> None:
        """Append what the rules leave no choice about."""
        while self.completion is None and self._rules is not None:
            forced = self._rules.allowed().forced
            if forced is None:
                return
            if not self.request.sampling.greedy:
                self._uniform.random()
            self._append(forced)

    def _append(self, id: int) -> None:
        self.ids.append(id)
        if id in self.request.stop:
            self._finish(Finish.STOPPED)
        elif len(self.ids) >= self._end:
            self._finish(Finish.LIMIT)
        elif self._rules is not None:
            self._rules = self._rules.after(id)

    def _finish(self, finish: Finish) -> None:
        ids = tuple(self.ids[len(self.request.prompt) :])
        self.completion = Completion(ids, finish, passes=self._passes)


def checked(prompt: Sequence[int], context: int, vocabulary: int) -> None:
    """Raise CannotRun for a prompt that leaves nothing to complete, or with ids that the model does not have."""
    if not prompt:
        raise CannotRun("the prompt is empty: wanted at least one id (BEGIN_OF_TEXT)")
    if len(prompt) > context - 1:
        raise CannotRun(
            f"the prompt has {len(prompt)} ids, the model's context holds {context}: wanted at most {context - 1}, "
            "so that one more fits; shorten it, or use a model with a longer context"
        )
    if not 0 <= min(prompt) <= max(prompt) < vocabulary:
        raise CannotRun(
            f"the prompt has ids from {min(prompt)} to {max(prompt)}, the model {vocabulary} of them: "
            "it was made with another tokenizer"
        )
