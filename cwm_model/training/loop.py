"""The training loop of one rank: rows in, weights out; what every rank does alike, and what rank 0 writes down.

Knows nothing of where documents come from, or of how ranks are started: see train.py.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from transformers import PreTrainedModel

from cwm_model.tokenizer import Tokenizer
from cwm_model.training import checkpoint
from cwm_model.training.batch import Batch
from cwm_model.training.checkpoint import Progress, Stream
from cwm_model.training.documents import Document
from cwm_model.training.optimizer import Optimizer, Rates
from cwm_model.training.packing import Packer
from tracegen import CannotRun

LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Budget:
    """When a run is over: after so many tokens, or minutes of the clock, whichever comes first."""

    tokens: int | None = None
    minutes: float | None = None

    def spent(self, progress: Progress) -> float:
        """The share that is spent, from 0 to 1."""
        shares = [0.0]
        if self.tokens is not None:
            shares.append(progress.tokens / self.tokens)
        if self.minutes is not None:
            shares.append(progress.seconds / (60 * self.minutes))
        return min(max(shares), 1.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes: its budget, its rates, rows and their length, and how often it looks up."""

    budget: Budget
    rates: Rates = field(default_factory=Rates)
    row: int = 4096
    rows: int = 1
    context_too: bool = False
    save_minutes: float = 5.0
    look_minutes: float = 15.0
    dtype: str = "bf16"


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this is, and on what it computes."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"

    def total(self, *values: float) -> list[float]:
        """The sums over all ranks."""
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        if self.world > 1:
            dist.all_reduce(tensor)
        return [float(value) for value in tensor]

    def latest(self, value: float) -> float:
        """Rank 0's value, on all of them: clocks differ."""
        tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        if self.world > 1:
            dist.broadcast(tensor, src=0)
        return float(tensor)


Forward = Callable[[Batch], torch.Tensor]
Look = Callable[[PreTrainedModel], dict[str, float]]


def train(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    documents: Iterator[tuple[int, Document]],
    plan: Plan,
    run: Path,
    *,
    ranks: Ranks,
    begun: Progress,
    waiting: Stream | None,
    settings: dict[str, object],
    forward: Forward,
    look: Look | None = None,
    say: Callable[[dict[str, object]], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train until the budget is spent or somebody wants it stopped; the state is saved at the end, and now and then.

    ``settings`` are written beside the state.  ``look`` measures the model on held-out programs (rank 0 only).
    ``say`` hears every line of the log.  A run that is over stays as it is.  Raises CannotRun for an optimizer's state
    of another model, and once the loss or the weights are no numbers any more: the last state stays.
    """
    if begun.step and plan.budget.spent(begun) >= 1:
        return begun
    optimizer = Optimizer(model, plan.rates, ranks.rank, ranks.world)
    folder = checkpoint.found(run)
    if folder is not None and begun.step:
        try:
            optimizer.restore(checkpoint.load_optimizer(folder))
        except (KeyError, RuntimeError) as error:
            raise CannotRun(f"{folder}/optimizer.safetensors: is another model's: {error}") from None
    counted = _Counted(documents, waiting)
    packer = Packer(plan.row, iter(counted), list(waiting.waiting) if waiting else None)
    progress = begun
    log = _Log(run / LOG, ranks.rank == 0, say)
    log.cut(begun.step)
    # Rank 0's clock here too: ranks that begin a moment apart would save at different steps, and wait for ever.
    start = saved = looked = ranks.latest(time.monotonic())
    model.train()
    while True:
        started = time.monotonic()
        rows = [Batch.of(row, context_too=plan.context_too) for _ in range(plan.rows) if (row := packer.row())]
        rows_everywhere, learned = ranks.total(len(rows), sum(len(batch.learned_L) for batch in rows))
        if not rows_everywhere:
            # The documents are at an end.
            if progress.step > begun.step:
                _check_weights(model, progress)
                _save(run, model, tokenizer, optimizer, progress, counted, packer, settings, ranks)
            break
        loss = 0.0
        with _precision(plan.dtype, ranks.device):
            for batch in rows:
                share = F.cross_entropy(forward(batch).float(), batch.targets_L.to(ranks.device), reduction="sum")
                (share / learned).backward()
                loss += float(share.detach())
        loss, tokens = ranks.total(loss / learned, sum(len(batch.ids_N) for batch in rows))
        if not math.isfinite(loss):
            raise CannotRun(_diverged(progress))
        _share_gradients(model, ranks)
        optimizer.step(plan.budget.spent(progress))
        now = ranks.latest(time.monotonic())
        seconds = ranks.latest(now - started)
        progress = Progress(progress.step + 1, progress.tokens + int(tokens), begun.seconds + now - start)
        spent = plan.budget.spent(progress)
        log.step(progress, loss, plan.rates.at(spent), tokens / seconds, spent)
        over = spent >= 1 or bool(ranks.total(float(stopped()))[0])
        if over or now - saved > 60 * plan.save_minutes:
            _check_weights(model, progress)
            _save(run, model, tokenizer, optimizer, progress, counted, packer, settings, ranks)
            saved = now
        # Behind the last state: a machine that is lent for a time may be gone before this is done.
        if look is not None and (over or now - looked > 60 * plan.look_minutes):
            if ranks.rank == 0:
                model.train(False)
                log.look(progress, look(model))
                model.train()
            looked = now
        if over:
            break
    model.train(False)
    return progress


class _Counted:
    """Remembers which number comes next."""

    def __init__(self, documents: Iterator[tuple[int, Document]], waiting: Stream | None) -> None:
        self._documents = documents
        self.next = waiting.next if waiting else 0

    def __iter__(self) -> Iterator[Document]:
        for number, document in self._documents:
            self.next = number + 1
            yield document


def _diverged(progress: Progress) -> str:
    return (
        f"step {progress.step + 1}: the loss is no number any more: give lower rates (--muon, --adamw; --change to go "
        "on from the last state that was saved, which stays as it is)"
    )


def _check_weights(model: PreTrainedModel, progress: Progress) -> None:
    """What is saved can be gone on with: the loss of the next step would be the first to tell."""
    if not all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters()):
        raise CannotRun(_diverged(progress))


def _save(
    run: Path,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    optimizer: Optimizer,
    progress: Progress,
    counted: _Counted,
    packer: Packer,
    settings: dict[str, object],
    ranks: Ranks,
) -> None:
    state = optimizer.state()
    checkpoint.save_stream(run, ranks.rank, Stream(counted.next, tuple(packer.waiting)))
    if ranks.world > 1:
        dist.barrier()
    if ranks.rank == 0:
        checkpoint.save(run, model, tokenizer, state, progress, settings)
    if ranks.world > 1:
        dist.barrier()


def _share_gradients(model: PreTrainedModel, ranks: Ranks) -> None:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    if ranks.world == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def _precision(dtype: str, device: str) -> AbstractContextManager[object]:
    if dtype == "fp32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)


class _Log:
    """The log of a run: a line a step in ``log.jsonl``, written by rank 0."""

    def __init__(self, path: Path, writes: bool, say: Callable[[dict[str, object]], None]) -> None:
        self._path = path
        self._writes = writes
        self._say = say

    def cut(self, step: int) -> None:
        """Take away what stands behind a step: a run that was killed goes on from its last state, and logs it anew."""
        if not self._writes or not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if (known := _step_of(line)) is not None and known <= step]
        if kept != lines:
            aside = self._path.with_suffix(".new")
            aside.write_text("".join(kept), encoding="utf-8")
            aside.replace(self._path)

    def step(self, progress: Progress, loss: float, rate: float, speed: float, spent: float) -> None:
        left = progress.seconds * (1 - spent) / spent if spent else 0.0
        self._line(
            {
                "step": progress.step,
                "tokens": progress.tokens,
                "seconds": round(progress.seconds, 1),
                "loss": round(loss, 5),
                "rate": round(rate, 4),
                "tokens_per_second": round(speed),
                "left_seconds": round(left),
            }
        )

    def look(self, progress: Progress, found: dict[str, float]) -> None:
        self._line({"step": progress.step, "tokens": progress.tokens, "held_out": found})

    def _line(self, line: dict[str, object]) -> None:
        if self._writes:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            self._say(line)


def _step_of(line: str) -> int | None:
    """The step of a line; None for one that was broken off."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None
