"""A folder with a model of two layers and the small tokenizer, and what `load` says of one that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CwmConfig, CwmForCausalLM

from cwm_model.loading import load
from cwm_model.presets import ControlIds, tiny
from cwm_model.tokenizer import small
from tracegen import CannotRun, Special


def shape() -> CwmConfig:
    tokenizer = small()
    return tiny(
        tokenizer.size,
        ControlIds(
            bos=tokenizer.id_of(Special.BEGIN_OF_TEXT),
            eos=(tokenizer.id_of(Special.END_OF_TEXT),),
            pad=tokenizer.id_of(Special.PAD),
        ),
    )


def write(folder: Path) -> Path:
    """Random weights, in bf16."""
    torch.manual_seed(0)
    CwmForCausalLM(shape()).bfloat16().save_pretrained(folder)
    small().save(folder / "tokenizer.json")
    return folder


def refused(name: str | Path, *, dtype: str = "auto", device: str = "cpu") -> str:
    with pytest.raises(CannotRun) as refusal:
        load(str(name), dtype=dtype, device=device)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)
