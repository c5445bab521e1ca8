"""Models by name: what is loaded, and the one line that each obstacle becomes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    CwmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from cwm_model import loading
from cwm_model.loading import device_of, load, load_model, locate
from cwm_model.tokenizer import small
from tests.small_models import refused, write
from tracegen import Special


def rewrite(path: Path, **changes: object) -> None:
    """A JSON file with some values changed; None removes."""
    said = {**json.loads(path.read_text("utf-8")), **changes}
    path.write_text(json.dumps({key: value for key, value in said.items() if value is not None}), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "model")


def test_a_folder_is_loaded_as_it_was_stored_and_ready_to_predict(folder: Path) -> None:
    found = load(str(folder), device="cpu")
    assert isinstance(found.model, CwmForCausalLM)
    assert (found.name, found.dtype, found.device) == (str(folder), torch.bfloat16, torch.device("cpu"))
    assert not found.model.training
    assert found.tokenizer.sha256 == small().sha256
    stored = load_file(folder / "model.safetensors")
    assert all(torch.equal(weight, stored[name]) for name, weight in found.model.state_dict().items())


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_a_model_can_be_had_in_another_type_and_its_positions_stay_exact(folder: Path, dtype: str) -> None:
    found = load(str(folder), dtype=dtype, device="cpu")
    assert isinstance(found.model, CwmForCausalLM)
    assert found.dtype == found.model.lm_head.weight.dtype == loading.DTYPES[dtype]
    assert found.model.model.rotary_emb.inv_freq.dtype is torch.float32


def test_bundled_is_the_packages_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate("bundled") == Path(loading.__file__).parent / "checkpoints" / "bundled"
    monkeypatch.setattr(loading, "BUNDLED", folder)
    assert load("bundled", device="cpu").name == "bundled"


def test_the_released_config_that_said_llama_is_built_as_a_cwm_with_the_tokenizers_pad_id(folder: Path) -> None:
    rewrite(
        folder / "config.json",
        model_type="llama",
        architectures=["LlamaForCausalLM"],
        attention_bias=False,
        pad_token_id=None,
    )
    found = load(str(folder), device="cpu")
    assert isinstance(found.model, CwmForCausalLM)
    assert found.model.config.pad_token_id == small().id_of(Special.PAD)
    assert found.model.config.layer_types == ["full_attention", "sliding_attention"]


def others(kind: str) -> LlamaForCausalLM | Qwen2ForCausalLM:
    said = {
        "vocab_size": small().size,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    }
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig.from_dict(said))
    return Qwen2ForCausalLM(Qwen2Config.from_dict(said))


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_other_families_can_be_loaded_to_train_from(tmp_path: Path, kind: str) -> None:
    model = others(kind)
    model.save_pretrained(tmp_path)
    found = load_model(str(tmp_path), dtype="bf16", device="cpu")
    assert (type(found), found.dtype, found.training) == (type(model), torch.bfloat16, False)


def test_a_sharded_checkpoint_is_loaded(folder: Path) -> None:
    whole = load(str(folder), device="cpu").model
    shutil.copytree(folder, folder / "sharded", ignore=shutil.ignore_patterns("*.safetensors"))
    whole.save_pretrained(folder / "sharded", max_shard_size="40KB")
    assert len(list((folder / "sharded").glob("*.safetensors"))) > 1
    again = load(str(folder / "sharded"), device="cpu").model
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in whole.state_dict().items())


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-2"}}), "utf-8")
    assert refused(folder) == f"{folder}: model-2 is missing, and {index.name} names it; fetch it again"
    index.write_text("[]", "utf-8")
    assert refused(folder) == f"{index}: is no index of weights; fetch it again"


# Folders with something wrong


def test_a_folder_without_a_configuration_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert refused(folder).startswith(f"{folder}/config.json: is missing: give a folder that")


@pytest.mark.parametrize(
    ("said", "line"),
    [("{", "cannot be read as JSON: "), ("[]", "wanted an object with the model's settings, found list")],
)
def test_a_configuration_that_is_none_is_refused(folder: Path, said: str, line: str) -> None:
    (folder / "config.json").write_text(said, "utf-8")
    assert refused(folder).startswith(f"{folder}/config.json: {line}")


def test_a_configuration_that_transformers_would_misread_is_refused(folder: Path) -> None:
    rewrite(folder / "config.json", window_pattern=2)
    assert refused(folder).startswith(f"{folder}/config.json: window_pattern is ignored by transformers")


@pytest.mark.parametrize("kind", ["cwm9", None])
def test_an_unknown_kind_of_model_is_refused(folder: Path, kind: str | None) -> None:
    rewrite(folder / "config.json", model_type=kind)
    assert refused(folder).startswith(f"{folder}/config.json: transformers cannot make a model of it: ")


def test_a_repositorys_own_code_is_never_run(folder: Path) -> None:
    own = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    rewrite(folder / "config.json", model_type="own", auto_map=own)
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n", "utf-8")
    assert "custom code" in refused(folder)
    assert not (folder / "ran").exists()


def test_a_model_that_writes_no_text_is_refused(folder: Path) -> None:
    rewrite(folder / "config.json", model_type="vit", vocab_size=small().size)
    assert refused(folder).startswith(f"{folder}: transformers cannot load it: Unrecognized configuration class")


def test_a_folder_without_weights_is_refused_and_a_pickle_is_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    line = f"{folder}: no weights in {folder}: wanted *.safetensors (pickles are never read)"
    assert refused(folder) == line


@pytest.mark.parametrize("kept", [0, 20, -100])
def test_a_file_that_is_cut_off_is_named(folder: Path, kept: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    assert refused(folder).startswith(f"{file}: damaged or cut off: Error while deserializing header")


def test_a_checkpoint_of_another_model_is_refused_instead_of_filled_up_at_random(folder: Path) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    more = {**weights, "model.layers.0.self_attn.q_proj.bias": torch.ones(32)}
    save_file(more, file, metadata={"format": "pt"})
    assert refused(folder) == (
        f"{folder}: its checkpoint has, and config.json does not know, model.layers.0.self_attn.q_proj.bias: "
        "config.json is another model's"
    )
    save_file({**weights, "model.norm.weight": torch.ones(33)}, file, metadata={"format": "pt"})
    assert refused(folder) == (
        f"{folder}: its checkpoint has in another shape model.norm.weight: config.json is another model's"
    )
    less = {name: weight for name, weight in weights.items() if "mlp.up_proj" not in name}
    save_file(less, file, metadata={"format": "pt"})
    assert refused(folder) == (
        f"{folder}: its checkpoint lacks model.layers.0.mlp.up_proj.weight and 1 others: config.json is another model's"
    )


def test_a_model_with_fewer_rows_than_its_tokenizer_has_ids_is_refused(folder: Path) -> None:
    rewrite(folder / "config.json", vocab_size=small().size - 1)
    assert refused(folder) == (
        f"{folder}: its embedding has {small().size - 1} rows, its tokenizer ids up to {small().size - 1}: they do not "
        "belong together; give the tokenizer with which it was trained"
    )


def test_a_model_with_more_rows_than_its_tokenizer_has_ids_is_fine(folder: Path) -> None:
    model = load(str(folder), device="cpu").model
    model.resize_token_embeddings(small().size + 3)
    model.save_pretrained(folder)
    again = load(str(folder), device="cpu").model
    assert isinstance(again, CwmForCausalLM)
    assert again.lm_head.out_features == small().size + 3


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in (f"{tmp_path}/none", "./none", "~/none-of-this-name", "a/b/c", "owner/"):
        assert refused(name) == f"{name}: there is no such folder"


def test_a_file_is_no_folder(folder: Path) -> None:
    assert refused(folder / "config.json") == f"{folder}/config.json: is a file: give the folder that it is in"


def test_an_unknown_type_of_number_is_refused(folder: Path) -> None:
    assert refused(folder, dtype="int8") == "dtype 'int8': there are auto, fp32, bf16, fp16"


# Devices


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "", "meta", "cpu:0"])
def test_an_unknown_device_is_refused(device: str) -> None:
    assert refused("bundled", device=device) == f"device {device!r}: there are auto, cpu, cuda and cuda:N"


def test_a_gpu_that_is_not_there_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert refused("bundled", device="cuda") == (
        f"device cuda: torch finds no GPUs on this machine; torch {torch.__version__} is built without CUDA; "
        "give device cpu"
    )
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert refused("bundled", device="cuda:2") == ("device cuda:2: torch finds 2 GPUs on this machine; give device cpu")
    assert device_of("cuda:1") == torch.device("cuda", 1)


def test_a_model_goes_straight_to_its_gpu_and_says_if_it_does_not_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def from_pretrained(*_: object, device_map: object = None, **others: object) -> None:
        asked.append((device_map, others["dtype"], others["trust_remote_code"]))
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 65 GiB")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(loading, "is_accelerate_available", lambda: True)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", from_pretrained)
    assert refused(folder, dtype="fp32", device="cuda:0") == (
        f"{folder}: does not fit into the memory of cuda:0: give dtype bf16, or another device"
    )
    assert asked == [({"": torch.device("cuda", 0)}, torch.float32, False)]


@pytest.mark.parametrize(("there", "found"), [(True, "cuda"), (False, "cpu")])
def test_the_device_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, found: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert device_of("auto") == torch.device(found)
