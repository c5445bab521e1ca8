"""The frozen held-out programs, and how well a model knows what they do, with the truth as its history.

A frame is exact if every one of its tokens is the likeliest after the true tokens before it: greedy decoding from the
frame's beginning then writes just this frame, so one pass over the true sequence tells.  Knows nothing of training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from cwm_model.tokenizer import Tokenizer
from cwm_model.training.documents import Document
from tracegen import Special
from tracegen.programs.synthetic import Program, programs

SEED, COUNT = 20261121, 500
"""The held-out programs are the first so many of this seed.  No model is trained on them; the small tokenizer's merges
were found on traces of the same seed."""


def held_out(count: int = COUNT) -> list[Program]:
    """The held-out programs."""
    return list(programs(count, SEED))


def digest(held: Iterable[Program]) -> str:
    """The sha256 by which the set is frozen: of every program's code and input."""
    found = hashlib.sha256()
    for program in held:
        for text in (program.id, program.code, program.input):
            found.update(text.encode() + b"\0")
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """Counts over frames: all, exact ones, those whose source line is right; tokens, and right tokens."""

    frames: int = 0
    exact: int = 0
    lines: int = 0
    tokens: int = 0
    right: int = 0

    def __add__(self, other: Known) -> Known:
        return Known(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def rates(self) -> dict[str, float]:
        """The shares, as a log shows them."""
        frames, tokens = max(self.frames, 1), max(self.tokens, 1)
        return {
            "frames": round(self.exact / frames, 4),
            "lines": round(self.lines / frames, 4),
            "tokens": round(self.right / tokens, 4),
        }


@torch.inference_mode()
def teacher_forced(
    model: PreTrainedModel, tokenizer: Tokenizer, documents: Sequence[Document], device: str = "cpu"
) -> list[Known]:
    """What a model knows of each document, its frames told one after the other by the truth."""
    ends = tokenizer.id_of(Special.FRAME_SEP)
    action = tokenizer.id_of(Special.ACTION_SEP)
    value = tokenizer.id_of(Special.ARG_SEP)
    found = []
    for document in documents:
        ids_1N = torch.tensor([document.ids], device=device)
        logits_1NV = model(input_ids=ids_1N, use_cache=False).logits
        right = (logits_1NV[0, :-1].argmax(-1) == ids_1N[0, 1:]).tolist()
        frames = exact = lines = tokens = 0
        all_right = line_right = True
        in_line = False
        for place in range(document.context, len(document.ids)):
            id, good = document.ids[place], right[place - 1]
            tokens += 1
            all_right &= good
            if in_line:
                line_right &= good
            if id == action:
                in_line = True
            elif id in (value, ends):
                in_line = False
            if id == ends:
                frames += 1
                exact += all_right
                lines += line_right
                all_right = line_right = True
        found.append(Known(frames, exact, lines, tokens, sum(right[document.context - 1 :])))
    return found
