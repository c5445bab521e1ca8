"""The shapes of model, and what is refused about a shape; beside it, what transformers would have done instead."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from transformers import CwmConfig, CwmForCausalLM, LlamaConfig, LlamaForCausalLM

from cwm_model.presets import (
    CWM_IDS,
    FULL,
    SLIDING,
    ControlIds,
    as_cwm,
    bundled,
    checked,
    cwm_32b,
    layer_types,
    tiny,
)
from tracegen import CannotRun

IDS = ControlIds(bos=0, eos=(1,), pad=2)


def written(config: CwmConfig) -> dict[str, object]:
    """As in a config.json."""
    found: dict[str, object] = json.loads(config.to_json_string())
    return found


def changed(**changes: object) -> dict[str, object]:
    """The tiny configuration with some values changed, or without those that are None here."""
    return {key: value for key, value in {**written(tiny(300)), **changes}.items() if value is not None}


def parameters(config: CwmConfig) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in CwmForCausalLM(config).parameters())


def global_layers(config: CwmConfig) -> list[int]:
    assert config.layer_types is not None
    return [layer for layer, kind in enumerate(config.layer_types) if kind == FULL]


def test_in_a_32b_model_of_transformers_every_fourth_layer_is_global() -> None:
    assert global_layers(cwm_32b()) == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60]


def test_in_a_32b_model_of_metas_the_last_layer_is_global_too() -> None:
    assert global_layers(cwm_32b("meta")) == [*global_layers(cwm_32b()), 63]


def test_there_is_no_third_rule_for_the_last_layer() -> None:
    with pytest.raises(CannotRun, match=r"^last_layer 'both': there are 'hf'"):
        cwm_32b("both")  # type: ignore[arg-type]


def test_the_32b_model_has_32_58_billion_parameters() -> None:
    attention = 6144 * 128 * (48 + 8 + 8 + 48)
    by_hand = 2 * 128256 * 6144 + 64 * (attention + 3 * 6144 * 21504 + 2 * 6144) + 6144
    assert parameters(cwm_32b()) == by_hand == 32_581_097_472


def test_the_32b_model_is_what_transformers_says_it_is_and_has_a_pad_id() -> None:
    theirs = CwmConfig()
    assert theirs.pad_token_id is None
    theirs.pad_token_id = CWM_IDS.pad
    assert written(cwm_32b()) == written(theirs)


def test_the_ids_of_cwm_are_those_of_its_vocabulary() -> None:
    assert ControlIds(bos=128000, eos=(128001, 128008, 128009), pad=128004) == CWM_IDS


def test_the_bundled_model_has_10_8_million_parameters_and_a_global_last_layer() -> None:
    config = bundled(1024, IDS)
    assert parameters(config) == 10_818_880
    assert global_layers(config) == [0, 4, 7]
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (0, 1, 2)


def test_the_tiny_model_runs_beyond_its_window_with_both_kinds_of_layer() -> None:
    config = tiny(300)
    assert (config.layer_types, config.sliding_window) == ([FULL, SLIDING], 16)
    with torch.no_grad():
        assert CwmForCausalLM(config)(torch.arange(40)[None]).logits.isfinite().all()


def test_several_ends_are_kept() -> None:
    assert tiny(300, ControlIds(bos=5, eos=(6, 7), pad=8)).eos_token_id == [6, 7]


def test_the_last_layer_of_one_pattern_may_be_global_anyway() -> None:
    assert layer_types(5, last_is_global=False) == layer_types(5, last_is_global=True)


@pytest.mark.parametrize("config", [cwm_32b("meta"), bundled(1024, IDS), tiny(300)], ids=["32b", "bundled", "tiny"])
def test_a_preset_comes_back_from_what_was_written(config: CwmConfig, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    read = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert written(checked(read)) == written(config)


REFUSED = {
    "window pattern": (
        {"window_pattern": 2},
        "window_pattern is ignored by transformers: leave it out, and write layer_types out",
    ),
    "llama": (
        {"model_type": "llama"},
        "model_type is llama, with layer_types, which Llama ignores: build it as a Cwm (model_type cwm)",
    ),
    "other model": ({"model_type": "mistral"}, "model_type is mistral, not cwm"),
    "too few layer types": (
        {"layer_types": [FULL]},
        "layer_types names 1 layers, num_hidden_layers says 2: wanted one for each",
    ),
    "too many layer types": (
        {"layer_types": [FULL] * 3},
        "layer_types names 3 layers, num_hidden_layers says 2: wanted one for each",
    ),
    "no layers": (
        {"layer_types": (), "num_hidden_layers": 0},
        "layer_types names 0 layers, num_hidden_layers says 0: wanted one for each",
    ),
    "unknown layer type": (
        {"layer_types": [FULL, "local"]},
        "layer_types[1] is 'local': there are 'full_attention' and 'sliding_attention'",
    ),
    "chunks": (
        {"layer_types": ["chunked_attention", FULL]},
        "layer_types[0] is 'chunked_attention': there are 'full_attention' and 'sliding_attention'",
    ),
    "no list": (
        {"layer_types": "full_attention"},
        "layer_types is 'full_attention': wanted a list, one of 'full_attention' and 'sliding_attention' a layer",
    ),
    "missing layer types": (
        {"layer_types": None},
        "layer_types is missing: transformers would take the 32B model's silently; say which",
    ),
    "missing eps": (
        {"rms_norm_eps": None},
        "rms_norm_eps is missing: transformers would take the 32B model's silently; say which",
    ),
    "missing end": (
        {"eos_token_id": None},
        "eos_token_id is missing: transformers would take the 32B model's silently; say which",
    ),
    "empty end": (
        {"eos_token_id": []},
        "eos_token_id is missing: transformers would take the 32B model's silently; say which",
    ),
    "missing window": (
        {"sliding_window": None},
        "sliding_window is missing: layer_types has layers that slide; say how far they see",
    ),
    "window of none": (
        {"sliding_window": 0},
        "sliding_window is missing: layer_types has layers that slide; say how far they see",
    ),
    "negative window": ({"sliding_window": -3}, "sliding_window -3: must be at least 1, the token itself"),
    "no pad id": ({"pad_token_id": None}, "pad_token_id is missing: name the id of the tokenizer's pad token"),
    "pad id outside": ({"pad_token_id": 300}, "pad_token_id 300 is outside the vocabulary of 300 ids"),
    "pad id negative": ({"pad_token_id": -1}, "pad_token_id -1 is outside the vocabulary of 300 ids"),
    "begin outside": ({"bos_token_id": 128000}, "bos_token_id 128000 is outside the vocabulary of 300 ids"),
    "an end outside": ({"eos_token_id": [1, 300]}, "eos_token_id 300 is outside the vocabulary of 300 ids"),
    "heads": (
        {"num_key_value_heads": 3},
        "num_attention_heads 4 is no multiple of num_key_value_heads 3: "
        "each key-value head serves the same number of query heads",
    ),
    "typo": (
        {"hiden_size": 3},
        "'hiden_size' is no key of a Cwm, and transformers ignores it: did you mean 'hidden_size'?",
    ),
    "unknown": ({"qk_norm": True}, "'qk_norm' is no key of a Cwm, and transformers ignores it: leave it out"),
    "activation": ({"hidden_act": "slu"}, "hidden_act 'slu' is unknown; CWM's is 'silu'"),
    "two thetas": (
        {"rope_theta": 5.0},
        "rope_parameters stands beside rope_theta or rope_scaling, and one of them is ignored: keep one",
    ),
    "no rope at all": (
        {"rope_parameters": None},
        "rope_parameters of type default: wanted rope_theta, rope_type, and nothing else: rope_theta is missing",
    ),
    "rope of unknown type": (
        {"rope_parameters": {"rope_type": "spiral", "rope_theta": 1.0}},
        "rope_type 'spiral': there are default, llama3",
    ),
    "rope with a typo": (
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1.0, "factr": 2.0}},
        "rope_parameters of type default: wanted rope_theta, rope_type, and nothing else: factr",
    ),
    "rope that is no mapping": (
        {"rope_parameters": 5},
        "rope_parameters is 5: wanted rope_type, rope_theta and what the type needs",
    ),
    "text for a number": (
        {"hidden_size": "32"},
        "transformers refuses it: TypeError: Field 'hidden_size' expected int, got str (value: '32')",
    ),
    "width": (
        {"num_attention_heads": 6},
        "transformers refuses it: ValueError: "
        "The hidden size (32) is not a multiple of the number of attention heads (6).",
    ),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_a_shape_that_does_not_mean_what_it_says_is_refused_in_one_line(changes: dict[str, object], said: str) -> None:
    base = {key: value for key, value in changed().items() if key not in changes}
    config = {**base, **{key: value for key, value in changes.items() if value is not None}}
    with pytest.raises(CannotRun) as refusal:
        checked(config, where="some/config.json")
    assert str(refusal.value) == f"some/config.json: {said}"


def test_layers_that_are_all_global_need_no_window() -> None:
    assert global_layers(checked(changed(layer_types=[FULL, FULL], sliding_window=None))) == [0, 1]


def test_the_older_spelling_of_the_scaling_is_understood() -> None:
    rope = tiny(300).rope_parameters
    assert rope is not None
    scaling = {key: value for key, value in rope.items() if key not in ("rope_theta", "rope_type")}
    old = changed(rope_parameters=None, rope_theta=10_000.0, rope_scaling={"type": "llama3", **scaling})
    assert checked(old).rope_parameters == rope


def test_the_older_spelling_without_scaling_scales_nothing() -> None:
    found = checked(changed(rope_parameters=None, rope_theta=5.0)).rope_parameters
    assert found == {"rope_type": "default", "rope_theta": 5.0}


def test_checking_changes_nothing_of_what_it_is_given() -> None:
    given = changed()
    before = json.dumps(given)
    checked(given)
    assert json.dumps(given) == before


def test_the_released_config_that_said_llama_is_built_as_a_cwm() -> None:
    released = {
        **changed(model_type="llama", architectures=["LlamaForCausalLM"], torch_dtype="bfloat16"),
        "attention_bias": False,
    }
    built = checked(as_cwm(released))
    assert (type(built), built.layer_types, built.dtype) == (CwmConfig, [FULL, SLIDING], torch.bfloat16)


def test_a_llama_with_biases_is_no_cwm() -> None:
    with pytest.raises(CannotRun, match=r"^here: attention_bias is true: a Cwm has no biases"):
        as_cwm({"model_type": "llama", "attention_bias": True}, where="here")


# What transformers does with such a shape: where one of these fails after an upgrade, a refusal may go.


def logits(config: CwmConfig | LlamaConfig, tokens: int) -> torch.Tensor:
    torch.manual_seed(0)
    model = CwmForCausalLM(config) if isinstance(config, CwmConfig) else LlamaForCausalLM(config)
    with torch.no_grad():
        found: torch.Tensor = model(torch.arange(tokens)[None]).logits
    return found


def test_transformers_ignores_a_window_pattern() -> None:
    config = CwmConfig.from_dict(changed(window_pattern=1, layer_types=None, num_hidden_layers=5))
    assert global_layers(config) == [0, 4]


def test_transformers_swallows_a_typo() -> None:
    assert CwmConfig.from_dict(changed(hiden_size=64)).hidden_size == 32


def test_transformers_ignores_a_theta_without_a_scaling() -> None:
    config = CwmConfig.from_dict(changed(rope_parameters=None, rope_theta=5.0))
    assert config.rope_parameters is not None
    assert (config.rope_parameters["rope_theta"], config.rope_parameters["rope_type"]) == (1e6, "llama3")


def test_transformers_takes_cwms_ends_where_there_are_none() -> None:
    assert CwmConfig.from_dict(changed(eos_token_id=None)).eos_token_id == [128001, 128008, 128009]


def test_transformers_takes_ids_outside_the_vocabulary(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert CwmConfig.from_dict(changed(eos_token_id=[300])).eos_token_id == [300]


def test_llama_ignores_layer_types_and_differs_beyond_the_window() -> None:
    as_llama = {key: value for key, value in changed().items() if key != "model_type"}
    cwm, llama = CwmConfig.from_dict(changed()), LlamaConfig.from_dict(as_llama)
    assert torch.equal(logits(cwm, 16), logits(llama, 16))
    ours, theirs = logits(cwm, 17), logits(llama, 17)
    torch.testing.assert_close(ours[:, :16], theirs[:, :16], rtol=0, atol=1e-6)
    assert (ours[:, 16] - theirs[:, 16]).abs().max() > 1e-4


def test_casting_a_model_rounds_its_frequencies_and_loading_it_does_not(tmp_path: Path) -> None:
    cast = CwmForCausalLM(tiny(300)).bfloat16()
    cast.save_pretrained(tmp_path)
    loaded = CwmForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert cast.model.rotary_emb.inv_freq.dtype is torch.bfloat16
    assert loaded.model.rotary_emb.inv_freq.dtype is torch.float32
