"""What is asked of a model and what it answers: token ids in, token ids out, wherever the model runs.

Knows nothing of text or traces, and nothing of any one backend: ``local`` decodes here, ``server`` asks over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from cwm_model.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is picked: greedily at temperature 0, else from the fewest tokens whose mass reaches ``top_p``.

    >>> Sampling(temperature=0.8, seed=3).greedy, Sampling().greedy
    (False, True)
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature: wanted 0 or more, found {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p: wanted more than 0, at most 1, found {self.top_p}")

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature == 0


class Finish(Enum):
    """Why a completion ends."""

    STOPPED = "stopped"
    """A stop id was produced; it is the last of the ids."""

    LIMIT = "limit"
    """As many ids as were asked for, or as the model's context holds."""

    FAILED = "failed"
    """The backend gave none; the completion's ``detail`` says why."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may come next: ``ids`` (int64, one dimension), and ``forced``, the only one where there is just one."""

    ids: torch.Tensor
    forced: int | None = None


class Rules(Protocol):
    """A constraint on a completion, in the state that it has reached; states never change, and are cheap to keep."""

    def allowed(self) -> Allowed:
        """What may come next."""

    def after(self, id: int) -> Rules:
        """The state once one more token has been read; the prompt's are read when a request is made."""


@dataclass(frozen=True, slots=True)
class Request:
    """One completion asked for: it ends with the first id of ``stop``, or with ``max_new`` ids."""

    prompt: tuple[int, ...]
    stop: frozenset[int]
    max_new: int
    sampling: Sampling = Sampling()
    rules: Rules | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What came: the new ids, a stop id included; ``passes`` is how many forward passes it took part in."""

    ids: tuple[int, ...]
    finish: Finish
    detail: str = ""
    passes: int = 0


class Backend(Protocol):
    """A model that completes ids.

    ``context`` is the longest sequence, prompt and completion together; ``constrains`` says whether rules are obeyed.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """The one that the model's ids belong to."""

    @property
    def context(self) -> int:
        """The longest sequence, prompt and completion together."""

    @property
    def constrains(self) -> bool:
        """Whether the rules of a request are obeyed; a server knows none."""

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        """The index of a request and its completion, in the order in which they finish."""
