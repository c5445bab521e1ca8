"""Meta's params.json and transformers' configuration, one as the other."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import CwmConfig

from cwm_model.params import config_of, params_of
from cwm_model.presets import CWM_IDS, bundled, cwm_32b, layer_types, tiny
from tests.metas_model import IDS, LAYERS, PARAMS
from tracegen import CannotRun


def changed(**changes: object) -> dict[str, object]:
    model = PARAMS["model"]
    assert isinstance(model, dict)
    return {"model": {key: value for key, value in {**model, **changes}.items() if value is not None}}


def test_metas_arguments_of_the_32b_model_are_its_preset_with_a_global_last_layer() -> None:
    model = {
        "dim": 6144,
        "n_layers": 64,
        "n_heads": 48,
        "n_kv_heads": 8,
        "vocab_size": 128256,
        "max_seq_len": 131072,
        "ffn_dim_multiplier": 1.3125,
        "pos_embed_impl": "scaled_rope",
        "rope_theta": 1000000.0,
        "scaled_rope": {"scale_factor": 16},
        "window_attn": {"window_pattern": 4, "local_window": 8192, "global_window": 131072},
    }
    assert config_of({"model": model}).to_dict() == cwm_32b("meta").to_dict()
    assert config_of(model).to_dict() == cwm_32b("meta").to_dict()
    model["window_attn"] = {"window_pattern": 4, "local_window": 8192, "global_last_layer": False}
    assert config_of(model).to_dict() == cwm_32b("hf").to_dict()


def test_the_32b_models_ffn_is_said_with_the_number_that_metas_own_arguments_have() -> None:
    model = params_of(cwm_32b())["model"]
    assert isinstance(model, dict)
    assert (model["ffn_exp"], model["ffn_dim_multiplier"]) == (4, 1.3125)


@pytest.mark.parametrize(
    "config", [cwm_32b("hf"), cwm_32b("meta"), bundled(1024, IDS), tiny(300)], ids=["hf", "meta", "bundled", "tiny"]
)
def test_a_preset_comes_back_from_metas_arguments(config: CwmConfig) -> None:
    ids = CWM_IDS if config.vocab_size == 128256 else IDS
    params = json.loads(json.dumps(params_of(config)))
    assert config_of(params, ids).to_dict() == {**config.to_dict(), "eos_token_id": list(ids.eos)}


@given(dim=st.integers(1, 5000), size=st.integers(1, 40000))
def test_any_size_of_the_ffn_can_be_said_in_metas_three_numbers(dim: int, size: int) -> None:
    config = tiny(300)
    config.hidden_size, config.num_attention_heads, config.num_key_value_heads = dim, 1, 1
    config.intermediate_size = size
    assert config_of(params_of(config), IDS).intermediate_size == size


def test_a_model_without_windows_is_all_global() -> None:
    found = config_of(changed(window_attn=None, pos_embed_impl="rope"), IDS)
    assert found.layer_types == ["full_attention"] * LAYERS
    assert found.rope_parameters == {"rope_type": "default", "rope_theta": 10000.0}


REFUSED = {
    "biases": ({"qkv_biases": True}, "params.json: model.qkv_biases is True: a Cwm has none"),
    "normed queries": ({"qk_norm": True}, "params.json: model.qk_norm is True: a Cwm has none"),
    "latent attention": ({"kv_lora_rank": 8}, "params.json: model.kv_lora_rank is 8: a Cwm has none"),
    "no size": ({"dim": None}, "params.json: dim is None: wanted a whole number from 1"),
    "size as text": ({"n_layers": "6"}, "params.json: n_layers is '6': wanted a whole number from 1"),
    "no number": ({"norm_eps": "small"}, "params.json: norm_eps is 'small': wanted a number"),
    "no settings": ({"window_attn": 5}, "params.json: window_attn is 5: wanted its settings"),
    "narrow global layers": (
        {"window_attn": {"global_window": 100, "local_window": 16}},
        "params.json: global layers see 100 tokens of 4096: a Cwm's see all of them",
    ),
    "scaled attention": (
        {"scaled_rope": {"use_attn_scale": True}},
        "params.json: model.scaled_rope.use_attn_scale is true: a Cwm has no such thing",
    ),
    "window of none": (
        {"window_attn": {"window_pattern": 4, "local_window": None}},
        "params.json: sliding_window is missing: layer_types has layers that slide; say how far they see",
    ),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_arguments_that_no_cwm_has_are_refused_in_one_line(changes: dict[str, object], said: str) -> None:
    with pytest.raises(CannotRun) as refusal:
        config_of(changed(**changes), IDS)
    assert str(refusal.value) == said


def test_layers_that_follow_no_pattern_cannot_be_told_to_meta() -> None:
    config = tiny(300)
    config.layer_types = layer_types(2, last_is_global=False)[::-1]
    with pytest.raises(CannotRun, match="layer_types repeat in no way"):
        params_of(config)


def test_tied_embeddings_cannot_be_told_to_meta() -> None:
    config = tiny(300)
    config.tie_word_embeddings = True
    with pytest.raises(CannotRun, match="no tied embeddings"):
        params_of(config)
