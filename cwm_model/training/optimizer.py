"""Muon for the matrices inside the layers, AdamW for the rest, shared out among ranks; warm-up, then a cosine.

Muon's orthogonalisation (Jordan et al. 2024, kellerjordan.github.io/posts/muon) costs as much as a tenth of a step on
CPU: every rank does it for its own share of the matrices, and sends them to the others.  Knows nothing of the loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True, slots=True)
class Rates:
    """Learning rates at their highest, the share of the run that warms up, and what is left at the end."""

    muon: float = 0.02
    adamw: float = 0.004
    warmup: float = 0.02
    floor: float = 0.02
    weight_decay: float = 0.01

    def at(self, progress: float) -> float:
        """The factor at a point of the run, from 0 to 1."""
        if progress < self.warmup:
            return max(progress / self.warmup, 0.01)
        along = min((progress - self.warmup) / (1 - self.warmup), 1.0)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * along))


class Optimizer:
    """One step for all parameters, the same on every rank afterwards."""

    def __init__(self, model: nn.Module, rates: Rates, rank: int = 0, world: int = 1) -> None:
        self._rates = rates
        self._world = world
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            inside = parameter.ndim == 2 and ".layers." in f".{name}"
            (matrices if inside else rest).append(parameter)
        self._matrices = matrices
        self._rest = rest
        mine = [matrix for number, matrix in enumerate(matrices) if number % world == rank]
        self._muon = torch.optim.Muon(mine, lr=rates.muon, weight_decay=rates.weight_decay) if mine else None
        self._adamw = torch.optim.AdamW(rest, lr=rates.adamw, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step(self, progress: float) -> None:
        """Move all parameters by their gradients, and forget these."""
        factor = self._rates.at(progress)
        nn.utils.clip_grad_norm_(self._rest, 1.0)
        if self._muon is not None:
            self._muon.param_groups[0]["lr"] = self._rates.muon * factor
            self._muon.step()
        self._adamw.param_groups[0]["lr"] = self._rates.adamw * factor
        self._adamw.step()
        for number, matrix in enumerate(self._matrices):
            if self._world > 1:
                dist.broadcast(matrix.data, src=number % self._world)
        for parameter in (*self._matrices, *self._rest):
            parameter.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """All that a later run needs, by name; every rank must ask."""
        return {name: tensor.clone() for name, tensor in self._tensors()}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """The inverse of `state`.  Raises KeyError for a state of another model."""
        for name, tensor in self._tensors():
            tensor.copy_(state[name])

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for number, matrix in enumerate(self._matrices):
            owner = number % self._world
            buffer = torch.zeros_like(matrix)
            if self._muon is not None and any(matrix is mine for mine in self._muon.param_groups[0]["params"]):
                buffer = self._muon.state[matrix].setdefault("momentum_buffer", buffer)
            if self._world > 1:
                dist.broadcast(buffer, src=owner)
            yield f"muon.{number}", buffer
        for number, parameter in enumerate(self._rest):
            held = self._adamw.state[parameter]
            # Fused, AdamW counts where the parameter is.
            held.setdefault("step", torch.tensor(0.0, device=parameter.device))
            for key in ("exp_avg", "exp_avg_sq"):
                held.setdefault(key, torch.zeros_like(parameter))
            for key in ("step", "exp_avg", "exp_avg_sq"):
                yield f"adamw.{number}.{key}", held[key]
