"""Prompts as requests: pieces to ids, where to stop, how much room there is, and the grammar behind the prompt.

Knows nothing of answers (prediction.py) or of what is asked in which order (predict.py, stepping.py, forced.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_model.backends import Backend, Completion, Finish, Request, Rules, Sampling
from cwm_model.constraint import TraceRules
from cwm_model.decoding.row import checked
from cwm_model.predicting.prediction import ENDS
from cwm_model.predicting.prompts import Prompt
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun
from tracegen.grammar import Special

LONGEST_FRAME = 2048
"""Ids of one frame that is asked for by itself, as in Meta's debugger (facebookresearch/cwm, demos/cwmdbg.py)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How every request is made: how tokens are picked, how many at most, whether the grammar binds.

    ``max_new`` is None for as many as the model's context holds, or LONGEST_FRAME for one frame.  ``constrained`` lets
    the model write nothing but traces.
    """

    sampling: Sampling = Sampling()  # noqa: RUF009 - frozen
    max_new: int | None = None
    constrained: bool = False

    def reseeded(self, by: int) -> Asking:
        """The same, with the seed plus ``by``."""
        return replace(self, sampling=replace(self.sampling, seed=self.sampling.seed + by))

    def check(self, backend: Backend) -> None:
        """Raises CannotRun for a constraint that the backend does not obey, and for a limit that allows nothing."""
        if self.constrained and not backend.constrains:
            raise CannotRun("this model is on a server, which does not obey the grammar: predict without it (--free)")
        if self.max_new is not None and self.max_new < 1:
            raise CannotRun(f"max tokens: wanted 1 or more, found {self.max_new}")


@dataclass(frozen=True, slots=True)
class Beginning:
    """A prompt in ids; ``rules`` is the grammar behind them, None where the model is free."""

    ids: tuple[int, ...]
    rules: Rules | None = None


def beginning(tokenizer: Tokenizer, prompt: Prompt, constrained: bool) -> Beginning:
    """A prompt's ids, and the grammar's state behind them.

    Raises ValueError for a prompt that has no ids (half a surrogate pair), and, constrained, for a head that the
    grammar does not know.
    """
    ids = tuple(tokenizer.encode(prompt.pieces()))
    if not constrained:
        return Beginning(ids)
    rules = TraceRules.start(tokenizer, prompt.context, entrance=prompt.entrance)
    # No text is ever this id: it is the one behind the context.
    return Beginning(ids, rules.read(ids[ids.index(tokenizer.id_of(Special.FRAME_SEP)) + 1 :]))


def check_room(backend: Backend, prompt: Prompt) -> None:
    """Raises CannotRun for a prompt behind which nothing can be written."""
    try:
        ids = backend.tokenizer.encode(prompt.pieces())
    except ValueError:
        return  # It has no ids at all, as its prediction will say.
    checked(ids, backend.context, backend.tokenizer.size)


def stops(tokenizer: Tokenizer, *, one_frame: bool) -> frozenset[int]:
    """The ids that end a trace, and those that end a frame if only one is wanted."""
    return frozenset(tokenizer.id_of(special) for special in (*ENDS, Special.FRAME_SEP)[: None if one_frame else -1])


def request(
    backend: Backend, ids: Sequence[int], asking: Asking, rules: Rules | None, *, one_frame: bool, written: int = 0
) -> Request | Completion:
    """What to ask of a backend behind these ids, of which the last ``written`` count as the model's own.

    A completion, of no ids, if there is no room for any.
    """
    room = backend.context - len(ids)
    usual = LONGEST_FRAME if one_frame else backend.context
    wanted = (asking.max_new or usual) - written
    if min(room, wanted) < 1:
        return Completion((), Finish.LIMIT, limit(backend, ids, asking, one_frame=one_frame, written=written))
    stop = stops(backend.tokenizer, one_frame=one_frame)
    return Request(tuple(ids), stop, min(room, wanted), asking.sampling, rules)


def limit(backend: Backend, ids: Sequence[int], asking: Asking, *, one_frame: bool, written: int = 0) -> str:
    """What a completion behind these ids runs into, if it comes to no end."""
    wanted = (asking.max_new or (LONGEST_FRAME if one_frame else backend.context)) - written
    if backend.context - len(ids) <= wanted:
        return f"the model's context of {backend.context} ids is full (the prompt has {len(ids) - written})"
    return f"{wanted + written} ids, as many as were allowed"
