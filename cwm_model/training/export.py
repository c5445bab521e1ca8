"""A run's model as it is given away: in bf16, in files of a bounded size, loaded by plain transformers.

    python -m cwm_model.training.export RUN/checkpoint FOLDER

Knows nothing of how it was trained.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from cwm_model.tokenizer import from_file

LARGEST = "14MB"
"""Of a file."""


def export(checkpoint: Path, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the weights, the configuration and the tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=dtype, local_files_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, max_shard_size=LARGEST)
    from_file(checkpoint / "tokenizer.json").save(folder / "tokenizer.json")


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
