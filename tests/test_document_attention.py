"""Attention for packed rows against PyTorch's with a mask written out, and a model's packed row against each document.

T tokens   H query heads   K key-value heads   D head dimension   V vocabulary
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CwmForCausalLM

from cwm_model.presets import tiny
from cwm_model.training import document_attention
from cwm_model.training.document_attention import BLOCK, attention

MODULE = nn.Module()
LENGTHS = {
    "one": [7],
    "single tokens": [1, 1, 5, 1],
    "a block": [BLOCK],
    "about a block": [BLOCK - 1, BLOCK + 1, 1],
    "blocks": [2 * BLOCK + 9, 3, BLOCK],
}
WINDOWS = [None, 1, 2, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 4, 10_000]


def bounds_of(lengths: Sequence[int]) -> Tensor:
    return torch.tensor([0, *itertools.accumulate(lengths)])


def seen(lengths: Sequence[int], window: int | None) -> Tensor:
    """Which position sees which, written out: ``mask_TT``."""
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    place = torch.arange(sum(lengths))
    back = place[:, None] - place[None, :]
    mask_TT = (document[:, None] == document[None, :]) & (back >= 0)
    return mask_TT if window is None else mask_TT & (back < window)


def drawn(lengths: Sequence[int], dtype: torch.dtype, heads: int = 4, shared: int = 2) -> list[Tensor]:
    """Queries, keys, values and what flows back, drawn at random."""
    generator = torch.Generator().manual_seed(sum(lengths))
    tokens = sum(lengths)
    shapes = [(1, heads, tokens, 8), (1, shared, tokens, 8), (1, shared, tokens, 8), (1, tokens, heads, 8)]
    return [torch.randn(shape, dtype=dtype, generator=generator) for shape in shapes]


def ours(drawn: Sequence[Tensor], lengths: Sequence[int], window: int | None) -> list[Tensor]:
    """The outcome, and the three gradients."""
    q, k, v = (each.clone().requires_grad_() for each in drawn[:3])
    o_BTHD, weights = attention(MODULE, q, k, v, None, 0.3, sliding_window=window, cu_seq_lens_q=bounds_of(lengths))
    assert weights is None
    return [o_BTHD, *torch.autograd.grad(o_BTHD, (q, k, v), drawn[3])]


def theirs(drawn: Sequence[Tensor], lengths: Sequence[int], window: int | None) -> list[Tensor]:
    q, k, v = (each.clone().requires_grad_() for each in drawn[:3])
    mask_TT = seen(lengths, window)
    o_BHTD = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_TT, scale=0.3, enable_gqa=True)
    o_BTHD = o_BHTD.transpose(1, 2)
    return [o_BTHD, *torch.autograd.grad(o_BTHD, (q, k, v), drawn[3])]


# -- The function.


def test_by_hand_two_documents_do_not_see_each_other() -> None:
    zero = torch.zeros(1, 1, 4, 1)
    v = torch.tensor([1.0, 3.0, 10.0, 30.0]).view(1, 1, 4, 1)
    o_BTHD, _ = attention(MODULE, zero, zero, v, None, 1.0, cu_seq_lens_q=torch.tensor([0, 2, 4]))
    assert o_BTHD.flatten().tolist() == [1, 2, 10, 20]
    o_BTHD, _ = attention(MODULE, zero, zero, v, None, 1.0)
    assert o_BTHD.flatten().tolist() == pytest.approx([1, 2, 14 / 3, 11])
    o_BTHD, _ = attention(MODULE, zero, zero, v, None, 1.0, sliding_window=2)
    assert o_BTHD.flatten().tolist() == [1, 2, 6.5, 20]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", LENGTHS)
def test_outcome_and_gradients_are_pytorchs_with_a_mask(name: str, window: int | None) -> None:
    lengths = LENGTHS[name]
    inputs = drawn(lengths, torch.float64)
    for one, other in zip(ours(inputs, lengths, window), theirs(inputs, lengths, window), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(("heads", "shared"), [(1, 1), (4, 4), (6, 2), (4, 1)])
def test_query_heads_share_key_heads_as_pytorchs_do(heads: int, shared: int) -> None:
    lengths = [BLOCK + 20, 6]
    inputs = drawn(lengths, torch.float64, heads, shared)
    for one, other in zip(ours(inputs, lengths, 30), theirs(inputs, lengths, 30), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


def test_in_fp32_it_is_as_near_as_fp32_is() -> None:
    lengths = [BLOCK + 20, 6]
    inputs = drawn(lengths, torch.float32)
    exact = [each.double() for each in inputs]
    for one, other in zip(ours(inputs, lengths, 50), theirs(exact, lengths, 50), strict=True):
        assert one.dtype is torch.float32
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


def test_under_autocast_it_computes_in_bf16_and_gradients_come_back_in_fp32() -> None:
    inputs = drawn([40], torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = ours([*inputs[:3], inputs[3].bfloat16()], [40], None)
    assert [each.dtype for each in found] == [torch.bfloat16, torch.float32, torch.float32, torch.float32]
    for one, other in zip(found, theirs(inputs, [40], None), strict=True):
        torch.testing.assert_close(one.float(), other, rtol=0.1, atol=0.05)


def test_the_inputs_are_left_as_they_were() -> None:
    inputs = drawn([50, 3], torch.float64)
    copies = [each.clone() for each in inputs]
    ours(inputs, [50, 3], 7)
    assert all(torch.equal(one, other) for one, other in zip(inputs, copies, strict=True))


def test_after_a_look_without_gradients_it_still_trains() -> None:
    lengths = [BLOCK + 3, 11]
    inputs = drawn(lengths, torch.float64)
    with torch.inference_mode():
        q, k, v, _ = inputs
        looked, _ = attention(MODULE, q, k, v, None, 0.3, sliding_window=13, cu_seq_lens_q=bounds_of(lengths))
    found = ours(inputs, lengths, 13)
    assert torch.equal(found[0], looked)
    torch.testing.assert_close(found[1], theirs(inputs, lengths, 13)[1])


# -- Wrong use.


def test_several_rows_a_mask_and_dropout_are_refused() -> None:
    q, k, v, _ = drawn([4], torch.float32)
    with pytest.raises(ValueError, match="one row, no mask, no dropout"):
        attention(MODULE, torch.cat([q, q]), torch.cat([k, k]), torch.cat([v, v]), None, 1.0)
    with pytest.raises(ValueError, match="one row, no mask, no dropout"):
        attention(MODULE, q, k, v, torch.zeros(1, 1, 4, 4), 1.0)
    with pytest.raises(ValueError, match="one row, no mask, no dropout"):
        attention(MODULE, q, k, v, None, 1.0, dropout=0.1)


def test_keys_of_a_cache_are_refused() -> None:
    q, k, v, _ = drawn([4], torch.float32)
    with pytest.raises(ValueError, match="documents: "):
        attention(MODULE, q[:, :, -1:], k, v, None, 1.0)


@pytest.mark.parametrize("bounds", [[0, 3], [1, 4], [0, 5], [0, 2]])
def test_bounds_that_do_not_cover_the_row_are_refused(bounds: list[int]) -> None:
    q, k, v, _ = drawn([4], torch.float32)
    with pytest.raises(ValueError, match="documents: "):
        attention(MODULE, q, k, v, None, 1.0, cu_seq_lens_q=torch.tensor(bounds))


# -- In a model.


@cache
def models() -> tuple[CwmForCausalLM, CwmForCausalLM]:
    """A tiny model with our attention, and the same one with transformers' own; with weights that make a difference."""
    torch.manual_seed(3)
    plain, packed = (CwmForCausalLM(tiny(50)).double() for _ in range(2))
    with torch.no_grad():
        for weight in plain.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
    packed.load_state_dict(plain.state_dict())
    packed.set_attn_implementation(document_attention.NAME)
    return packed, plain


def logits(model: CwmForCausalLM, ids: Tensor, **told: Tensor) -> Tensor:
    """``logits_TV`` of a row."""
    found: Tensor = model(input_ids=ids[None], use_cache=False, **told).logits[0]
    return found


def generated(model: CwmForCausalLM, ids: Tensor) -> list[int]:
    """What a model writes on, with transformers' cache."""
    writer: Any = model
    found: list[int] = writer.generate(ids[None], max_new_tokens=6, do_sample=False, eos_token_id=None)[0].tolist()
    return found


def row_of(lengths: Sequence[int]) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Documents of any ids, and what a model is told of the row that they make."""
    generator = torch.Generator().manual_seed(1)
    documents = [torch.randint(0, 50, (length,), generator=generator) for length in lengths]
    places = torch.cat([torch.arange(length) for length in lengths])
    return documents, {"position_ids": places[None], "cu_seq_lens_q": bounds_of(lengths)}


@pytest.mark.parametrize(("implementation", "near"), [("eager", 1e-5), ("sdpa", 1e-9)])
def test_a_packed_row_has_the_logits_of_each_document_alone_beyond_the_window(implementation: str, near: float) -> None:
    packed, plain = models()
    plain.set_attn_implementation(implementation)
    assert plain.config.sliding_window == 16
    documents, told = row_of([40, 1, 17, 300, 16])
    with torch.no_grad():
        row_TV = logits(packed, torch.cat(documents), **told)
        alone_TV = torch.cat([logits(plain, ids) for ids in documents])
        one_TV = logits(packed, torch.cat(documents), position_ids=told["position_ids"])
    # transformers' eager attention takes its softmax in fp32.
    torch.testing.assert_close(row_TV, alone_TV, rtol=near, atol=near)
    assert (one_TV[40:] - alone_TV[40:]).abs().amax(-1).min() > 0.01


def test_the_local_layers_see_no_further_than_the_window() -> None:
    packed, plain = models()
    ids = row_of([60])[0][0]
    with torch.no_grad():
        narrow_TV = logits(packed, ids)
        wide = CwmForCausalLM(tiny(50)).double()
        wide.load_state_dict(plain.state_dict())
        wide.config.sliding_window = 1000
        for layer in wide.model.layers:
            layer.self_attn.sliding_window = 1000 if layer.self_attn.sliding_window else None
        wide_TV = logits(wide, ids)
    torch.testing.assert_close(narrow_TV[:16], wide_TV[:16], rtol=1e-9, atol=1e-9)
    assert (narrow_TV[16:] - wide_TV[16:]).abs().amax(-1).min() > 0.001


def test_a_packed_row_has_the_gradients_of_its_documents_together() -> None:
    packed, plain = models()
    plain.set_attn_implementation("sdpa")
    documents, told = row_of([30, 1, 21])
    together = logits(packed, torch.cat(documents), **told).square().sum()
    apart = torch.stack([logits(plain, ids).square().sum() for ids in documents]).sum()
    for one, other in zip(
        torch.autograd.grad(together, list(packed.parameters())),
        torch.autograd.grad(apart, list(plain.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_without_bounds_a_model_reads_one_document() -> None:
    packed, plain = models()
    plain.set_attn_implementation("sdpa")
    ids = row_of([50])[0][0]
    with torch.no_grad():
        torch.testing.assert_close(logits(packed, ids), logits(plain, ids), rtol=1e-9, atol=1e-9)


def test_generating_with_a_cache_is_refused_or_right() -> None:
    packed, plain = models()
    ids = row_of([9])[0][0]
    wanted = generated(plain, ids)
    try:
        found = generated(packed, ids)
    except ValueError as refusal:
        assert str(refusal).startswith("documents: ")  # noqa: PT017
    else:
        assert found == wanted
