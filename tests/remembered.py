"""A model of two layers that has learned one trace by heart, in a second or two."""

from __future__ import annotations

from functools import cache

import torch
from transformers import CwmForCausalLM

from tests.small_models import shape


@cache
def model_of(ids: tuple[int, ...]) -> CwmForCausalLM:
    """In fp32; greedy, it writes these ids behind any beginning of them."""
    torch.manual_seed(0)
    model = CwmForCausalLM(shape())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    row_1T = torch.tensor([ids])
    for step in range(400):
        logits_TV = model(input_ids=row_1T, use_cache=False).logits[0, :-1]
        # A margin, so that no rounding tells otherwise.
        if step > 50 and bool((logits_TV.argmax(-1) == row_1T[0, 1:]).all()):
            break
        loss = torch.nn.functional.cross_entropy(logits_TV, row_1T[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Nothing in it behaves otherwise in training.
    return model
