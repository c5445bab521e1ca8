"""Training documents of data sets, shuffled anew in every round, for as long as they are wanted.

Knows nothing of models.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cwm_model.tokenizer import Tokenizer
from cwm_model.training.corpus import fingerprint
from cwm_model.training.documents import Document, Form, document
from tracegen import CannotRun
from tracegen.shards import read


class Stored:
    """The whole traces of data sets as documents, in memory: four bytes a token.

    ``left_out`` counts, by reason, the traces that are no documents.  Raises CannotRun if there are none.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        tokenizer: Tokenizer,
        *,
        longest: int,
        shunned: frozenset[str] = frozenset(),
        forms: Sequence[Form] = (Form.WHOLE,),
    ) -> None:
        self.left_out = {"longer than a row": 0, "shunned": 0}
        ids: list[np.ndarray] = []
        self._contexts: list[int] = []
        for folder in folders:
            for trace in read(folder):
                if shunned and _shuns(trace.context.text, shunned):
                    self.left_out["shunned"] += 1
                    continue
                for form in forms:
                    made = document(trace, tokenizer, form)
                    if len(made) > longest:
                        self.left_out["longer than a row"] += 1
                        continue
                    ids.append(np.array(made.ids, np.int32))
                    self._contexts.append(made.context)
        if not ids:
            why = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items() if count)
            raise CannotRun(f"{', '.join(map(str, folders))}: no trace to learn from: {why or 'they hold none'}")
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def documents(self, seed: int, *, part: int, parts: int, start: int) -> Iterator[tuple[int, Document]]:
        """The documents of one part of so many with their numbers, from number ``start`` on, without end.

        Number k is the (k mod n)-th of round k // n.
        """
        count = len(self._ids)
        number = start + (part - start) % parts
        order: list[int] = []
        known = -1
        while True:
            round = number // count
            if round != known:
                order = list(range(count))
                random.Random(f"{seed} {round}").shuffle(order)
                known = round
            chosen = order[number % count]
            yield number, Document(tuple(self._ids[chosen].tolist()), self._contexts[chosen])
            number += parts


def _shuns(context: str, shunned: frozenset[str]) -> bool:
    """Whether a context's code, its synthetic caller aside, is one that must not be learned."""
    code, found, _ = context.rpartition("\ndef main():")
    try:
        return fingerprint(code if found else context) in shunned
    except (SyntaxError, ValueError, RecursionError):
        return False
