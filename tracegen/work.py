"""What work on a data set is: items become the parts of shards, at a worker's bench.  Knows nothing of processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pyarrow as pa

from tracegen.manifest import Item

ItemT_contra = TypeVar("ItemT_contra", bound=Item, contravariant=True)


@dataclass(frozen=True, slots=True)
class Part:
    """What the work on one shard gives.

    ``table``: rows in the order of the items, in harvest.SCHEMA; nothing in them depends on a clock, a machine
    or a process.  ``cut``: rows that the wall clock cut off; they go to a side file.  ``counts`` add up over
    shards: {"kept.returned": 12}.  ``said``: lines for people about single items.
    """

    table: pa.Table
    cut: pa.Table
    counts: Mapping[str, int]
    said: tuple[str, ...] = ()


class Done(Protocol):
    """What the work tells as it goes: that an item is done, or only that the worker is alive (``item=False``)."""

    def __call__(self, item: bool = True) -> None:
        """Tell it."""


class Bench(Protocol[ItemT_contra]):
    """What a worker has at hand while it lives: its sandboxes, warm."""

    def make(self, items: Sequence[ItemT_contra], done: Done) -> Part:
        """The part of one shard; ``done`` is called after each item, and within one that takes long."""


class Work(Protocol[ItemT_contra]):
    """How items become rows: a frozen value that travels to the workers."""

    @property
    def kind(self) -> str:
        """What the items are: "samples", "functions"."""

    @property
    def identity(self) -> Mapping[str, object]:
        """All options that change rows, as JSON."""

    def opened(self, slot: int) -> AbstractContextManager[Bench[ItemT_contra]]:
        """A worker's bench; of the workers that live at a time each has another ``slot``, from 0."""
