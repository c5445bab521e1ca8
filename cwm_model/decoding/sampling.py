"""Tokens from logits: greedy, or drawn from the fewest tokens whose mass reaches top_p, among those allowed.

A draw is the inverse of a cumulative sum at a uniform number that the caller gives: it depends on the request alone,
not on what is drawn beside it.  Knows nothing of models or requests.

    M picks, V vocabulary
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cwm_model.backends import Sampling

_COLDEST = 1e-6
"""Colder, the likeliest is drawn as well, and logits over the temperature would be no numbers in fp32."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One token to pick: how, from which ids (None: all), and at which number in [0, 1) of the cumulative sum."""

    sampling: Sampling
    allowed: Tensor | None = None
    uniform: float = 0.0


@torch.inference_mode()
def picked(logits_MV: Tensor, picks: Sequence[Pick]) -> list[int]:
    """The id for each row of fp32 logits; of equal ones the lowest."""
    logits_MV = _masked(logits_MV, picks)
    ids: list[int] = logits_MV.argmax(-1).tolist()
    drawn = [row for row, pick in enumerate(picks) if not pick.sampling.greedy]
    if drawn:
        rows_MV = logits_MV if len(drawn) == len(ids) else logits_MV[drawn]
        for row, id in zip(drawn, _drawn(rows_MV, [picks[row] for row in drawn]), strict=True):
            ids[row] = id
    return ids


def _masked(logits_MV: Tensor, picks: Sequence[Pick]) -> Tensor:
    """The same logits where a token is allowed, else -inf."""
    bound = [row for row, pick in enumerate(picks) if pick.allowed is not None]
    if not bound:
        return logits_MV
    vocabulary = logits_MV.shape[1]
    flat = torch.cat([pick.allowed + row * vocabulary for row, pick in enumerate(picks) if pick.allowed is not None])
    flat = flat.to(logits_MV.device)
    kept_MV = torch.full_like(logits_MV, float("-inf"))
    if len(bound) < len(picks):
        free = [row for row, pick in enumerate(picks) if pick.allowed is None]
        kept_MV[free] = logits_MV[free]
    kept_MV.view(-1)[flat] = logits_MV.reshape(-1)[flat]
    return kept_MV


def _drawn(logits_MV: Tensor, picks: Sequence[Pick]) -> list[int]:
    """One draw a row: likeliest first, equal ones by id, so that the order is the row's own."""
    temperature_M1 = logits_MV.new_tensor([[max(pick.sampling.temperature, _COLDEST)] for pick in picks])
    top_p_M1 = logits_MV.new_tensor([[pick.sampling.top_p] for pick in picks])
    uniform_M1 = logits_MV.new_tensor([[pick.uniform] for pick in picks])
    mass_MV, ids_MV = (logits_MV / temperature_M1).softmax(-1).sort(dim=-1, descending=True, stable=True)
    reached_MV = mass_MV.cumsum(-1)
    # A token is in while the mass before it has not reached top_p: the first always is.
    inside_MV = (reached_MV - mass_MV < top_p_M1) & (mass_MV > 0)
    count_M1 = inside_MV.sum(-1, keepdim=True)
    wanted_M1 = uniform_M1 * reached_MV.gather(1, count_M1 - 1)
    place_M1 = (reached_MV <= wanted_M1).sum(-1, keepdim=True).minimum(count_M1 - 1)
    ids: list[int] = ids_MV.gather(1, place_M1).squeeze(1).tolist()
    return ids
