"""A training run: which model, which documents, how many ranks; begun, or gone on with where it stopped.

On CPU a rank is a process with one thread of its own, and the ranks share gradients with gloo: two of them are faster
than one with two threads.  On CUDA a rank is a GPU; several are started by torchrun.  Knows nothing of a step: see
training/loop.py.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import ProcessExitedException, start_processes
from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from cwm_model import held_out, loading
from cwm_model.tokenizer import Tokenizer, from_file
from cwm_model.training import beginning, checkpoint, document_attention
from cwm_model.training.batch import Batch
from cwm_model.training.checkpoint import Progress, Stream
from cwm_model.training.corpus import Making, Mixture, documents, fingerprints, steady_hashes, without_interrupts
from cwm_model.training.documents import Document, Form
from cwm_model.training.loop import LOG, Forward, Plan, Ranks, train
from cwm_model.training.stored import Stored
from tracegen import CannotRun


@dataclass(frozen=True, slots=True)
class Training:
    """What a run is to be: where it writes, its plan, what it begins with and learns from, and who works on it.

    ``begin``: a preset's name, or with ``existing`` a model's (`loading.load`).  ``data`` are data sets; without any,
    programs are made on the fly as ``mixture`` says.  ``shun`` are JSON-lines files with programs under ``code`` that
    must not be learned, whatever their names are; the held-out ones never are.  ``looked_at``: how many held-out
    programs are looked at while it runs.  ``changing``: a run that was begun with another plan, mixture or other data
    goes on with these, and its log says so (a curriculum).  ``ranks`` and ``workers`` (processes that make programs,
    for each rank) are 0 for as many as the machine has cores for.
    """

    run: Path
    plan: Plan
    begin: str = "bundled"
    existing: bool = False
    data: tuple[Path, ...] = ()
    mixture: Mixture = field(default_factory=Mixture)
    shun: tuple[Path, ...] = ()
    seed: int = 0
    device: str = "auto"
    ranks: int = 0
    workers: int = 0
    looked_at: int = 100
    changing: bool = False

    def settings(self, world: int, shunned: frozenset[str]) -> dict[str, object]:
        """What must be the same for a run to go on, as JSON has it; how long it is to be may change.

        ``shunned`` are the fingerprints of what is never learned: which they are counts, not where they were read.
        """
        plan = {name: value for name, value in asdict(self.plan).items() if name not in _MAY_CHANGE}
        chosen = {"begin": self.begin, "data": [str(path) for path in self.data], "mixture": asdict(self.mixture)}
        never = {"programs": len(shunned), "sha256": hashlib.sha256("".join(sorted(shunned)).encode()).hexdigest()}
        everything = {"plan": plan, "seed": self.seed, "ranks": world, **chosen, "shunned": never}
        told: dict[str, object] = json.loads(json.dumps(everything))
        return told


REFUSAL = "refusal"
"""The file in which a rank says why it cannot run."""

_MAY_CHANGE = ("budget", "save_minutes", "look_minutes")
_FOR_GOOD = ("begin", "ranks")
"""Settings on which a saved state depends."""
_BEFORE = (LOG, f"{checkpoint.FOLDER}.new")
"""What a run may leave that was killed before its first state."""
Say = Callable[[dict[str, object]], None]


def start(training: Training, say: Say = lambda _: None) -> None:
    """Run to the end of the budget, or go on with a run that was stopped.  ``say`` hears the log of rank 0.

    Raises CannotRun.
    """
    device = loading.device_of(training.device)
    shunned = _shunned(training.shun)
    world = _world(training, device)
    try:
        changed = _changed(training, world, shunned)
        training.run.mkdir(parents=True, exist_ok=True)
        if changed and os.environ.get("RANK", "0") == "0":
            with (training.run / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(changed) + "\n")
    except OSError as error:
        raise CannotRun(f"{training.run}: cannot be a run's folder: {error.strerror}; give another with -o") from None
    if "RANK" in os.environ:
        rank = int(os.environ["RANK"])
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        place = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device.type == "cuda" else "cpu"
        _work(training, shunned, Ranks(rank, world, place), say)
        dist.destroy_process_group()
    elif world == 1:
        _work(training, shunned, Ranks(device=str(device)), say)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _several(world, Path(folder), training, shunned, say)


def _several(world: int, folder: Path, training: Training, shunned: frozenset[str], say: Say) -> None:
    """All ranks on this machine, to their end: whoever wants this process to stop lets them save first."""
    # It would warn of each rank that it ends because another could not run.
    logging.getLogger(start_processes.__module__).setLevel(logging.ERROR)
    with steady_hashes(), without_interrupts():
        ranks = start_processes(
            _rank, args=(world, folder, training, shunned, say), nprocs=world, join=False, start_method="spawn"
        )
    assert ranks is not None

    def pass_on() -> None:
        for process in ranks.processes:
            process.terminate()

    with _asked_to_stop(pass_on) as stopped:
        try:
            while not ranks.join():
                pass
        except ProcessExitedException:
            if (refusal := folder / REFUSAL).exists():
                raise CannotRun(refusal.read_text(encoding="utf-8")) from None
            if stopped():
                # Before they listened: there is nothing yet that could be saved.
                raise KeyboardInterrupt from None
            raise


def _world(training: Training, device: torch.device) -> int:
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"])
    if device.type == "cuda":
        if training.ranks > 1:
            raise CannotRun("several GPUs are started by torchrun: torchrun --nproc-per-node N -m cli train ...")
        return 1
    return training.ranks or len(os.sched_getaffinity(0))


def _changed(training: Training, world: int, shunned: frozenset[str]) -> dict[str, object]:
    """The log's line about the settings that are not those of the run so far: it has none if all are the same."""
    folder = checkpoint.found(training.run)
    if folder is None:
        if training.run.exists() and any(path.name not in _BEFORE for path in training.run.iterdir()):
            raise CannotRun(f"{training.run}: is not empty, and no training run; give another folder")
        return {}
    progress, before = checkpoint.load_progress(folder)
    changed = {name: value for name, value in training.settings(world, shunned).items() if before.get(name) != value}
    for name, value in changed.items():
        if not training.changing or name in _FOR_GOOD:
            raise CannotRun(
                f"{training.run}: was begun with other settings: {name} was {json.dumps(before.get(name))}, is "
                f"{json.dumps(value)}; give those again, or another folder"
                + ("" if name in _FOR_GOOD else ", or --change to go on with these")
            )
    return {"step": progress.step, "tokens": progress.tokens, "changed": changed} if changed else {}


def _shunned(paths: tuple[Path, ...]) -> frozenset[str]:
    codes = [program.code for program in held_out.held_out()]
    for path in paths:
        try:
            # Not splitlines: a string of JSON may hold other ends of lines.
            lines = path.read_text(encoding="utf-8").split("\n")
            codes += [str(json.loads(line)["code"]) for line in lines if line.strip()]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotRun(f'{path}: not JSON lines with the field "code": {error}') from None
    return fingerprints(codes)


def _rank(rank: int, world: int, folder: Path, training: Training, shunned: frozenset[str], say: Say) -> None:
    """A process of its own; why it cannot run, it leaves in the folder where the ranks meet."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/ranks", rank=rank, world_size=world)
    try:
        _work(training, shunned, Ranks(rank, world, "cpu"), say)
    except CannotRun as error:
        aside = folder / f"{REFUSAL}.{rank}"
        aside.write_text(str(error), encoding="utf-8")
        aside.replace(folder / REFUSAL)
        os._exit(2)  # The other ranks wait for this one: nothing that ends in order would end.
    dist.destroy_process_group()


def _work(training: Training, shunned: frozenset[str], ranks: Ranks, say: Say) -> None:
    """One rank's share of the run."""
    disable_progress_bar()  # type: ignore[no-untyped-call]
    with _asked_to_stop() as stopped:
        model, tokenizer, begun, waiting = _begun(training, ranks.rank)
        _check_row(training.plan.row, model)
        _without_dropout(model)
        cuda = ranks.device != "cpu"
        model.set_attn_implementation("sdpa" if cuda else document_attention.NAME)
        model.to(torch.device(ranks.device))  # type: ignore[arg-type]
        held = _held(training, tokenizer) if ranks.rank == 0 else []

        def look(model: PreTrainedModel) -> dict[str, float]:
            known = held_out.teacher_forced(model, tokenizer, held, ranks.device)
            return sum(known, held_out.Known()).rates()

        with _stream(training, tokenizer, shunned, ranks, waiting) as stream:
            train(
                model,
                tokenizer,
                stream,
                training.plan,
                training.run,
                ranks=ranks,
                begun=begun,
                waiting=waiting,
                settings=training.settings(ranks.world, shunned),
                forward=_padded(model, training.plan.row, ranks.device) if cuda else _documents(model),
                look=look if held else None,
                say=say,
                stopped=stopped,
            )


def _begun(training: Training, rank: int) -> tuple[PreTrainedModel, Tokenizer, Progress, Stream | None]:
    folder = checkpoint.found(training.run)
    if folder is None:
        begins = beginning.existing if training.existing else beginning.fresh
        model, tokenizer = begins(training.begin, training.seed)
        return model, tokenizer, Progress(), None
    progress, _ = checkpoint.load_progress(folder)
    model = loading.load_model(str(folder), dtype="fp32", device="cpu")
    return model, from_file(folder / "tokenizer.json"), progress, checkpoint.load_stream(training.run, rank)


def _check_row(row: int, model: PreTrainedModel) -> None:
    context = getattr(model.config, "max_position_embeddings", None)
    if context is not None and row > context:
        raise CannotRun(f"a row of {row} tokens is longer than the model's context of {context}: give --row {context}")


def _without_dropout(model: PreTrainedModel) -> None:
    """Each document is seen once: there is nothing to be kept from learning by heart."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            setattr(module, "attention_dropout", 0.0)  # noqa: B010 - nn.Module's annotations know no floats


def _held(training: Training, tokenizer: Tokenizer) -> list[Document]:
    making = Making(training.mixture, tokenizer)
    made = [making.whole(program) for program in held_out.held_out(training.looked_at)]
    return [document for document in made if document is not None]


@contextmanager
def _stream(
    training: Training, tokenizer: Tokenizer, shunned: frozenset[str], ranks: Ranks, waiting: Stream | None
) -> Iterator[Iterator[tuple[int, Document]]]:
    start = waiting.next if waiting else 0
    if training.data:
        longest = min(training.mixture.longest, training.plan.row)
        stored = Stored(training.data, tokenizer, longest=longest, shunned=shunned, forms=(Form.WHOLE,))
        yield stored.documents(training.seed, part=ranks.rank, parts=ranks.world, start=start)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        workers = training.workers or max(1, len(os.sched_getaffinity(0)) // ranks.world - 1)
        with documents(
            training.mixture, path, shunned, part=ranks.rank, parts=ranks.world, start=start, workers=workers
        ) as stream:
            yield stream


def _documents(model: PreTrainedModel) -> Forward:
    """On CPU: a row as long as it is, each document by itself."""
    head = _head(model)

    def forward(batch: Batch) -> torch.Tensor:
        hidden_1ND = model.base_model(
            input_ids=batch.ids_N[None],
            position_ids=batch.positions_N[None],
            use_cache=False,
            cu_seq_lens_q=batch.bounds,
        ).last_hidden_state
        return head(hidden_1ND[0, batch.learned_L])

    return forward


def _padded(model: PreTrainedModel, row: int, device: str) -> Forward:
    """On CUDA: rows of one length, so that one compiled graph serves all; positions tell the documents apart."""
    body = torch.compile(model.base_model, dynamic=False)
    head = _head(model)

    def forward(batch: Batch) -> torch.Tensor:
        padded = batch.padded(row, int(model.config.pad_token_id or 0))
        hidden_1ND = body(
            input_ids=padded.ids_N[None].to(device), position_ids=padded.positions_N[None].to(device), use_cache=False
        ).last_hidden_state
        return head(hidden_1ND[0, padded.learned_L.to(device)])

    return forward


def _head(model: PreTrainedModel) -> Callable[[torch.Tensor], torch.Tensor]:
    head: Callable[[torch.Tensor], torch.Tensor] = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return head


@contextmanager
def _asked_to_stop(then: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM let the step end; then the state is saved.  ``then`` is called at each of them."""
    asked = []

    def hear(*_: object) -> None:
        asked.append(True)
        then()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, hear)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
