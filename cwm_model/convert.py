"""Meta's checkpoints as transformers' and back: names, the order of rows, folders; a tensor at a time.

A 65 GB model is never in memory: each tensor is read, turned, and written with its shard.  Knows nothing of running a
model, nor of its tokenizer: copy its files beside the weights yourself.

Shapes: O rows of a projection (heads times head size), C the hidden size, D the head size.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import CwmConfig, CwmForCausalLM

from cwm_model.params import config_of, params_of
from cwm_model.presets import CWM_IDS, ControlIds, as_cwm, checked
from tracegen import CannotRun

# github.com/facebookresearch/cwm, cwm/model/transformer.py at 7930e029, against transformers' modeling_cwm.py.
_OUTSIDE = {"tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head"}
_INSIDE = {
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w3": "mlp.up_proj",
    "feed_forward.w2": "mlp.down_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_TURNED = {"self_attn.q_proj", "self_attn.k_proj"}
_FROM_META = {**_OUTSIDE, **{f"layers.#.{meta}": f"model.layers.#.{hf}" for meta, hf in _INSIDE.items()}}
_TO_META = {hf: meta for meta, hf in _FROM_META.items()}


def to_hf(name: str, weight: torch.Tensor, config: CwmConfig) -> tuple[str, torch.Tensor]:
    """A tensor of Meta's checkpoint as transformers names and orders it.  Raises CannotRun for an unknown name."""
    found = _renamed(name, _FROM_META)
    return found, (pairs_to_halves(weight, config.head_dim) if _is_turned(found) else weight)


def to_meta(name: str, weight: torch.Tensor, config: CwmConfig) -> tuple[str, torch.Tensor]:
    """The inverse of `to_hf`."""
    return _renamed(name, _TO_META), (halves_to_pairs(weight, config.head_dim) if _is_turned(name) else weight)


def pairs_to_halves(weight_OC: torch.Tensor, head_dim: int) -> torch.Tensor:
    """The rows of a query or key projection, from the order in which Meta rotates them to that of transformers.

    In a head, Meta rotates row 2i with row 2i+1, transformers row i with row i+D/2.

    >>> pairs_to_halves(torch.arange(8).view(8, 1), head_dim=4).flatten().tolist()
    [0, 2, 1, 3, 4, 6, 5, 7]
    """
    return _swapped(weight_OC, head_dim // 2, 2)


def halves_to_pairs(weight_OC: torch.Tensor, head_dim: int) -> torch.Tensor:
    """The inverse of `pairs_to_halves`."""
    return _swapped(weight_OC, 2, head_dim // 2)


def _swapped(weight_OC: torch.Tensor, outer: int, inner: int) -> torch.Tensor:
    rows, columns = weight_OC.shape
    return weight_OC.reshape(-1, outer, inner, columns).transpose(1, 2).reshape(rows, columns)


def _is_turned(hf_name: str) -> bool:
    return any(f".{part}." in hf_name for part in _TURNED)


def _renamed(name: str, names: Mapping[str, str]) -> str:
    stem, dot, kind = name.rpartition(".")
    layer = re.search(r"(?<=layers\.)\d+(?=\.)", stem)
    number = layer[0] if layer else "#"
    found = names.get(re.sub(r"(?<=layers\.)\d+(?=\.)", "#", stem)) if kind == "weight" else None
    if found is None:
        raise CannotRun(f"{name}: no tensor of this name is in the model; this is another model's checkpoint")
    return found.replace("#", number) + dot + kind


def _inner(values: Mapping[str, object], key: str) -> Mapping[str, object]:
    inner = values.get(key, values)
    return inner if isinstance(inner, Mapping) else {}


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor in a file, not read yet."""

    name: str
    shape: tuple[int, ...]
    file: Path
    read: Callable[[], torch.Tensor]


def folder_to_hf(
    source: Path, target: Path, *, ids: ControlIds = CWM_IDS, shard_bytes: int = 5_000_000_000
) -> CwmConfig:
    """Write transformers' folder of Meta's: params.json and weights become config.json and sharded safetensors.

    ``target`` is a folder that is new or empty; its config.json comes last, so that what was cut off cannot be loaded.
    Raises CannotRun before anything is written if a tensor is missing, unknown, there twice or of another shape.
    """
    config = config_of(_json(source / "params.json"), ids, where=str(source / "params.json"))
    stored = _stored(source)
    _check_whole(source, [(_renamed(each.name, _FROM_META), each) for each in stored], config)
    with _writing(target):
        config.architectures = ["CwmForCausalLM"]
        config.dtype = _write(target, (to_hf(each.name, each.read(), config) for each in stored), shard_bytes)
        config.to_json_file(target / "config.json")
    return config


def folder_to_meta(source: Path, target: Path, *, shard_bytes: int = 5_000_000_000) -> CwmConfig:
    """The inverse of `folder_to_hf`: Meta's names, order of rows and params.json, in sharded safetensors.

    Meta's own code reads torch's distributed checkpoints: `torch.distributed.checkpoint.format_utils` makes them.
    """
    path = source / "config.json"
    said = _json(path)
    config = checked(as_cwm(said, where=str(path)) if said.get("model_type") == "llama" else said, where=str(path))
    params = params_of(config)
    stored = _stored(source)
    _check_whole(source, [(each.name, each) for each in stored], config)
    with _writing(target):
        _write(target, (to_meta(each.name, each.read(), config) for each in stored), shard_bytes)
        (target / "params.json").write_text(json.dumps(params, indent=2) + "\n", "utf-8")
    return config


def _json(path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CannotRun(f"{path}: {error.strerror}: a checkpoint's folder has one; give that folder") from None
    except ValueError as error:
        raise CannotRun(f"{path}: is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise CannotRun(f"{path}: wanted an object with the model's settings")
    return found


def _stored(folder: Path) -> list[_Stored]:
    """The tensors of a folder, in the order of their files."""
    if [*folder.glob("*.distcp"), *folder.glob(".metadata")]:
        # Meta publishes these; their index is a pickle, which is code.
        raise CannotRun(
            f"{folder}: a distributed checkpoint, whose index is a pickle, which is never read here: if you trust it, "
            f"run `python -m torch.distributed.checkpoint.format_utils dcp_to_torch {folder} NEW/model.pth`, copy "
            "params.json into NEW, and give NEW"
        )
    if len(list(folder.glob("consolidated.*.pth"))) > 1:
        raise CannotRun(f"{folder}: consolidated.*.pth are slices for several GPUs: join them into one file first")
    if tensors := sorted(folder.glob("*.safetensors")):
        return [each for file in tensors for each in _in_safetensors(file)]
    if pickles := sorted([*folder.glob("*.pth"), *folder.glob("*.pt")]):
        return [each for file in pickles for each in _in_torch_file(file)]
    raise CannotRun(f"{folder}: holds no weights: wanted *.safetensors, *.pth or *.pt")


def _in_safetensors(file: Path) -> Iterator[_Stored]:
    try:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - no mapping
                yield _Stored(name, tuple(opened.get_slice(name).get_shape()), file, partial(_read, file, name))
    except SafetensorError as error:
        raise CannotRun(f"{file}: damaged or cut off: {error}; fetch it again") from None


def _read(file: Path, name: str) -> torch.Tensor:
    with safe_open(file, framework="pt") as opened:
        found: torch.Tensor = opened.get_tensor(name)
    return found


def _in_torch_file(file: Path) -> Iterator[_Stored]:
    try:
        found = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise CannotRun(f"{file}: no file of plain tensors that torch can map: {str(error).splitlines()[0]}") from None
    # What dcp_to_torch makes of Meta's checkpoints has one more level.
    for name, weight in _inner(found if isinstance(found, dict) else {"": found}, "model").items():
        if not isinstance(weight, torch.Tensor):
            raise CannotRun(f"{file}: {name!r} is no tensor but {type(weight).__name__}: wanted weights only")
        yield _Stored(name, tuple(weight.shape), file, weight.detach)


def _check_whole(folder: Path, named: Iterable[tuple[str, _Stored]], config: CwmConfig) -> None:
    with torch.device("meta"):
        wanted = {name: tuple(weight.shape) for name, weight in CwmForCausalLM(config).state_dict().items()}
    if config.tie_word_embeddings:
        wanted.pop("lm_head.weight", None)
    for name, each in named:
        shape = wanted.pop(name, None)
        if shape is None:
            raise CannotRun(f"{each.file}: {each.name}: there twice, or of a layer that the model does not have")
        if shape != each.shape:
            raise CannotRun(f"{each.file}: {each.name}: wanted the shape {shape}, found {each.shape}")
    if wanted:
        name = min(wanted)
        raise CannotRun(f"{folder}: {len(wanted)} tensors are missing, {_renamed(name, _TO_META)} ({name}) for one")


def _write(target: Path, tensors: Iterable[tuple[str, torch.Tensor]], shard_bytes: int) -> torch.dtype | None:
    """Write shards and their index, named as transformers names them; says of what type the tensors are."""
    held: dict[str, torch.Tensor] = {}
    files: list[list[str]] = []
    size = total = 0
    dtype: torch.dtype | None = None

    def flush() -> None:
        nonlocal size
        files.append(list(held))
        save_file(held, target / f"model-{len(files):05d}.partial", metadata={"format": "pt"})
        held.clear()
        size = 0

    for name, weight in tensors:
        if held and size + weight.nbytes > shard_bytes:
            flush()
        held[name] = weight.contiguous()
        dtype = weight.dtype
        size, total = size + weight.nbytes, total + weight.nbytes
    flush()
    shards = [f"model-{number:05d}-of-{len(files):05d}.safetensors" for number in range(1, len(files) + 1)]
    for number, shard in enumerate(shards, 1):
        (target / f"model-{number:05d}.partial").rename(target / shard)
    where = {name: shard for shard, names in zip(shards, files, strict=True) for name in names}
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    return dtype


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise CannotRun(f"{target}: is not empty: give a new folder")
        yield
    except (OSError, SafetensorError) as error:
        raise CannotRun(
            f"{target}: the conversion stopped: {error}; remove this folder, mend that, begin again"
        ) from None
