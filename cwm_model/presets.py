"""The shapes of model that there are here, and what is wrong with a shape: configurations in, configurations out.

Presets write out everything that transformers would fill in; `checked` refuses everything that transformers 5.23.0
was seen to ignore, to fill in silently, or to fail on much later.  Knows nothing of weights, files or the tokenizer.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from huggingface_hub.errors import StrictDataclassError
from transformers import CwmConfig
from transformers.activations import ACT2FN

from tracegen import CannotRun, Special

FULL, SLIDING = "full_attention", "sliding_attention"

# Keys of a config.json that are no fields of CwmConfig, and that transformers obeys all the same.
_OBEYED = {"model_type", "torch_dtype", "rope_theta", "rope_scaling", "quantization_config", "_name_or_path"}

# transformers fills in the 32B model's value for each of these: a config that lacks `rms_norm_eps` or `eos_token_id`
# loads, and computes or stops otherwise than the one that was meant (Llama's own eps is 1e-6, Cwm's is 1e-5).
_NEEDED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
    "rms_norm_eps",
    "bos_token_id",
    "eos_token_id",
    "layer_types",
)

_ROPE_KEYS = {
    "default": {"rope_type", "rope_theta"},
    "llama3": {
        "rope_type",
        "rope_theta",
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    },
}


@dataclass(frozen=True, slots=True)
class ControlIds:
    """The ids that a configuration names: where a sequence begins, where it may end, and what fills a batch up."""

    bos: int
    eos: tuple[int, ...]
    pad: int


CWM_IDS = ControlIds(
    bos=Special.BEGIN_OF_TEXT.cwm_id,
    eos=(Special.END_OF_TEXT.cwm_id, Special.EOM_ID.cwm_id, Special.EOT_ID.cwm_id),
    pad=Special.PAD.cwm_id,
)


def layer_types(layers: int, every: int = 4, *, last_is_global: bool) -> list[str]:
    """Which layers see everything: the first of each ``every``, and by Meta's default the last one too.

    >>> [kind.partition("_")[0] for kind in layer_types(6, last_is_global=True)]
    ['full', 'sliding', 'sliding', 'sliding', 'full', 'full']
    """
    last = layers - 1 if last_is_global else -1
    return [FULL if layer % every == 0 or layer == last else SLIDING for layer in range(layers)]


def cwm_32b(last_layer: Literal["hf", "meta"] = "hf") -> CwmConfig:
    """Meta's Code World Model: 32.58B parameters.

    Which layers are global is not settled: transformers' default leaves the last one local, and so 16 are global;
    the default of Meta's code makes it global too (`WindowAttentionArgs.global_last_layer`,
    github.com/facebookresearch/cwm, cwm/model/transformer.py at 7930e029).  A checkpoint's own config.json or
    params.json outranks both.  Raises CannotRun for another ``last_layer``.
    """
    if last_layer not in ("hf", "meta"):
        raise CannotRun(f"last_layer {last_layer!r}: there are 'hf' (local) and 'meta' (global)")
    return checked(
        {
            "vocab_size": 128256,
            "hidden_size": 6144,
            "intermediate_size": 21504,
            "num_hidden_layers": 64,
            "num_attention_heads": 48,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 131072,
            "sliding_window": 8192,
            "layer_types": layer_types(64, last_is_global=last_layer == "meta"),
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 1_000_000.0,
                "factor": 16.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            },
            **_everywhere(CWM_IDS),
        }
    )


def bundled(vocabulary: int, ids: ControlIds) -> CwmConfig:
    """The size of the model that comes with the package: 10.8M parameters with 1,024 ids.

    Eight query heads, because transformers refuses a hidden size that is no multiple of their number, although
    nothing is computed from the quotient where `head_dim` is given.
    """
    return checked(
        {
            "vocab_size": vocabulary,
            "hidden_size": 320,
            "intermediate_size": 896,
            "num_hidden_layers": 8,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "head_dim": 64,
            "max_position_embeddings": 16384,
            "sliding_window": 512,
            "layer_types": layer_types(8, last_is_global=True),
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
            **_everywhere(ids),
        }
    )


_SMALLEST = ControlIds(bos=0, eos=(1,), pad=2)


def tiny(vocabulary: int, ids: ControlIds = _SMALLEST) -> CwmConfig:
    """For tests: one global and one local layer, a window of 16, heads that share keys, and scaled positions."""
    return checked(
        {
            "vocab_size": vocabulary,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 4096,
            "sliding_window": 16,
            "layer_types": [FULL, SLIDING],
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10_000.0,
                "factor": 16.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
            **_everywhere(ids),
        }
    )


def _everywhere(ids: ControlIds) -> dict[str, object]:
    """What is the same in every Cwm."""
    return {
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "attention_dropout": 0.0,
        "bos_token_id": ids.bos,
        "eos_token_id": list(ids.eos) if len(ids.eos) > 1 else ids.eos[0],
        "pad_token_id": ids.pad,
    }


def checked(config: Mapping[str, object], *, where: str = "config") -> CwmConfig:
    """A configuration that says what it means: as in a config.json, validated and built.

    Raises CannotRun, with ``where`` before it, for what transformers would ignore, fill in, or fail on later.
    """
    try:
        return _checked(config)
    except _Wrong as wrong:
        raise CannotRun(f"{where}: {wrong}") from None
    except (StrictDataclassError, KeyError, TypeError, ValueError) as error:
        # transformers' own refusals: several lines, of which the last says it.
        said = str(error.args[0] if error.args else error).strip().splitlines()[-1].strip()
        raise CannotRun(f"{where}: transformers refuses it: {said}") from None


def as_cwm(config: Mapping[str, object], *, where: str = "config") -> dict[str, object]:
    """A config.json that says `llama` and lists layer_types, as facebook/cwm did at its release, as a Cwm's.

    Raises CannotRun for a Llama that no Cwm can be.
    """
    if config.get("attention_bias"):
        raise CannotRun(f"{where}: attention_bias is true: a Cwm has no biases in its attention; this is no Cwm")
    kept = {key: value for key, value in config.items() if key != "attention_bias"}
    return {**kept, "model_type": "cwm", "architectures": ["CwmForCausalLM"]}


class _Wrong(Exception):
    """What is the matter, without saying where."""


def _checked(config: Mapping[str, object]) -> CwmConfig:
    _check_keys(config)
    given = {key: value for key, value in config.items() if key not in ("model_type", "rope_theta", "rope_scaling")}
    given["rope_parameters"] = _rope(config)
    kinds = _layers(config)
    if not config.get("sliding_window"):
        # Missing, it is 8,192, whatever the model; None and 0 fail as "expected int, got NoneType".
        if SLIDING in kinds:
            raise _Wrong("sliding_window is missing: layer_types has layers that slide; say how far they see")
        given.pop("sliding_window", None)
    if given.get("hidden_act", "silu") not in ACT2FN:
        # Accepted here, a KeyError when the model is built.
        raise _Wrong(f"hidden_act {given['hidden_act']!r} is unknown; CWM's is 'silu'")
    built = CwmConfig.from_dict(given)
    if built.sliding_window < 1:
        # Accepted; the first forward pass fails, or attends to nothing.
        raise _Wrong(f"sliding_window {built.sliding_window}: must be at least 1, the token itself")
    if built.num_attention_heads % built.num_key_value_heads:
        # Accepted; the first forward pass fails with two shapes.
        raise _Wrong(
            f"num_attention_heads {built.num_attention_heads} is no multiple of num_key_value_heads "
            f"{built.num_key_value_heads}: each key-value head serves the same number of query heads"
        )
    eos = built.eos_token_id
    ids: list[tuple[str, int | None]] = [("bos_token_id", built.bos_token_id), ("pad_token_id", built.pad_token_id)]
    ids += [("eos_token_id", each) for each in (eos if isinstance(eos, list) else [eos])]
    for key, each in ids:
        # A warning for most, nothing in a list, an AssertionError at the embedding for a pad id that is too large.
        if each is None or not 0 <= each < built.vocab_size:
            raise _Wrong(f"{key} {each} is outside the vocabulary of {built.vocab_size} ids")
    return built


def _check_keys(config: Mapping[str, object]) -> None:
    kind = config.get("model_type", "cwm")
    if kind == "llama" and config.get("layer_types") is not None:
        # LlamaForCausalLM keeps layer_types in its config and ignores it: right up to the window, wrong beyond.
        raise _Wrong("model_type is llama, with layer_types, which Llama ignores: build it as a Cwm (model_type cwm)")
    if kind != "cwm":
        raise _Wrong(f"model_type is {kind}, not cwm")
    if "window_pattern" in config:
        # Kept as an attribute that nothing reads: every fourth layer is global, whatever it says.
        raise _Wrong("window_pattern is ignored by transformers: leave it out, and write layer_types out")
    known = {field.name for field in fields(CwmConfig)} | _OBEYED
    for key in config:
        if key not in known:
            # Kept as an attribute that nothing reads.
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "leave it out"
            raise _Wrong(f"{key!r} is no key of a Cwm, and transformers ignores it: {hint}")
    for key in _NEEDED:
        if config.get(key) in (None, []):
            raise _Wrong(f"{key} is missing: transformers would take the 32B model's silently; say which")
    if config.get("pad_token_id") is None:
        # Accepted: nothing is padded, until a batch of unequal lengths is.
        raise _Wrong("pad_token_id is missing: name the id of the tokenizer's pad token")


def _layers(config: Mapping[str, object]) -> Iterable[object]:
    kinds, layers = config["layer_types"], config["num_hidden_layers"]
    if not isinstance(kinds, list | tuple):
        raise _Wrong(f"layer_types is {kinds!r}: wanted a list, one of {FULL!r} and {SLIDING!r} a layer")
    if len(kinds) != layers or not kinds:
        raise _Wrong(f"layer_types names {len(kinds)} layers, num_hidden_layers says {layers}: wanted one for each")
    for layer, kind in enumerate(kinds):
        if kind not in (FULL, SLIDING):
            # 'chunked_attention' and others pass here: the first forward pass fails on them.
            raise _Wrong(f"layer_types[{layer}] is {kind!r}: there are {FULL!r} and {SLIDING!r}")
    return kinds


def _rope(config: Mapping[str, object]) -> dict[str, object]:
    """Where positions turn: `rope_parameters`, or what Llama's configurations called rope_theta and rope_scaling.

    `CwmConfig(rope_theta=5.0)` keeps a theta of 1e6 and the 32B model's scaling, and one given beside
    rope_parameters is dropped; rope_scaling beside rope_parameters replaces it.  So: one of the two ways only.
    """
    given, theta, scaling = (config.get(key) for key in ("rope_parameters", "rope_theta", "rope_scaling"))
    if given is not None and (theta is not None or scaling is not None):
        raise _Wrong("rope_parameters stands beside rope_theta or rope_scaling, and one of them is ignored: keep one")
    if given is None:
        given = {"rope_type": "default", **(scaling if isinstance(scaling, Mapping) else {})}
        if "type" in given:
            given["rope_type"] = given.pop("type")
        if theta is not None:
            given["rope_theta"] = theta
    if not isinstance(given, Mapping):
        raise _Wrong(f"rope_parameters is {given!r}: wanted rope_type, rope_theta and what the type needs")
    kind = given.get("rope_type", "default")
    wanted = _ROPE_KEYS.get(kind)
    if wanted is None:
        raise _Wrong(f"rope_type {kind!r}: there are {', '.join(_ROPE_KEYS)}")
    found = {"rope_type", *given}
    if found != wanted:
        odd = ", ".join([*(f"{key} is missing" for key in sorted(wanted - found)), *sorted(found - wanted)])
        raise _Wrong(f"rope_parameters of type {kind}: wanted {', '.join(sorted(wanted))}, and nothing else: {odd}")
    return {"rope_type": kind, **given}
