"""A model's weights, laid out for decoding: matrices fused, packed for a processor where that pays, rotations tabled.

Read from a transformers Cwm or Llama; its own forward pass is never called.  Knows nothing of caches or sampling.

    N tokens of a pass, D hidden size, I and O what a matrix takes and gives, V vocabulary, P positions, E head size
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CwmForCausalLM, LlamaForCausalLM, PreTrainedModel
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from tracegen import CannotRun

CausalLM = CwmForCausalLM | LlamaForCausalLM

_PACKED_FOR = 32
"""Rows that oneDNN lays a matrix out for.  Laid out for 32, it is as fast as can be for 1 to 256 rows; laid out for 1
it is two to three times slower for more (Zen 4, torch 2.13)."""

_TABLE_BLOCK = 1024


class Matrix:
    """A weight matrix, applied to rows: ``x_NI`` gives ``x_NO``.

    On a processor that oneDNN serves, a copy in its blocked layout is kept: two to three times faster than F.linear
    for up to 32 rows, which lays the whole matrix out anew on every call (bf16) or leaves it to MKL's gemv (fp32).
    Elsewhere the tensor itself is used.
    """

    def __init__(self, weight_OI: Tensor) -> None:
        self.packed = _packs(weight_OI)
        if self.packed:
            weight_OI = torch.ops.mkldnn._reorder_linear_weight(weight_OI.contiguous(), _PACKED_FOR)
        self._weight_OI = weight_OI

    def __call__(self, x_NI: Tensor) -> Tensor:
        """Of every row, its product with the matrix."""
        if not self.packed:
            return F.linear(x_NI, self._weight_OI)
        x_NO: Tensor = torch.ops.mkldnn._linear_pointwise(x_NI, self._weight_OI, None, "none", [], "")
        return x_NO


def _packs(weight: Tensor) -> bool:
    """Whether oneDNN multiplies by matrices of this kind here."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    return weight.dtype == torch.float32 or (
        weight.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def _fused(parts: Sequence[nn.Linear]) -> Matrix:
    """Several matrices that take the same rows, as one.

    Where the tensor itself is used (a GPU), the model's own parameters become views of the fused one: it stays usable,
    and nothing is held twice.
    """
    if any(part.bias is not None for part in parts):
        raise CannotRun("the model has biases: wanted a Cwm or Llama without (attention_bias and mlp_bias false)")
    whole_OI = torch.cat([part.weight.detach() for part in parts]) if len(parts) > 1 else parts[0].weight.detach()
    matrix = Matrix(whole_OI)
    if not matrix.packed:
        for part, view_OI in zip(parts, whole_OI.split([part.weight.shape[0] for part in parts]), strict=True):
            part.weight.data = view_OI
    return matrix


@dataclass(frozen=True, slots=True)
class Norm:
    """RMSNorm.  On a CPU ``weight_D`` is fp32 and scaled by sqrt(D), and ``floor`` is sqrt(D eps)."""

    weight_D: Tensor
    eps: float
    floor: Tensor

    def __call__(self, x_ND: Tensor) -> Tensor:
        """Of every row, scaled to a mean square of one, times the weight."""
        if x_ND.device.type != "cpu":
            normed_ND: Tensor = F.rms_norm(x_ND, self.weight_D.shape, self.weight_D, self.eps)
            return normed_ND
        # F.rms_norm is six operations on a CPU, this is four: hypot(|x|, sqrt(D eps)) = sqrt(D) sqrt(mean x² + eps).
        length_N1 = torch.linalg.vector_norm(x_ND, dim=-1, keepdim=True, dtype=torch.float32)
        length_N1.hypot_(self.floor)
        normed_ND = (x_ND / length_N1).mul_(self.weight_D)
        return normed_ND.to(x_ND.dtype)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; ``window`` is how many positions a query sees, itself included, or None for all."""

    window: int | None
    attention_norm: Norm
    qkv: Matrix
    out: Matrix
    ffn_norm: Norm
    gate_up: Matrix
    down: Matrix


class Rotary:
    """Cosines and sines of every position so far asked for, in the model's dtype as transformers casts them.

    The first half of a head's sines is negative, so that a rotation is ``x cos + roll(x, E/2) sin``.
    """

    def __init__(self, model: CausalLM) -> None:
        kind = (model.config.rope_parameters or {}).get("rope_type", "default")
        if kind not in ("default", "linear", "llama3"):
            raise CannotRun(f"rope_type {kind!r}: wanted default, linear or llama3 (others change with the length)")
        # Anew, not the model's own buffer: `model.to(torch.bfloat16)` rounds that too, and with it far positions.
        found = (
            model.model.rotary_emb.compute_default_rope_parameters if kind == "default" else ROPE_INIT_FUNCTIONS[kind]
        )
        frequency_e, scale = found(model.config)
        self._scale = float(scale)
        self._frequency_E: Tensor = frequency_e.float().to(model.lm_head.weight.device).repeat(2)
        self._dtype = model.lm_head.weight.dtype
        self._cos_PE = self._sin_PE = self._frequency_E.new_empty(0, len(self._frequency_E))

    def at(self, positions_N: Tensor, last: int) -> tuple[Tensor, Tensor]:
        """``cos_N1E`` and ``sin_N1E``; ``last`` is the highest of the positions."""
        if last >= len(self._cos_PE):
            length = (last // _TABLE_BLOCK + 1) * _TABLE_BLOCK
            angle_PE = torch.arange(length, device=self._frequency_E.device)[:, None].float() * self._frequency_E
            sin_PE = angle_PE.sin() * self._scale
            sin_PE[:, : sin_PE.shape[1] // 2].neg_()
            self._cos_PE, self._sin_PE = (angle_PE.cos() * self._scale).to(self._dtype), sin_PE.to(self._dtype)
        return self._cos_PE[positions_N].unsqueeze(1), self._sin_PE[positions_N].unsqueeze(1)


class Weights:
    """Everything that a forward pass reads, and the sizes that a cache needs.

    Raises CannotRun for a model that computes otherwise than a Cwm or a Llama without biases.
    """

    @torch.no_grad()
    def __init__(self, model: PreTrainedModel) -> None:
        if not isinstance(model, CwmForCausalLM | LlamaForCausalLM):
            raise CannotRun(f"the decoder has no {type(model).__name__}: wanted CwmForCausalLM or LlamaForCausalLM")
        config = model.config
        if config.hidden_act != "silu":
            raise CannotRun(f"hidden_act {config.hidden_act!r}: wanted silu")
        self.heads: int = config.num_attention_heads
        self.shared: int = config.num_key_value_heads or config.num_attention_heads
        self.head_size: int = config.head_dim or config.hidden_size // config.num_attention_heads
        self.vocabulary: int = config.vocab_size
        self.context: int = config.max_position_embeddings
        self.device: torch.device = model.lm_head.weight.device
        self.dtype: torch.dtype = model.lm_head.weight.dtype
        self.rotary = Rotary(model)
        self.embedding_VD: Tensor = model.model.embed_tokens.weight.detach()
        self.layers = tuple(
            Layer(
                window=window,
                attention_norm=_norm(layer.input_layernorm, config.rms_norm_eps),
                qkv=_fused([layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]),
                out=_fused([layer.self_attn.o_proj]),
                ffn_norm=_norm(layer.post_attention_layernorm, config.rms_norm_eps),
                gate_up=_fused([layer.mlp.gate_proj, layer.mlp.up_proj]),
                down=_fused([layer.mlp.down_proj]),
            )
            for layer, window in zip(model.model.layers, _windows(model), strict=True)
        )
        self.last_norm = _norm(model.model.norm, config.rms_norm_eps)
        # On a CPU the head is fp32 whatever the rest is: logits in bf16 tie, and a tie goes to the lower id.
        head_VD = model.lm_head.weight.detach()
        self.head_dtype = torch.float32 if self.device.type == "cpu" else self.dtype
        self.head = Matrix(head_VD.to(self.head_dtype))


def _norm(module: nn.Module, eps: float) -> Norm:
    weight_D: Tensor = module.weight.detach()  # type: ignore[operator]
    size = len(weight_D)
    scaled_D = weight_D.float() * size**0.5 if weight_D.device.type == "cpu" else weight_D
    return Norm(scaled_D, eps, torch.tensor((size * eps) ** 0.5))


def _windows(model: CausalLM) -> list[int | None]:
    """Of each layer.  A Llama has no local layers, whatever its config lists: transformers ignores it there."""
    config = model.config
    if not isinstance(model, CwmForCausalLM) or not config.layer_types:
        return [None] * config.num_hidden_layers
    return [config.sliding_window if kind == "sliding_attention" else None for kind in config.layer_types]
