"""A run's state on disk, whole or not at all: weights, optimizer, documents that wait, counters.

The folder is one that transformers loads.  Nothing in it is pickled.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from cwm_model.tokenizer import Tokenizer
from cwm_model.training.documents import Document
from tracegen import CannotRun

FOLDER = "checkpoint"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: optimizer steps, tokens seen by all ranks together, seconds spent."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Where one rank stands in its documents: the next number, and those that wait to be packed."""

    next: int
    waiting: tuple[Document, ...]


def save(
    run: Path,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    optimizer: dict[str, torch.Tensor],
    progress: Progress,
    settings: dict[str, object],
) -> None:
    """Write the state of rank 0, beside the ranks' streams that are there (`save_stream`)."""
    new = run / f"{FOLDER}.new"
    new.mkdir(exist_ok=True)
    model.save_pretrained(new)
    tokenizer.save(new / "tokenizer.json")
    save_file(optimizer, new / "optimizer.safetensors")
    text = json.dumps({"progress": asdict(progress), "settings": settings}, indent=1)
    (new / "state.json").write_text(text + "\n", encoding="utf-8")
    for path in new.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    old = run / f"{FOLDER}.old"
    shutil.rmtree(old, ignore_errors=True)
    if (run / FOLDER).exists():
        os.rename(run / FOLDER, old)
    os.rename(new, run / FOLDER)
    shutil.rmtree(old, ignore_errors=True)


def save_stream(run: Path, rank: int, stream: Stream) -> None:
    """Write where a rank stands; before `save`, into the folder that it will put in place."""
    new = run / f"{FOLDER}.new"
    new.mkdir(exist_ok=True)
    ids = [id for document in stream.waiting for id in document.ids]
    tensors = {
        "ids": torch.tensor(ids, dtype=torch.int32),
        "lengths": torch.tensor([len(document) for document in stream.waiting], dtype=torch.int32),
        "contexts": torch.tensor([document.context for document in stream.waiting], dtype=torch.int32),
        "next": torch.tensor([stream.next]),
    }
    save_file(tensors, new / f"stream-{rank}.safetensors")


def load_stream(run: Path, rank: int) -> Stream:
    """The inverse of `save_stream`, from the folder in place.  Raises CannotRun."""
    path = run / FOLDER / f"stream-{rank}.safetensors"
    if not path.exists():
        raise CannotRun(f"{path}: not there; a run goes on with as many ranks as it was begun with")
    try:
        tensors = load_file(path)
        ids, lengths, contexts, following = (tensors[name].tolist() for name in ("ids", "lengths", "contexts", "next"))
        waiting = []
        at = 0
        for length, context in zip(lengths, contexts, strict=True):
            waiting.append(Document(tuple(ids[at : at + length]), context))
            at += length
        return Stream(int(following[0]), tuple(waiting))
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise CannotRun(f"{path}: cannot be read: {error}") from None


def found(run: Path) -> Path | None:
    """The folder of a run's last whole state, if there is one."""
    for name in (FOLDER, f"{FOLDER}.old"):
        if (run / name / "state.json").exists():
            if name != FOLDER:
                os.rename(run / name, run / FOLDER)
            return run / FOLDER
    return None


def load_progress(folder: Path) -> tuple[Progress, dict[str, object]]:
    """How far a run is, and with which settings it was begun.  Raises CannotRun."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return Progress(**state["progress"]), dict(state["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{folder / 'state.json'}: cannot be read: {error}") from None


def load_optimizer(folder: Path) -> dict[str, torch.Tensor]:
    """The optimizer's state.  Raises CannotRun."""
    try:
        return load_file(folder / "optimizer.safetensors")
    except (OSError, SafetensorError) as error:
        raise CannotRun(f"{folder / 'optimizer.safetensors'}: cannot be read: {error}") from None
