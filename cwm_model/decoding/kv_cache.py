"""Keys and values of what has been read: rings in local layers, growing stores in global ones.

A position lives at slot ``position % size`` of a layer's store.  A store grows in blocks with the longest row; a local
layer's stops growing at its window and one chunk, and is a ring from then on.  The chunk is room for the tokens of one
pass: the first of them still needs the whole window while the last is written already.  It makes rollback free: what
lies beyond a row's length, be it a draft that was refused or padding, is never seen, because its slot counts as that of
a position below the window.  Knows nothing of tokens or weights.

    B rows, K key-value heads, R slots of a store, E head size, T tokens of each row, S slots seen,
    Q queries of a key head
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cwm_model.decoding.weights import Weights

_BLOCK = 64
"""Slots that a store grows by.  Growing copies the store, which is little beside reading it in each of 64 passes."""


class KeyValues:
    """The stores of all layers for a number of rows: one tensor ``2BKRE`` a layer, keys and values.

    ``chunk`` is the most tokens that a row is given in one pass.  With ``whole``, local layers keep every position too:
    such a cache can be taken back to any length, and other rows can begin with any part of it.
    """

    @torch.inference_mode()
    def __init__(self, weights: Weights, rows: int, chunk: int, *, whole: bool = False) -> None:
        self.rows, self.chunk = rows, chunk
        self._limits = [None if whole or layer.window is None else layer.window + chunk for layer in weights.layers]
        self.stores = [
            torch.zeros(2, rows, weights.shared, 0, weights.head_size, dtype=weights.dtype, device=weights.device)
            for _ in weights.layers
        ]

    @torch.inference_mode()
    def reserve(self, length: int) -> None:
        """Make room for positions below ``length``."""
        for layer, (store, limit) in enumerate(zip(self.stores, self._limits, strict=True)):
            size = store.shape[3]
            if size < length and size != limit:
                grown = (length + _BLOCK - 1) // _BLOCK * _BLOCK
                shape = list(store.shape)
                shape[3] = grown if limit is None else min(grown, limit)
                # Zeros, not whatever was there: a masked slot counts nought times its value, and that may not be NaN.
                self.stores[layer] = store.new_zeros(shape)
                self.stores[layer][:, :, :, :size] = store

    @torch.inference_mode()
    def copy(self, row: int, other: KeyValues, other_row: int, length: int) -> None:
        """Let a row begin with the first ``length`` positions of a row of another cache, which still has them."""
        if not length:
            return
        self.reserve(length)
        for mine, its, limit in zip(self.stores, other.stores, self._limits, strict=True):
            first = 0 if limit is None else max(0, length - (limit - self.chunk))
            positions = torch.arange(first, length, device=mine.device)
            mine[:, row, :, positions % mine.shape[3]] = its[:, other_row, :, positions % its.shape[3]]

    @torch.inference_mode()
    def move(self, row: int, to: int) -> None:
        """Put a row in another's place."""
        for store in self.stores:
            store[:, to] = store[:, row]

    @property
    def bytes(self) -> int:
        """What all stores hold."""
        return sum(store.nbytes for store in self.stores)


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens of one pass for neighbouring rows of a cache: ``tokens`` for each row, from the row's own ``starts``."""

    cache: KeyValues
    row: int
    tokens: int
    starts: Sequence[int]

    @property
    def positions(self) -> list[int]:
        """Of all tokens, row by row."""
        if self.tokens == 1:
            return list(self.starts)
        return [start + token for start in self.starts for token in range(self.tokens)]

    @property
    def end(self) -> int:
        """One more than the highest position."""
        return max(self.starts) + self.tokens


@dataclass(frozen=True, slots=True)
class View:
    """Where a segment writes to and reads from in every layer of one kind.

    ``index`` are the rows of a store, flat ``(2 B K R)E``, that its keys and values go to; ``[first, end)`` are the
    slots read; ``mask_B1QS`` is added to the scores.
    """

    index: Tensor
    first: int
    end: int
    mask_B1QS: Tensor | None


def view(segment: Segment, layer: int, window: int | None, queries: int, positions_BT: Tensor) -> View:
    """The view of a segment in a layer, and in every other with this window; ``queries`` heads share a key head."""
    store = segment.cache.stores[layer]
    _, rows, shared, size, _ = store.shape
    device, dtype = store.device, store.dtype
    first_row, count = segment.row, len(segment.starts)

    # Source rows come as tokens, then keys before values, then heads.
    base_2K = torch.tensor(
        [(kind * rows * shared + head) * size for kind in (0, 1) for head in range(shared)], device=device
    )
    row_B1 = torch.arange(first_row, first_row + count, device=device).unsqueeze(1) * (shared * size)
    index = ((row_B1 + positions_BT % size).view(-1, 1) + base_2K).view(-1)

    wrapped = segment.end > size
    first, end = 0, size
    if count == 1 and not wrapped:
        # Many rows read the whole store: oneDNN would copy a slice, and make a new kernel for each length.
        first, end = 0 if window is None else max(0, segment.starts[0] - window + 1), segment.end
        if segment.tokens == 1:
            return View(index, first, end, None)

    slots_S = torch.arange(first, end, device=device)
    if wrapped:
        # A slot holds the highest position that falls on it and is not beyond the segment's end.
        last_B1 = positions_BT[:, -1:]
        held_B1S = (last_B1 - (last_B1 - slots_S) % size).unsqueeze(1)
    else:
        held_B1S = slots_S
    query_BT1 = positions_BT.unsqueeze(2)
    seen_BTS = held_B1S <= query_BT1
    if window is not None:
        seen_BTS &= held_B1S > query_BT1 - window
    if wrapped:
        seen_BTS &= held_B1S >= 0
    mask_BTS = torch.zeros(seen_BTS.shape, dtype=dtype, device=device).masked_fill_(~seen_BTS, float("-inf"))
    mask_B1TS = mask_BTS.unsqueeze(1)
    if segment.tokens == 1:
        return View(index, first, end, mask_B1TS)
    mask_B1QS = mask_B1TS.expand(-1, queries, -1, -1).reshape(count, 1, queries * segment.tokens, end - first)
    return View(index, first, end, mask_B1QS)
