"""One forward pass over tokens of several rows: hidden states in, keys and values kept, logits out.

The tokens of a pass stand one after another, whatever their rows; only attention goes segment by segment.  Knows
nothing of requests, and does not choose tokens.

    N tokens, M tokens whose logits are wanted, D hidden size, V vocabulary, B rows, T tokens a row, H query heads,
    K key-value heads, E head size, S slots seen, Q queries that share a key head (H/K heads of T tokens)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from cwm_model.decoding.kv_cache import Segment, View, view
from cwm_model.decoding.weights import Weights

_ROWS_FOR_BMM = 4
_QUERIES_FOR_BMM = {torch.float32: 16, torch.bfloat16: 64}
"""With more queries to a key head, the fused kernel is faster (Zen 4, torch 2.13)."""


class Forward:
    """The forward pass of one model."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.weights = Weights(model)
        windows = [layer.window for layer in self.weights.layers]
        self._first_of_kind = {window: windows.index(window) for window in windows}

    @torch.inference_mode()
    def __call__(self, ids: Sequence[int], segments: Sequence[Segment], wanted: Sequence[int]) -> Tensor:
        """``logits_MV``, fp32, of the tokens ``wanted`` (places in ``ids``); keys and values are kept.

        ``ids`` are the segments' tokens, row by row.
        """
        weights = self.weights
        for segment in segments:
            segment.cache.reserve(segment.end)
        positions = [position for segment in segments for position in segment.positions]
        positions_N = torch.tensor(positions, device=weights.device)
        cos_N1E, sin_N1E = weights.rotary.at(positions_N, max(positions))
        places = self._places(segments, positions_N)

        x_ND = F.embedding(torch.tensor(ids, device=weights.device), weights.embedding_VD)
        for number, layer in enumerate(weights.layers):
            qkv_NHE = layer.qkv(layer.attention_norm(x_ND)).view(len(ids), -1, weights.head_size)
            qk_NHE = qkv_NHE[:, : weights.heads + weights.shared]
            rolled_NHE = qk_NHE.roll(weights.head_size // 2, -1)
            qk_NHE = torch.addcmul(qk_NHE * cos_N1E, rolled_NHE, sin_N1E)
            kv_NHE = torch.cat((qk_NHE[:, weights.heads :], qkv_NHE[:, weights.heads + weights.shared :]), 1)
            mixed = []
            begin = 0
            for segment, place in zip(segments, places[layer.window], strict=True):
                end = begin + len(segment.starts) * segment.tokens
                q_NHE = qk_NHE[begin:end, : weights.heads]
                mixed.append(self._attended(segment, place, number, q_NHE, kv_NHE[begin:end]))
                begin = end
            x_ND = layer.out(mixed[0] if len(mixed) == 1 else torch.cat(mixed)).add_(x_ND)
            gate_up_NF = layer.gate_up(layer.ffn_norm(x_ND))
            half = gate_up_NF.shape[1] // 2
            x_ND = layer.down(F.silu(gate_up_NF[:, :half]).mul_(gate_up_NF[:, half:])).add_(x_ND)

        if not wanted:
            return x_ND.new_empty(0, weights.vocabulary)
        x_MD = x_ND if len(wanted) == len(ids) else x_ND[torch.tensor(wanted, dtype=torch.long, device=x_ND.device)]
        return weights.head(weights.last_norm(x_MD).to(weights.head_dtype)).float()

    def _places(self, segments: Sequence[Segment], positions_N: Tensor) -> dict[int | None, list[View]]:
        """The view of each segment, for each kind of layer."""
        counts = [len(segment.starts) * segment.tokens for segment in segments]
        each_BT = [
            part_N.view(-1, segment.tokens) for part_N, segment in zip(positions_N.split(counts), segments, strict=True)
        ]
        queries = self.weights.heads // self.weights.shared
        return {
            window: [view(segment, layer, window, queries, at) for segment, at in zip(segments, each_BT, strict=True)]
            for window, layer in self._first_of_kind.items()
        }

    def _attended(self, segment: Segment, place: View, layer: int, q_NHE: Tensor, kv_NHE: Tensor) -> Tensor:
        """Keep the keys and values of a segment's tokens in a layer, and let its queries read: ``x_N(HE)``."""
        store = segment.cache.stores[layer]
        shared, head = store.shape[2], store.shape[4]
        rows, tokens, heads = len(segment.starts), segment.tokens, q_NHE.shape[1]
        store.view(-1, head).index_copy_(0, place.index, kv_NHE.reshape(-1, head))
        if tokens > 1:
            q_NHE = q_NHE.view(rows, tokens, heads, head).transpose(1, 2)
        q_BKQE = q_NHE.reshape(rows, shared, -1, head)
        queries = q_BKQE.shape[2]
        k_BKSE, v_BKSE = store[:, segment.row : segment.row + rows, :, place.first : place.end]
        few = queries <= _QUERIES_FOR_BMM.get(store.dtype, 0)
        if rows < _ROWS_FOR_BMM or not few or store.device.type != "cpu":
            x_BKQE = F.scaled_dot_product_attention(q_BKQE, k_BKSE, v_BKSE, attn_mask=place.mask_B1QS)
        else:
            # One query a row is too little for the fused kernel: two products of many small matrices are twice as fast.
            k_nSE, v_nSE = (x.view(rows * shared, -1, head) for x in (k_BKSE, v_BKSE))
            q_nQE = q_BKQE.reshape(rows * shared, queries, head) * head**-0.5
            score_nQS = torch.bmm(q_nQE, k_nSE.transpose(1, 2))
            if place.mask_B1QS is not None:
                score_nQS.view(rows, shared, queries, -1).add_(place.mask_B1QS)
            x_BKQE = torch.bmm(score_nQS.softmax(-1), v_nSE).view(rows, shared, queries, head)
        if tokens > 1:
            return x_BKQE.reshape(rows, heads, tokens, head).transpose(1, 2).reshape(rows * tokens, heads * head)
        return x_BKQE.reshape(rows, heads * head)
