"""Texts drawn from a strategy with hypothesis: the same ones for a seed, in every process.

hypothesis's own backend mixes literals of the modules that happen to be loaded into what it draws, and keeps a folder
``.hypothesis`` where the user stands.  So a backend of ours serves its draws: even ones, from the seed alone.
"""

from __future__ import annotations

import random
import threading
from contextvars import ContextVar
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider
from hypothesis.strategies import SearchStrategy

BACKEND = "foretrace"
SEED: ContextVar[str] = ContextVar("SEED", default="")
WIDEST = 2**64
ONE_AT_A_TIME = threading.Lock()
"""hypothesis seeds and restores the process's own `random` around each draw: two threads would restore each other's."""


class Even(PrimitiveProvider):
    """Serves every choice evenly.  One lives as long as one `drawn`."""

    lifetime = "test_function"

    def __init__(self, conjecturedata: Any, /) -> None:
        super().__init__(conjecturedata)
        self.random = random.Random(SEED.get())

    def draw_boolean(self, p: float = 0.5) -> bool:
        """Yes or no."""
        return self.random.random() < p

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: Any = None,
        shrink_towards: int = 0,
    ) -> int:
        """A number in a range, each as often."""
        low = -WIDEST if min_value is None else min_value
        return self.random.randint(low, max(low, WIDEST) if max_value is None else max_value)

    def draw_float(
        self,
        *,
        min_value: float = -1e9,
        max_value: float = 1e9,
        allow_nan: bool = True,
        smallest_nonzero_magnitude: float,
    ) -> float:
        """A number in a range; no strategy here asks for one."""
        return self.random.uniform(max(min_value, -1e9), min(max_value, 1e9))

    def draw_string(self, intervals: Any, *, min_size: int = 0, max_size: int = 10) -> str:
        """A short text; no strategy here asks for one."""
        size = self.random.randint(min_size, max(min_size, min(max_size, 10)))
        return "".join(chr(intervals[self.random.randrange(len(intervals))]) for _ in range(size))

    def draw_bytes(self, min_size: int = 0, max_size: int = 10) -> bytes:
        """A few bytes; no strategy here asks for them."""
        return self.random.randbytes(self.random.randint(min_size, max(min_size, min(max_size, 10))))


AVAILABLE_PROVIDERS[BACKEND] = Even


def drawn(strategy: SearchStrategy[str], count: int, seed: str) -> list[str]:
    """So many texts, or a few more, as they come: there may be some twice."""
    found: list[str] = []

    def collect(text: str) -> None:
        found.append(text)

    run = settings(
        database=None,
        deadline=None,
        phases=[Phase.generate],
        max_examples=count,
        suppress_health_check=list(HealthCheck),
        backend=BACKEND,
    )(given(strategy)(collect))
    with ONE_AT_A_TIME:
        token = SEED.set(seed)
        try:
            run()
        finally:
            SEED.reset(token)
    return found
