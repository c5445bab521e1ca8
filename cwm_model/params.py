"""What Meta's params.json says of a model, and a transformers configuration: one as the other, both ways.

It is `TransformerArgs` of github.com/facebookresearch/cwm (cwm/model/transformer.py at 7930e029), with its defaults.
Knows nothing of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import CwmConfig

from cwm_model.presets import CWM_IDS, FULL, ControlIds, checked, layer_types
from tracegen import CannotRun


def config_of(params: Mapping[str, object], ids: ControlIds = CWM_IDS, *, where: str = "params.json") -> CwmConfig:
    """The configuration that Meta's params.json describes: `TransformerArgs`, under "model" or alone.

    It settles whether the last layer is global.  Raises CannotRun for what no Cwm can be.
    """
    model = params.get("model", params)
    args = _Args(model if isinstance(model, Mapping) else {}, where)
    for key in ("qkv_biases", "qk_norm", "weight_tying", "q_lora_rank", "kv_lora_rank"):
        if args.values.get(key):
            raise CannotRun(f"{where}: model.{key} is {args.values[key]!r}: a Cwm has none")
    dim, layers, heads, context = (args.whole(key) for key in ("dim", "n_layers", "n_heads", "max_seq_len"))
    rope: dict[str, object] = {"rope_type": "default", "rope_theta": args.real("rope_theta", 10_000.0)}
    if args.values.get("pos_embed_impl", "rope") == "scaled_rope":
        scaled = args.under("scaled_rope")
        if scaled.values.get("use_attn_scale"):
            raise CannotRun(f"{where}: model.scaled_rope.use_attn_scale is true: a Cwm has no such thing")
        rope |= {
            "rope_type": "llama3",
            "factor": scaled.real("scale_factor", 8),
            "low_freq_factor": scaled.real("low_freq_factor", 1),
            "high_freq_factor": scaled.real("high_freq_factor", 4),
            "original_max_position_embeddings": scaled.whole("old_context_len", 8192),
        }
    kinds, local = [FULL] * layers, None
    if args.values.get("window_attn") is not None:
        window = args.under("window_attn")
        if (widest := window.values.get("global_window")) is not None and window.whole("global_window") < context:
            raise CannotRun(f"{where}: global layers see {widest} tokens of {context}: a Cwm's see all of them")
        last_is_global = window.values.get("global_last_layer", True) is True
        kinds = layer_types(layers, window.whole("window_pattern", 6), last_is_global=last_is_global)
        local = window.values.get("local_window")
    return checked(
        {
            "vocab_size": args.whole("vocab_size"),
            "hidden_size": dim,
            "intermediate_size": _ffn_size(args, dim),
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": args.whole("n_kv_heads", heads),
            "head_dim": args.whole("head_dim", dim // heads),
            "max_position_embeddings": context,
            "rms_norm_eps": args.real("norm_eps", 1e-5),
            "rope_parameters": rope,
            "layer_types": kinds,
            "sliding_window": local,
            "bos_token_id": ids.bos,
            "eos_token_id": list(ids.eos),
            "pad_token_id": ids.pad,
        },
        where=where,
    )


def params_of(config: CwmConfig) -> dict[str, object]:
    """The inverse of `config_of`: what Meta's code is told about this model.  Raises CannotRun if it cannot be."""
    rope, kinds, layers = config.rope_parameters or {}, config.layer_types or [], config.num_hidden_layers
    if config.tie_word_embeddings or config.mlp_bias or config.hidden_act != "silu":
        raise CannotRun(
            "config: Meta's model has no tied embeddings, no biases, and SiLU: this one cannot be written so"
        )
    rules = [(every, last) for every in range(1, layers + 1) for last in (False, True)]
    rule = next((rule for rule in rules if kinds == layer_types(layers, rule[0], last_is_global=rule[1])), None)
    if rule is None:
        raise CannotRun("config: layer_types repeat in no way that Meta's window_pattern could say")
    # Meta's size of the FFN: int(multiplier * int(2 * exp * dim / 3)), rounded up to a multiple.
    wide, size = int(2 * 4 * config.hidden_size / 3), config.intermediate_size
    multiplier = size / wide
    if int(multiplier * wide) != size:
        multiplier = (size + 0.5) / wide
    model: dict[str, object] = {
        "dim": config.hidden_size,
        "n_layers": layers,
        "n_heads": config.num_attention_heads,
        "n_kv_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "max_seq_len": config.max_position_embeddings,
        "vocab_size": config.vocab_size,
        "ffn_exp": 4,
        "ffn_dim_multiplier": multiplier,
        "multiple_of": 1,
        "norm_eps": config.rms_norm_eps,
        "pos_embed_impl": "rope",
        "rope_theta": rope["rope_theta"],
        "window_attn": {
            "window_pattern": rule[0],
            "global_last_layer": rule[1],
            "local_window": config.sliding_window,
            "global_window": None,
        },
    }
    if rope["rope_type"] == "llama3":
        model["pos_embed_impl"] = "scaled_rope"
        model["scaled_rope"] = {
            # Whole numbers in Meta's dataclass.
            "scale_factor": _whole_if_so(rope["factor"]),
            "low_freq_factor": _whole_if_so(rope["low_freq_factor"]),
            "high_freq_factor": _whole_if_so(rope["high_freq_factor"]),
            "old_context_len": rope["original_max_position_embeddings"],
        }
    return {"model": model}


def _whole_if_so(number: float) -> float:
    return int(number) if number == int(number) else number


def _ffn_size(args: _Args, dim: int) -> int:
    wide = int(2 * args.whole("ffn_exp", 4) * dim / 3)
    if args.values.get("ffn_dim_multiplier") is not None:
        wide = int(args.real("ffn_dim_multiplier") * wide)
    multiple = args.whole("multiple_of", 256)
    return multiple * ((wide + multiple - 1) // multiple)


@dataclass(frozen=True, slots=True)
class _Args:
    """Meta's arguments as they stand in params.json, read one by one."""

    values: Mapping[str, object]
    where: str

    def whole(self, key: str, default: int | None = None) -> int:
        value = self.values.get(key)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CannotRun(f"{self.where}: {key} is {value!r}: wanted a whole number from 1")
        return value

    def real(self, key: str, default: float | None = None) -> float:
        value = self.values.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise CannotRun(f"{self.where}: {key} is {value!r}: wanted a number")
        return float(value)

    def under(self, key: str) -> _Args:
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise CannotRun(f"{self.where}: {key} is {value!r}: wanted its settings")
        return _Args(value, f"{self.where}: {key}")
