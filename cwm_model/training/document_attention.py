"""Attention for packed sequences on CPU: each document attends to itself alone, causally, within a layer's window.

Registered with transformers under `NAME`.  PyTorch's own attention for CPU took more than half of a training step,
since it knows no documents; here a document's blocks are plain matrix products (docs/benchmarks.md).  Knows nothing of
what the documents say.

    B batch (always 1)   T tokens   H query heads   K key-value heads   G = H / K   D head dimension
    q rows of a block of queries   k keys that the block sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

NAME = "documents"
BLOCK = 128
"""Queries taken together: small enough that few keys are behind the mask, large enough for the matrix products."""


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers asks of an attention: q_BHTD, k_BKTD, v_BKTD to o_BTHD.

    ``cu_seq_lens_q`` holds where each document starts, and the end of the last one; without it the sequence is one.
    """
    if query.shape[0] != 1 or attention_mask is not None or dropout:
        raise ValueError("documents: one row, no mask, no dropout")
    if key.shape[2] != query.shape[2]:
        raise ValueError("documents: no cache of earlier keys; use another attention for that")
    bounds = [0, query.shape[2]] if cu_seq_lens_q is None else cu_seq_lens_q.tolist()
    if bounds[0] != 0 or bounds[-1] != query.shape[2] or sorted(bounds) != bounds:
        raise ValueError(f"documents: bounds must go from 0 to {query.shape[2]}, found {bounds[:4]} to {bounds[-1]}")
    if torch.is_autocast_enabled("cpu"):
        # Rotary positions come out in fp32; inside the function below nothing is cast any more.
        query, key, value = (each.to(torch.get_autocast_dtype("cpu")) for each in (query, key, value))
    q_KGTD = (query[0] * scaling).unflatten(0, (key.shape[1], -1))
    o_KGTD: torch.Tensor = _Attention.apply(q_KGTD, key[0], value[0], bounds, sliding_window or 0)  # type: ignore[no-untyped-call]
    return o_KGTD.flatten(0, 1).transpose(0, 1).unsqueeze(0), None


class _Attention(torch.autograd.Function):
    """Block by block, with a backward of its own: autograd's would fill a whole gradient for every slice."""

    @staticmethod
    def forward(
        ctx: Any, q_KGTD: torch.Tensor, k_KTD: torch.Tensor, v_KTD: torch.Tensor, bounds: list[int], window: int
    ) -> torch.Tensor:
        o_KGTD = torch.empty_like(q_KGTD, memory_format=torch.contiguous_format)
        k_KTD, v_KTD = k_KTD.contiguous(), v_KTD.contiguous()
        blocks = list(_blocks(bounds, window))
        looks = []
        for oldest, first, last in blocks:
            q_KrD = q_KGTD[:, :, first:last].flatten(1, 2)
            scores = torch.bmm(q_KrD, k_KTD[:, oldest:last].transpose(1, 2))
            _hide(scores.unflatten(1, (-1, last - first)), window)
            look_Krk = torch.softmax(scores, dim=-1)
            looks.append(look_Krk)
            o_KGTD[:, :, first:last] = torch.bmm(look_Krk, v_KTD[:, oldest:last]).unflatten(1, (-1, last - first))
        ctx.save_for_backward(q_KGTD, k_KTD, v_KTD, *looks)
        ctx.blocks = blocks
        return o_KGTD

    @staticmethod
    def backward(ctx: Any, do_KGTD: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q_KGTD, k_KTD, v_KTD, *looks = ctx.saved_tensors
        dq_KGTD = torch.empty_like(q_KGTD, memory_format=torch.contiguous_format)
        dk_KTD, dv_KTD = torch.zeros_like(k_KTD), torch.zeros_like(v_KTD)
        for (oldest, first, last), look_Krk in zip(ctx.blocks, looks, strict=True):
            q_KrD = q_KGTD[:, :, first:last].flatten(1, 2)
            do_KrD = do_KGTD[:, :, first:last].flatten(1, 2)
            k_KkD, v_KkD = k_KTD[:, oldest:last], v_KTD[:, oldest:last]
            dv_KTD[:, oldest:last] += torch.bmm(look_Krk.transpose(1, 2), do_KrD)
            dlook_Krk = torch.bmm(do_KrD, v_KkD.transpose(1, 2))
            dscores = torch._softmax_backward_data(dlook_Krk, look_Krk, -1, look_Krk.dtype)
            dq_KGTD[:, :, first:last] = torch.bmm(dscores, k_KkD).unflatten(1, (-1, last - first))
            dk_KTD[:, oldest:last] += torch.bmm(dscores.transpose(1, 2), q_KrD)
        return dq_KGTD, dk_KTD, dv_KTD, None, None


def _blocks(bounds: list[int], window: int) -> Iterator[tuple[int, int, int]]:
    """For each block of queries: the oldest key that any of them sees, the first query, and where both end."""
    for start, stop in itertools.pairwise(bounds):
        for first in range(start, stop, BLOCK):
            yield max(start, first - window + 1) if window else start, first, min(first + BLOCK, stop)


def _hide(scores_KGqk: torch.Tensor, window: int) -> None:
    """Set to -inf what the last ``q`` of ``k`` positions may not see; a window counts the position itself."""
    q, k = scores_KGqk.shape[2:]
    scores_KGqk[..., k - q :].masked_fill_(_above(q, 0), float("-inf"))
    if window and k > window:
        old = k - window
        scores_KGqk[..., :old].masked_fill_(~_above(q, q - old)[:, :old], float("-inf"))


@lru_cache(maxsize=1024)
def _above(q: int, shift: int) -> torch.Tensor:
    """Of ``q`` by ``q`` places, those above the diagonal that is shifted down."""
    return torch.ones(q, q, dtype=torch.bool).triu(1 - shift)


AttentionInterface.register(NAME, attention)
