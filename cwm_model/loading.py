"""A model and its tokenizer by name: the bundled one, a folder's, or the hub's; every obstacle is one line.

Reads safetensors only, and never runs a repository's code.  Knows nothing of decoding or training.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils.import_utils import is_accelerate_available

from cwm_model.presets import as_cwm, checked
from cwm_model.tokenizer import BUNDLED, Tokenizer, load_tokenizer
from tracegen import CannotRun, Special

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
INDEX = "model.safetensors.index.json"

# The error of the HTTP library, whichever this version of the hub is built on, and OSError: a transfer that breaks off,
# an answer that is no file, a full disk.
_TRANSFER = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to predict (in eval mode), its tokenizer, and what was asked for."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    name: str
    dtype: torch.dtype
    device: torch.device


def load(name: str, *, dtype: str = "auto", device: str = "auto") -> Loaded:
    """The model ``name``: "bundled", a folder, or an owner/name of the hub, with the tokenizer that belongs to it.

    ``dtype``: fp32, bf16, fp16, or as it was stored (auto).  ``device``: cpu, cuda, cuda:N, or a GPU where there is
    one (auto).  Raises CannotRun, before any weights are fetched if that can be told from the smaller files.
    """
    where = device_of(device)
    folder = locate(name)
    tokenizer = load_tokenizer(str(folder))
    config = _config(folder, pad=tokenizer.id_of(Special.PAD))
    rows = getattr(config, "vocab_size", 0)
    if rows < tokenizer.size:
        raise CannotRun(
            f"{name}: its embedding has {rows} rows, its tokenizer ids up to {tokenizer.size - 1}: they do not belong "
            "together; give the tokenizer with which it was trained"
        )
    model = _model(name, folder, config, dtype, where)
    return Loaded(model=model, tokenizer=tokenizer, name=name, dtype=model.dtype, device=where)


def load_model(name: str, *, dtype: str = "auto", device: str = "auto") -> PreTrainedModel:
    """The model alone, as `load` finds it: to train from one whose tokenizer has no control tokens yet."""
    where = device_of(device)
    folder = locate(name)
    return _model(name, folder, _config(folder, pad=None), dtype, where)


def device_of(asked: str) -> torch.device:
    """The device of this name; "auto" is a GPU where there is one.  Raises CannotRun if it is not there."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", asked):
        raise CannotRun(f"device {asked!r}: there are auto, cpu, cuda and cuda:N")
    device, count = torch.device(asked), torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        built = "" if torch.version.cuda else f"; torch {torch.__version__} is built without CUDA"
        raise CannotRun(f"device {asked}: torch finds {count or 'no'} GPUs on this machine{built}; give device cpu")
    return device


def locate(name: str) -> Path:
    """The folder of a model; of the hub's, what is small is fetched: its configuration and its tokenizer."""
    if name == "bundled":
        return BUNDLED
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CannotRun(f"{name}: is a file: give the folder that it is in")
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or name.endswith("/"):
        raise CannotRun(f"{name}: there is no such folder")
    return _fetched(name, "*.json")


def _fetched(name: str, pattern: str) -> Path:
    with _hub_refusals(name):
        # Files in folders are other formats of the same weights, such as Llama's original/.
        return Path(snapshot_download(name, allow_patterns=pattern, ignore_patterns="*/*"))


@contextmanager
def _hub_refusals(name: str) -> Iterator[None]:
    """What the hub says becomes one line, and says what to do."""
    page = f"{constants.ENDPOINT}/{name}"
    try:
        yield
    except GatedRepoError:
        raise CannotRun(
            f"{name}: gated: accept its licence at {page}, and give a token of that account (`hf auth login`, or "
            "HF_TOKEN)"
        ) from None
    except RepositoryNotFoundError:
        raise CannotRun(
            f"{name}: neither a folder here nor a repository at {page}: look at the spelling; if it is private, give a "
            "token (`hf auth login`, or HF_TOKEN)"
        ) from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        # Also what the hub raises if it was answered, and not well.
        why = f"{constants.ENDPOINT} cannot be reached"
        if isinstance(error.__cause__, HfHubHTTPError):
            why = f"{page} answered {error.__cause__.response.status_code}: {_line(error.__cause__)}"
        elif constants.HF_HUB_OFFLINE:
            why = "HF_HUB_OFFLINE is set"
        raise CannotRun(
            f"{name}: no folder here, not (wholly) in the cache {constants.HF_HUB_CACHE}, and {why}; give a folder, or "
            "go online once"
        ) from None
    except HFValidationError:
        raise CannotRun(f"{name!r}: neither a folder here nor an owner/name of the hub") from None
    except _TRANSFER as error:
        raise CannotRun(f"{name}: was not fetched: {_line(error)}; try again: what came is kept") from None


def _config(folder: Path, *, pad: int | None) -> PreTrainedConfig:
    """The configuration of a folder; a Cwm's is checked, and gets the tokenizer's pad id where it has none."""
    path = folder / "config.json"
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CannotRun(f"{path}: is missing: give a folder that transformers' save_pretrained has written") from None
    except (OSError, ValueError) as error:
        raise CannotRun(f"{path}: cannot be read as JSON: {_line(error)}") from None
    if not isinstance(said, dict):
        raise CannotRun(f"{path}: wanted an object with the model's settings, found {type(said).__name__}")
    if said.get("model_type") == "llama" and said.get("layer_types") is not None:
        # As facebook/cwm was released, for vLLM; transformers' own Llama ignores layer_types.
        said = as_cwm(said, where=str(path))
    if said.get("model_type") == "cwm":
        if said.get("pad_token_id") is None and pad is not None:
            said = {**said, "pad_token_id": pad}
        return checked(said, where=str(path))
    try:
        return cast(PreTrainedConfig, AutoConfig.from_pretrained(folder, trust_remote_code=False))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path}: transformers cannot make a model of it: {_line(error)}") from None


def _model(name: str, folder: Path, config: PreTrainedConfig, dtype: str, device: torch.device) -> PreTrainedModel:
    if dtype != "auto" and dtype not in DTYPES:
        raise CannotRun(f"dtype {dtype!r}: there are auto, {', '.join(DTYPES)}")
    if name != "bundled" and not Path(name).expanduser().is_dir():
        folder = _fetched(name, "*.safetensors")
    _check_weights(name, folder)
    # Without accelerate, a model goes through the machine's own memory on its way to a GPU.
    placed = {"device_map": {"": device}} if device.type == "cuda" and is_accelerate_available() else {}
    try:
        model, found = cast(
            "tuple[PreTrainedModel, dict[str, set[object]]]",
            AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                # Loading in this type, unlike casting later, leaves the positions' frequencies in fp32.
                dtype=DTYPES.get(dtype, "auto"),
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **placed,
            ),
        )
        if not placed:
            torch.nn.Module.to(model, device)
    except torch.OutOfMemoryError:
        raise CannotRun(
            f"{name}: does not fit into the memory of {device}: give dtype bf16, or another device"
        ) from None
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise CannotRun(f"{name}: transformers cannot load it: {_line(error)}") from None
    # All of these are only warnings in transformers: what is missing is drawn at random.
    for kind, what in (
        ("missing_keys", "lacks"),
        ("mismatched_keys", "has in another shape"),
        ("unexpected_keys", "has, and config.json does not know,"),
    ):
        if names := sorted(str(each[0] if isinstance(each, tuple) else each) for each in found[kind]):
            others = f" and {len(names) - 1} others" if len(names) > 1 else ""
            raise CannotRun(f"{folder}: its checkpoint {what} {names[0]}{others}: config.json is another model's")
    return model


def _check_weights(name: str, folder: Path) -> None:
    """That the weights are there, whole: transformers would name no file, or offer to read a pickle."""
    files = {path.name for path in folder.glob("*.safetensors")}
    if not files:
        raise CannotRun(f"{name}: no weights in {folder}: wanted *.safetensors (pickles are never read)")
    for file in sorted(files):
        try:
            with safe_open(folder / file, framework="pt") as opened:
                opened.keys()
        except (SafetensorError, OSError) as error:
            raise CannotRun(f"{folder / file}: damaged or cut off: {_line(error)}; fetch it again") from None
    if (folder / INDEX).exists():
        try:
            wanted = set(json.loads((folder / INDEX).read_bytes())["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise CannotRun(f"{folder / INDEX}: is no index of weights; fetch it again") from None
        if lacking := sorted(wanted - files):
            raise CannotRun(f"{folder}: {lacking[0]} is missing, and {INDEX} names it; fetch it again")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
