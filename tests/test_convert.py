"""Meta's checkpoints against transformers': an independent model with Meta's formulas, and folders there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save, torch_save_to_dcp
from transformers import CwmForCausalLM

from cwm_model.convert import folder_to_hf, folder_to_meta, halves_to_pairs, pairs_to_halves, to_hf, to_meta
from cwm_model.params import config_of
from cwm_model.presets import tiny
from tests.metas_model import DIM, IDS, PARAMS, VOCABULARY, WINDOW, Weights, metas_logits, random_weights
from tracegen import CannotRun


def transformers_logits(weights: Weights, tokens: torch.Tensor, *, turned: bool = True) -> torch.Tensor:
    config = config_of(PARAMS, IDS)
    model = CwmForCausalLM(config)
    named = [to_hf(name, weight, config) for name, weight in weights.items()]
    if not turned:
        named = [(name, weights[to_meta(name, weight, config)[0]]) for name, weight in named]
    model.load_state_dict(dict(named))
    with torch.no_grad():
        found: torch.Tensor = model(tokens[None]).logits[0]
    return found


def some_tokens(count: int) -> torch.Tensor:
    return torch.randint(VOCABULARY, (count,), generator=torch.Generator().manual_seed(1))


def furthest(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return (ours - theirs).abs().max().item()


def test_a_converted_model_says_what_metas_says_far_beyond_the_window() -> None:
    weights, tokens = random_weights(), some_tokens(6 * WINDOW)
    ours, theirs = transformers_logits(weights, tokens), metas_logits(weights, tokens)
    assert theirs.std() > 0.5
    assert furthest(ours, theirs) < 1e-5


def test_this_test_would_see_rows_in_the_wrong_order() -> None:
    weights, tokens = random_weights(), some_tokens(24)
    assert furthest(transformers_logits(weights, tokens, turned=False), metas_logits(weights, tokens)) > 0.1


@pytest.mark.parametrize("window", [WINDOW - 1, WINDOW + 1])
def test_this_test_would_see_a_window_that_is_one_off(window: int) -> None:
    weights, tokens = random_weights(), some_tokens(2 * WINDOW)
    ours, theirs = transformers_logits(weights, tokens), metas_logits(weights, tokens, window=window)
    within = min(window, WINDOW)
    assert furthest(ours[:within], theirs[:within]) < 1e-5
    assert furthest(ours[within:], theirs[within:]) > 1e-2


def test_in_a_head_even_rows_come_before_odd_ones() -> None:
    two_heads = torch.tensor([[0.0], [1], [2], [3], [10], [11], [12], [13]])
    assert pairs_to_halves(two_heads, head_dim=4).flatten().tolist() == [0, 2, 1, 3, 10, 12, 11, 13]


@given(heads=st.integers(1, 5), half=st.integers(1, 8), columns=st.integers(1, 3))
def test_rows_that_were_turned_and_turned_back_are_what_they_were(heads: int, half: int, columns: int) -> None:
    weight = torch.arange(heads * half * 2 * columns).view(-1, columns)
    assert torch.equal(halves_to_pairs(pairs_to_halves(weight, half * 2), half * 2), weight)
    assert torch.equal(pairs_to_halves(halves_to_pairs(weight, half * 2), half * 2), weight)


def test_every_tensor_of_meta_has_one_of_transformers_and_the_other_way_round() -> None:
    config = config_of(PARAMS, IDS)
    named = {name: to_hf(name, weight, config)[0] for name, weight in random_weights().items()}
    assert set(named.values()) == set(CwmForCausalLM(config).state_dict())
    assert named["layers.5.attention.wo.weight"] == "model.layers.5.self_attn.o_proj.weight"
    assert named["layers.0.feed_forward.w2.weight"] == "model.layers.0.mlp.down_proj.weight"


@pytest.mark.parametrize(
    "name", ["rope.freqs", "layers.0.attention.wq.bias", "layers.x.attention.wq.weight", "", "norm"]
)
def test_a_name_that_is_not_metas_is_refused(name: str) -> None:
    with pytest.raises(CannotRun, match="no tensor of this name is in the model"):
        to_hf(name, torch.zeros(32, 32), tiny(300))


# Folders


def meta_folder(folder: Path, weights: Weights, *, torch_file: bool = False) -> Path:
    folder.mkdir()
    (folder / "params.json").write_text(json.dumps(PARAMS), "utf-8")
    if torch_file:
        torch.save(weights, folder / "consolidated.00.pth")
    else:
        names = sorted(weights)
        for part in range(2):
            save_file({name: weights[name] for name in names[part::2]}, folder / f"part-{part}.safetensors")
    return folder


def everything(folder: Path) -> Weights:
    found: Weights = {}
    for file in folder.glob("*.safetensors"):
        found |= load_file(file)
    return found


def same(ours: Weights, theirs: Weights) -> bool:
    return ours.keys() == theirs.keys() and all(
        ours[name].dtype == theirs[name].dtype and torch.equal(ours[name], theirs[name]) for name in ours
    )


@pytest.mark.parametrize("torch_file", [False, True], ids=["safetensors", "torch"])
def test_a_folder_there_and_back_is_bitwise_what_it_was(tmp_path: Path, torch_file: bool) -> None:
    weights = random_weights(torch.bfloat16)
    source = meta_folder(tmp_path / "meta", weights, torch_file=torch_file)
    folder_to_hf(source, tmp_path / "hf", ids=IDS, shard_bytes=20_000)
    assert len(list((tmp_path / "hf").glob("model-*-of-*.safetensors"))) > 3
    folder_to_meta(tmp_path / "hf", tmp_path / "back")
    assert same(everything(tmp_path / "back"), weights)
    back = json.loads((tmp_path / "back" / "params.json").read_text("utf-8"))
    assert config_of(back, IDS).to_dict() == config_of(PARAMS, IDS).to_dict()


def test_transformers_loads_what_was_converted_as_it_was_stored(tmp_path: Path) -> None:
    weights, tokens = random_weights(), some_tokens(40)
    folder_to_hf(meta_folder(tmp_path / "meta", weights), tmp_path / "hf", ids=IDS, shard_bytes=20_000)
    model = CwmForCausalLM.from_pretrained(tmp_path / "hf")
    assert (model.dtype, model.config.architectures) == (torch.float32, ["CwmForCausalLM"])
    with torch.no_grad():
        assert torch.equal(model(tokens[None]).logits[0], transformers_logits(weights, tokens))


def test_the_released_config_that_said_llama_is_converted_back_too(tmp_path: Path) -> None:
    weights = random_weights()
    folder_to_hf(meta_folder(tmp_path / "meta", weights), tmp_path / "hf", ids=IDS)
    path = tmp_path / "hf" / "config.json"
    said = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**said, "model_type": "llama", "attention_bias": False}), "utf-8")
    folder_to_meta(tmp_path / "hf", tmp_path / "back")
    assert same(everything(tmp_path / "back"), weights)


def test_a_distributed_checkpoint_is_refused_with_the_command_that_makes_a_file_of_it(tmp_path: Path) -> None:
    weights = random_weights()
    torch.save({"model": weights}, tmp_path / "model.pth")
    torch_save_to_dcp(tmp_path / "model.pth", tmp_path / "dcp")
    (tmp_path / "dcp" / "params.json").write_text(json.dumps(PARAMS), "utf-8")
    with pytest.raises(CannotRun, match=r"format_utils dcp_to_torch \S+/dcp NEW/model.pth`"):
        folder_to_hf(tmp_path / "dcp", tmp_path / "hf", ids=IDS)

    # What that command does.
    source = meta_folder(tmp_path / "new", {})
    for file in source.glob("*.safetensors"):
        file.unlink()
    dcp_to_torch_save(tmp_path / "dcp", source / "model.pth")
    folder_to_hf(source, tmp_path / "hf", ids=IDS)
    folder_to_meta(tmp_path / "hf", tmp_path / "back")
    assert same(everything(tmp_path / "back"), weights)


def refused(source: Path, target: Path) -> str:
    with pytest.raises(CannotRun) as refusal:
        folder_to_hf(source, target, ids=IDS)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_folder_that_lacks_its_settings_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, tmp_path / "hf").startswith(f"{tmp_path}/params.json: No such file")
    (tmp_path / "params.json").write_text("{", "utf-8")
    assert refused(tmp_path, tmp_path / "hf").startswith(f"{tmp_path}/params.json: is no JSON: ")
    (tmp_path / "params.json").write_text("[]", "utf-8")
    assert refused(tmp_path, tmp_path / "hf") == f"{tmp_path}/params.json: wanted an object with the model's settings"


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps(PARAMS), "utf-8")
    assert refused(tmp_path, tmp_path / "hf") == f"{tmp_path}: holds no weights: wanted *.safetensors, *.pth or *.pt"


def test_slices_for_several_gpus_are_refused(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", random_weights(), torch_file=True)
    (source / "consolidated.01.pth").write_bytes(b"")
    assert refused(source, tmp_path / "hf").endswith("are slices for several GPUs: join them into one file first")


def test_a_tensor_that_is_missing_unknown_or_of_another_shape_is_named_before_anything_is_written(
    tmp_path: Path,
) -> None:
    weights = random_weights()
    less = {name: weight for name, weight in weights.items() if "layers.3.attention.wq" not in name}
    assert refused(meta_folder(tmp_path / "less", less), tmp_path / "hf").endswith(
        "/less: 1 tensors are missing, layers.3.attention.wq.weight (model.layers.3.self_attn.q_proj.weight) for one"
    )
    more = {**weights, "layers.6.ffn_norm.weight": torch.ones(DIM)}
    assert refused(meta_folder(tmp_path / "more", more), tmp_path / "hf").endswith(
        "layers.6.ffn_norm.weight: there twice, or of a layer that the model does not have"
    )
    other = {**weights, "output.weight": torch.ones(VOCABULARY + 1, DIM)}
    assert refused(meta_folder(tmp_path / "other", other), tmp_path / "hf").endswith(
        "output.weight: wanted the shape (300, 32), found (301, 32)"
    )
    assert not (tmp_path / "hf").exists()


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", random_weights())
    file = source / "part-1.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert refused(source, tmp_path / "hf").startswith(f"{file}: damaged or cut off: ")


def test_a_torch_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", {}, torch_file=True)
    torch.save({"norm.weight": Path("/")}, source / "consolidated.00.pth")
    assert refused(source, tmp_path / "hf").startswith(f"{source}/consolidated.00.pth: no file of plain tensors")
    (source / "consolidated.00.pth").write_bytes(b"")
    assert refused(source, tmp_path / "hf").startswith(f"{source}/consolidated.00.pth: no file of plain tensors")


def test_a_torch_file_of_other_things_is_refused(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", {}, torch_file=True)
    torch.save({"norm.weight": torch.ones(DIM), "step": 5}, source / "consolidated.00.pth")
    assert refused(source, tmp_path / "hf").endswith("'step' is no tensor but int: wanted weights only")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", random_weights())
    assert refused(source, source) == f"{source}: is not empty: give a new folder"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    source = meta_folder(tmp_path / "meta", random_weights())
    (tmp_path / "file").write_bytes(b"")
    assert refused(source, tmp_path / "file" / "hf").startswith(f"{tmp_path}/file/hf: the conversion stopped: ")
