"""What a run begins with: a new model of a preset's shape, or one that exists, and the tokenizer that fits.

A model without CWM's control tokens gets them: new rows of its embedding, each the mean of what the token's words would
be.  Knows nothing of data.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import CwmConfig, CwmForCausalLM, PreTrainedModel

from cwm_model import loading
from cwm_model.presets import ControlIds, bundled, tiny
from cwm_model.tokenizer import Tokenizer, read, small, with_control_tokens
from tracegen import Special

PRESETS: dict[str, Callable[[int, ControlIds], CwmConfig]] = {"bundled": bundled, "tiny": tiny}
"""The shapes that a run can begin anew, with the small tokenizer."""

ROWS = 64
"""The embedding's rows are a multiple of this."""


def fresh(preset: str, seed: int) -> tuple[PreTrainedModel, Tokenizer]:
    """A new model: the matrices that write into the residual stream begin smaller, as in GPT-2."""
    tokenizer = small()
    torch.manual_seed(seed)
    model = CwmForCausalLM(PRESETS[preset](_rows(tokenizer.size), control_ids(tokenizer)))
    with torch.no_grad():
        for layer in model.model.layers:
            for matrix in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                matrix.mul_((2 * len(model.model.layers)) ** -0.5)
    return model, tokenizer


def existing(name: str, seed: int) -> tuple[PreTrainedModel, Tokenizer]:
    """A model that exists, with control tokens: `loading.load`'s names.  Raises CannotRun."""
    folder = loading.locate(name)
    backend = read(folder / "tokenizer.json")
    tokenizer = with_control_tokens(backend, name)
    model = loading.load_model(name, dtype="fp32", device="cpu")
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, torch.nn.Embedding)
    known = backend.get_vocab(with_added_tokens=True)
    new = [special for special in Special if special.text not in known]
    torch.manual_seed(seed)
    if embedding.num_embeddings < tokenizer.size:
        model.resize_token_embeddings(_rows(tokenizer.size), mean_resizing=False)
    _initialise(model, tokenizer, new)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.id_of(Special.PAD)
    ends = model.config.eos_token_id
    ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    model.config.eos_token_id = list(dict.fromkeys([*ends, tokenizer.id_of(Special.END_OF_TEXT)]))
    return model, tokenizer


def control_ids(tokenizer: Tokenizer) -> ControlIds:
    """The ids that a configuration names."""
    return ControlIds(
        tokenizer.id_of(Special.BEGIN_OF_TEXT), (tokenizer.id_of(Special.END_OF_TEXT),), tokenizer.id_of(Special.PAD)
    )


@torch.no_grad()
def _initialise(model: PreTrainedModel, tokenizer: Tokenizer, new: list[Special]) -> None:
    """New control tokens begin as the mean of their words ("call sep"), a little apart from each other."""
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    for module in {model.get_input_embeddings(), output}:
        weight = getattr(module, "weight", None)
        if not isinstance(weight, torch.Tensor):
            continue
        for special in new:
            words = tokenizer.encode([special.text.strip("<|>").replace("_", " ")])
            mean = weight[words].mean(0)
            weight[tokenizer.id_of(special)] = mean + 0.1 * mean.std() * torch.randn_like(mean)


def _rows(size: int) -> int:
    return -(-size // ROWS) * ROWS
