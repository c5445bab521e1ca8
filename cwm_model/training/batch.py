"""A packed row as tensors: ids, positions that begin afresh in each document, and which tokens are learned.

N tokens of a row   L positions whose next token is learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from cwm_model.training.documents import Document


@dataclass(frozen=True, slots=True)
class Batch:
    """One row.  ``bounds`` are the starts of its documents and the end of the last one."""

    ids_N: torch.Tensor
    positions_N: torch.Tensor
    bounds: torch.Tensor
    learned_L: torch.Tensor
    targets_L: torch.Tensor

    @classmethod
    def of(cls, row: Sequence[Document], *, context_too: bool = False) -> Batch:
        """A row of documents; ``context_too``: the source before a trace is learned as well."""
        ids: list[int] = []
        positions: list[int] = []
        bounds = [0]
        learned: list[int] = []
        for document in row:
            first = 1 if context_too else document.context
            learned += range(len(ids) + first - 1, len(ids) + len(document) - 1)
            ids += document.ids
            positions += range(len(document))
            bounds.append(len(ids))
        ids_N = torch.tensor(ids)
        learned_L = torch.tensor(learned)
        return cls(ids_N, torch.tensor(positions), torch.tensor(bounds), learned_L, ids_N[learned_L + 1])

    def padded(self, length: int, pad: int) -> Batch:
        """The same, filled up to a length with a document of pads, of which nothing is learned."""
        missing = length - len(self.ids_N)
        return replace(
            self,
            ids_N=torch.cat([self.ids_N, torch.full((missing,), pad)]),
            positions_N=torch.cat([self.positions_N, torch.arange(missing)]),
            bounds=torch.cat([self.bounds, torch.tensor([length] if missing else [], dtype=torch.long)]),
        )
