"""A run's model as it is given away: in bf16, in files of a bounded size, its tokenizer beside it.

Plain transformers loads both (`AutoModelForCausalLM`, `AutoTokenizer`); there, as everywhere in transformers, a text
that spells a control token becomes one, which `cwm_model.tokenizer` rules out.

    python -m cwm_model.training.export RUN/checkpoint FOLDER

Knows nothing of how it was trained.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from cwm_model.tokenizer import from_file
from tracegen import Special

LARGEST = "14MB"
"""Of a file."""


def export(checkpoint: Path, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the weights, the configuration and the tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=dtype, local_files_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, max_shard_size=LARGEST)
    tokenizer = from_file(checkpoint / "tokenizer.json")
    tokenizer.save(folder / "tokenizer.json")
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": Special.BEGIN_OF_TEXT.text,
        "eos_token": Special.END_OF_TEXT.text,
        "pad_token": Special.PAD.text,
        "model_max_length": model.config.max_position_embeddings,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="ascii")


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
