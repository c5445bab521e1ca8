"""Meta's CWM, from its formulas and nothing else: what a converted model must say.  Small, with random weights."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import linear, silu

from cwm_model.presets import ControlIds

IDS = ControlIds(bos=0, eos=(1,), pad=2)
LAYERS, DIM, HEADS, KV_HEADS, HEAD_DIM, FFN, WINDOW, VOCABULARY = 6, 32, 4, 2, 16, 48, 16, 300
Weights = dict[str, torch.Tensor]

# As Meta writes it: the FFN's size follows from four numbers, int(0.5 * int(2 * 4 * 32 / 3)) rounded up to sixteens
# is 48; heads times their size is twice the hidden size; the last layer would be local but for `global_last_layer`.
PARAMS: dict[str, object] = {
    "model": {
        "dim": DIM,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "n_kv_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "max_seq_len": 4096,
        "vocab_size": VOCABULARY,
        "ffn_exp": 4,
        "ffn_dim_multiplier": 0.5,
        "multiple_of": 16,
        "norm_eps": 1e-5,
        "pos_embed_impl": "scaled_rope",
        "rope_theta": 10000.0,
        "scaled_rope": {"scale_factor": 16, "low_freq_factor": 1, "high_freq_factor": 4, "old_context_len": 64},
        "attn_impl": "xformers",
        "window_attn": {
            "window_pattern": 4,
            "global_window": 4096,
            "local_window": WINDOW,
            "global_last_layer": True,
        },
    },
    "tokenizer": {"name": "cwm_instruct"},
}


def random_weights(dtype: torch.dtype = torch.float32) -> Weights:
    """Of unit size at every place of the model, so that an error anywhere would be seen."""
    draw = torch.Generator().manual_seed(7)

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=draw) / math.sqrt(columns)).to(dtype)

    def norm() -> torch.Tensor:
        return (1 + torch.randn(DIM, generator=draw) / 4).to(dtype)

    weights = {"tok_embeddings.weight": matrix(VOCABULARY, DIM) * 5}
    for layer in range(LAYERS):
        at = f"layers.{layer}"
        weights |= {
            # Larger queries: attention then looks at a few tokens, and it matters where they stand.
            f"{at}.attention.wq.weight": matrix(HEADS * HEAD_DIM, DIM) * 2,
            f"{at}.attention.wk.weight": matrix(KV_HEADS * HEAD_DIM, DIM),
            f"{at}.attention.wv.weight": matrix(KV_HEADS * HEAD_DIM, DIM),
            f"{at}.attention.wo.weight": matrix(DIM, HEADS * HEAD_DIM),
            f"{at}.feed_forward.w1.weight": matrix(FFN, DIM),
            f"{at}.feed_forward.w2.weight": matrix(DIM, FFN),
            f"{at}.feed_forward.w3.weight": matrix(FFN, DIM),
            f"{at}.attention_norm.weight": norm(),
            f"{at}.ffn_norm.weight": norm(),
        }
    return weights | {"norm.weight": norm(), "output.weight": matrix(VOCABULARY, DIM)}


# Meta's formulas, from the Llama 3.1 paper's code and cwm/fastgen: complex numbers of neighbouring pairs.  T tokens, H
# heads, D their size.  In float64, so that what differs is transformers' rounding.


def metas_frequencies() -> torch.Tensor:
    plain = [10000.0 ** (-2 * pair / HEAD_DIM) for pair in range(HEAD_DIM // 2)]
    found = []
    for frequency in plain:
        turns = 64 * frequency / (2 * math.pi)
        blend = min(max((turns - 1) / (4 - 1), 0.0), 1.0)
        found.append((1 - blend) * frequency / 16 + blend * frequency)
    return torch.tensor(found, dtype=torch.float64)


def metas_rotation(x_THD: torch.Tensor) -> torch.Tensor:
    pairs = torch.view_as_complex(x_THD.reshape(*x_THD.shape[:-1], HEAD_DIM // 2, 2).contiguous())
    angles = torch.arange(len(x_THD), dtype=torch.float64)[:, None] * metas_frequencies()
    turned = pairs * torch.polar(torch.ones_like(angles), angles)[:, None, :]
    return torch.view_as_real(turned).flatten(-2)


def metas_norm(x_TC: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x_TC / (x_TC.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def metas_logits(weights: Weights, tokens: torch.Tensor, *, window: int = WINDOW) -> torch.Tensor:
    w = {name: weight.double() for name, weight in weights.items()}
    count = len(tokens)
    back = torch.arange(count)[:, None] - torch.arange(count)
    x_TC = w["tok_embeddings.weight"][tokens]
    for layer in range(LAYERS):
        at, left = f"layers.{layer}", (-1 if layer % 4 == 0 or layer == LAYERS - 1 else window - 1)
        seen = (back >= 0) & ((left < 0) | (back <= left))
        normed = metas_norm(x_TC, w[f"{at}.attention_norm.weight"])
        q_THD, k_THD, v_THD = (
            linear(normed, w[f"{at}.attention.{which}.weight"]).view(count, -1, HEAD_DIM)
            for which in ("wq", "wk", "wv")
        )
        q_THD, k_THD = metas_rotation(q_THD), metas_rotation(k_THD)
        heads = []
        for head in range(HEADS):
            group = head // (HEADS // KV_HEADS)
            scores = q_THD[:, head] @ k_THD[:, group].T / math.sqrt(HEAD_DIM)
            heads.append(scores.masked_fill(~seen, -math.inf).softmax(-1) @ v_THD[:, group])
        x_TC = x_TC + linear(torch.cat(heads, -1), w[f"{at}.attention.wo.weight"])
        normed = metas_norm(x_TC, w[f"{at}.ffn_norm.weight"])
        gated = silu(linear(normed, w[f"{at}.feed_forward.w1.weight"]))
        inner = gated * linear(normed, w[f"{at}.feed_forward.w3.weight"])
        x_TC = x_TC + linear(inner, w[f"{at}.feed_forward.w2.weight"])
    return linear(metas_norm(x_TC, w["norm.weight"]), w["output.weight"])
