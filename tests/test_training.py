"""A training run in small: what a step does, what ranks share, what is saved, and how a stopped run goes on.

Longer than the house's 350 lines: steps, ranks and what is on disk share a tiny model and its documents.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor
from transformers import CwmForCausalLM

from cwm_model.tokenizer import small
from cwm_model.training import checkpoint, document_attention, loop
from cwm_model.training.batch import Batch
from cwm_model.training.checkpoint import FOLDER, Progress, Stream
from cwm_model.training.documents import Document
from cwm_model.training.loop import LOG, Budget, Forward, Plan, Ranks
from cwm_model.training.optimizer import Optimizer, Rates
from tests.small_models import shape
from tracegen import CannotRun

ROOT = Path(__file__).parent.parent
ROW = 48
CLOCK = ("seconds", "tokens_per_second", "left_seconds")
Numbered = Iterator[tuple[int, Document]]


def fresh() -> CwmForCausalLM:
    torch.manual_seed(0)
    model = CwmForCausalLM(shape())
    model.set_attn_implementation(document_attention.NAME)
    return model


def numbered(start: int = 0, step: int = 1, length: int = 0) -> Numbered:
    """Documents without end, number k the same every time; of unequal lengths, if none is given."""
    for number in count(start, step):
        size = length or 5 + number * 7 % 30
        yield number, Document(tuple(20 + (number + 3 * place * place) % 40 for place in range(size)), 3)


def forward_of(model: CwmForCausalLM) -> Forward:
    def forward(batch: Batch) -> Tensor:
        told: dict[str, Any] = {"cu_seq_lens_q": batch.bounds, "position_ids": batch.positions_N[None]}
        hidden = model.model(input_ids=batch.ids_N[None], use_cache=False, **told).last_hidden_state
        logits: Tensor = model.lm_head(hidden[0, batch.learned_L])
        return logits

    return forward


def plan(steps: int, **changes: Any) -> Plan:
    """So many steps of full rows, in fp32."""
    how = {"row": ROW, "rows": 1, "dtype": "fp32", **changes}
    return Plan(Budget(tokens=steps * how["row"] * how["rows"]), **how)


def run(model: CwmForCausalLM, folder: Path, plan: Plan, documents: Numbered | None = None, **how: Any) -> Progress:
    folder.mkdir(exist_ok=True)
    how = {"ranks": Ranks(), "begun": Progress(), "waiting": None, "settings": {"a": 1}, **how}
    how.setdefault("forward", forward_of(model))
    return loop.train(model, small(), documents or numbered(), plan, folder, **how)


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of the log, without the clock's."""
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def losses_of(folder: Path) -> list[float]:
    return [line["loss"] for line in log_of(folder) if "loss" in line]


def close(one: dict[str, Tensor], other: dict[str, Tensor], near: float = 0.0) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=near, atol=near, msg=name)


def refusal(folder: Path, load: Any) -> str:
    with pytest.raises(CannotRun) as refused:
        load(folder)
    message = str(refused.value)
    assert "\n" not in message and message.startswith(str(folder))
    return message


# -- Steps.


def test_the_loss_falls_on_a_document_that_comes_again_and_again(tmp_path: Path) -> None:
    model = fresh()
    [(_, document)] = islice(numbered(length=ROW), 1)
    progress = run(model, tmp_path, plan(80), ((number, document) for number in count()))
    losses = losses_of(tmp_path)
    assert len(losses) == progress.step == 80
    assert losses[0] == pytest.approx(torch.tensor(float(small().size)).log().item(), rel=0.1)
    assert losses[-1] < 0.3 * losses[0]
    assert not model.training


def test_the_log_counts_tokens_and_says_the_rate(tmp_path: Path) -> None:
    heard: list[dict[str, object]] = []
    progress = run(fresh(), tmp_path, plan(4), numbered(length=ROW), say=heard.append)
    assert [line["tokens"] for line in log_of(tmp_path)] == [ROW, 2 * ROW, 3 * ROW, 4 * ROW]
    assert (progress.step, progress.tokens) == (4, 4 * ROW)
    assert [line["rate"] for line in log_of(tmp_path)] == [round(Rates().at(part / 4), 4) for part in (1, 2, 3, 4)]
    assert heard == [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]


def test_held_out_programs_are_looked_at_in_the_end(tmp_path: Path) -> None:
    model = fresh()
    modes = []

    def look(looked: object) -> dict[str, float]:
        assert looked is model
        modes.append(model.training)
        return {"frames": 0.25}

    run(model, tmp_path, plan(2), look=look)
    assert modes == [False]
    assert log_of(tmp_path)[-1]["held_out"] == {"frames": 0.25}


class Kept(Optimizer):
    """Keeps the gradients of the last step instead of making it."""

    gradients: dict[str, Tensor]

    def __init__(self, model: Any, rates: Rates, rank: int = 0, world: int = 1) -> None:
        super().__init__(model, rates, rank, world)
        self._model = model

    def step(self, progress: float) -> None:
        Kept.gradients = {name: weight.grad.clone() for name, weight in self._model.named_parameters()}
        super().step(progress)


def test_the_gradients_of_several_rows_are_those_of_one_long_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "Optimizer", Kept)
    found = []
    for name, rows in (("several", {"rows": 4}), ("one", {"row": 4 * ROW})):
        documents = islice(numbered(length=ROW), 4)
        run(fresh(), tmp_path / name, plan(1, **rows), documents)
        found.append(Kept.gradients)
    close(found[0], found[1], near=1e-6)
    assert losses_of(tmp_path / "several") == pytest.approx(losses_of(tmp_path / "one"), abs=2e-5)
    assert found[0]["lm_head.weight"].abs().max() > 1e-4


def test_the_context_is_learned_only_if_it_is_wanted(tmp_path: Path) -> None:
    found = []
    for too in (False, True):
        model = fresh()
        seen: list[int] = []
        forward = forward_of(model)

        def counting(batch: Batch, forward: Forward = forward, seen: list[int] = seen) -> Tensor:
            seen.append(len(batch.learned_L))
            return forward(batch)

        documents = numbered(length=ROW)
        run(model, tmp_path / str(too), plan(1, context_too=too), documents, forward=counting)
        found.append(seen)
    assert found == [[ROW - 3], [ROW - 1]]


def test_in_bf16_the_loss_is_about_that_of_fp32_and_weights_stay_fp32(tmp_path: Path) -> None:
    for dtype in ("fp32", "bf16"):
        model = fresh()
        run(model, tmp_path / dtype, plan(3, dtype=dtype))
        assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert losses_of(tmp_path / "bf16") == pytest.approx(losses_of(tmp_path / "fp32"), rel=0.01)


def test_when_the_documents_end_the_state_is_saved(tmp_path: Path) -> None:
    progress = run(fresh(), tmp_path, plan(100), islice(numbered(length=ROW), 3))
    assert progress.step == 3
    folder = checkpoint.found(tmp_path)
    assert folder is not None
    assert checkpoint.load_progress(folder)[0].step == 3


# -- Rates and budgets.


def test_rates_warm_up_and_fall_to_the_floor() -> None:
    rates = Rates(warmup=0.1, floor=0.02)
    assert rates.at(0) == 0.01
    assert rates.at(0.05) == pytest.approx(0.5)
    assert rates.at(0.1) == pytest.approx(1)
    assert rates.at(0.55) == pytest.approx(0.51)
    assert rates.at(1) == rates.at(1.5) == pytest.approx(0.02)
    along = [rates.at(part / 100) for part in range(101)]
    assert along[1:11] == sorted(along[1:11]) and along[10:] == sorted(along[10:], reverse=True)
    assert Rates(warmup=0).at(0) == 1


def test_a_budget_is_spent_by_whichever_comes_first() -> None:
    half = Progress(1, 500, 30.0)
    assert Budget(tokens=1000).spent(half) == Budget(minutes=1).spent(half) == 0.5
    assert Budget(tokens=1000, minutes=5).spent(half) == 0.5
    assert Budget(tokens=5000, minutes=1).spent(half) == 0.5
    assert Budget(tokens=100).spent(half) == 1


# -- Ranks.


def ranked(rank: int, folder: Path) -> None:
    """One of two ranks: every second document, four steps."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    documents = numbered(rank, 2, ROW)
    two = Plan(Budget(tokens=8 * ROW), row=ROW, dtype="fp32")
    run(fresh(), folder / "two", two, documents, ranks=Ranks(rank, 2))
    dist.destroy_process_group()


def test_two_ranks_come_to_the_weights_of_one_with_all_rows(tmp_path: Path) -> None:
    script = "import sys, pathlib; from tests.test_training import ranked; "
    (tmp_path / "two").mkdir()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"{script}ranked({rank}, pathlib.Path(sys.argv[1]))", str(tmp_path)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    run(fresh(), tmp_path / "one", plan(4, rows=2), numbered(length=ROW))
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors[-2000:]
    one, two = (tmp_path / name / FOLDER for name in ("one", "two"))
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(tmp_path / "one"), abs=1e-4)
    assert [line["tokens"] for line in log_of(tmp_path / "two")] == [2 * ROW * step for step in (1, 2, 3, 4)]
    close(load_file(one / "model.safetensors"), load_file(two / "model.safetensors"), near=1e-3)
    close(load_file(one / "optimizer.safetensors"), load_file(two / "optimizer.safetensors"), near=1e-3)
    assert [checkpoint.load_stream(tmp_path / "two", rank).next % 2 for rank in (0, 1)] == [1, 0]


# -- Stopped, and gone on with.


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    through, halves = tmp_path / "through", tmp_path / "halves"
    whole = plan(8, rates=Rates(warmup=0.3))
    run(fresh(), through, whole)
    heard: list[object] = []
    progress = run(fresh(), halves, whole, say=heard.append, stopped=lambda: len(heard) >= 3)
    assert progress.step == 3
    folder = checkpoint.found(halves)
    assert folder is not None
    begun, settings = checkpoint.load_progress(folder)
    assert begun == progress
    assert settings == {"a": 1}
    waiting = checkpoint.load_stream(halves, 0)
    model = CwmForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.set_attn_implementation(document_attention.NAME)
    run(model, halves, whole, numbered(waiting.next), begun=begun, waiting=waiting)
    assert log_of(halves) == log_of(through)
    for name in ("model.safetensors", "optimizer.safetensors", "stream-0.safetensors"):
        close(load_file(halves / FOLDER / name), load_file(through / FOLDER / name))


def test_the_state_of_an_optimizer_is_all_that_it_remembers() -> None:
    def step(model: CwmForCausalLM, optimizer: Optimizer, number: int) -> None:
        batch = Batch.of([document for _, document in islice(numbered(number), 2)])
        forward_of(model)(batch).logsumexp(-1).sum().backward()
        optimizer.step(0.5)

    first = fresh()
    optimizer = Optimizer(first, Rates())
    step(first, optimizer, 0)
    second = fresh()
    second.load_state_dict(first.state_dict())
    again = Optimizer(second, Rates())
    again.restore(optimizer.state())
    close(again.state(), optimizer.state())
    for model, each in ((first, optimizer), (second, again)):
        step(model, each, 7)
    close(dict(first.named_parameters()), dict(second.named_parameters()))
    assert all(weight.grad is None for weight in first.parameters())


def test_the_state_of_an_optimizer_is_where_its_parameters_are() -> None:
    # Fused, AdamW reads its count of steps there too; no GPU is needed to see it.
    optimizer = Optimizer(fresh().to(torch.device("meta")), Rates())  # type: ignore[arg-type]
    assert {str(tensor.device) for tensor in dict(optimizer._tensors()).values()} == {"meta"}


def test_a_budget_in_minutes_counts_what_looking_takes_and_the_state_is_there_before_the_last_look(
    tmp_path: Path,
) -> None:
    seen = []

    def look(model: object) -> dict[str, float]:
        time.sleep(0.2)
        seen.append(checkpoint.found(tmp_path) is not None)
        return {}

    progress = run(fresh(), tmp_path, plan(3, look_minutes=0.0), look=look)
    assert len(seen) > 2 and seen == [False] * (len(seen) - 1) + [True]
    # The last look is behind the last state, and in no budget.
    assert progress.seconds >= 0.2 * (len(seen) - 1)


def test_matrices_inside_the_layers_are_muons_and_the_rest_adamws() -> None:
    names = Optimizer(fresh(), Rates()).state()
    assert len([name for name in names if name.startswith("muon.")]) == 2 * 7
    rest = {name.split(".")[1] for name in names if name.startswith("adamw.")}
    assert len(rest) == len(list(fresh().parameters())) - 2 * 7


def test_the_state_of_another_model_is_refused() -> None:
    state = Optimizer(fresh(), Rates()).state()
    with pytest.raises(KeyError):
        Optimizer(fresh(), Rates()).restore(dict(list(state.items())[:-1]))


# -- On disk.


def save(folder: Path, step: int, waiting: tuple[Document, ...] = ()) -> None:
    model = fresh()
    checkpoint.save_stream(folder, 0, Stream(step, waiting))
    checkpoint.save(folder, model, small(), Optimizer(model, Rates()).state(), Progress(step, 10 * step, 0.5), {"a": 1})


def step_of(folder: Path) -> int:
    found = checkpoint.found(folder)
    assert found == folder / FOLDER
    step = checkpoint.load_progress(found)[0].step
    assert checkpoint.load_stream(folder, 0).next == step
    assert checkpoint.load_optimizer(found)
    return step


@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_stream_is_read_as_it_was_written(tmp_path: Path, size: int) -> None:
    waiting = tuple(document for _, document in islice(numbered(), size))
    save(tmp_path, 3, waiting)
    assert checkpoint.load_stream(tmp_path, 0) == Stream(3, waiting)


def test_a_state_replaces_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    assert checkpoint.found(tmp_path) is None
    save(tmp_path, 1)
    save(tmp_path, 2)
    assert step_of(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


@pytest.mark.parametrize(("call", "step"), [(1, 1), (2, 1), (3, 2)])
def test_a_run_that_is_killed_while_it_saves_has_a_whole_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, step: int
) -> None:
    save(tmp_path, 1)
    rename, calls = os.rename, count(1)

    def killed(old: Path, new: Path) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "rename", killed)
    if call < 3:
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, 2)
    else:
        save(tmp_path, 2)
    monkeypatch.undo()
    assert step_of(tmp_path) == step
    save(tmp_path, 5)
    assert step_of(tmp_path) == 5
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


@pytest.mark.parametrize("at", ["save_file", "dumps"])
def test_a_state_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    save(tmp_path, 1)

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint if at == "save_file" else json, at, full)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert step_of(tmp_path) == 1


def test_the_old_state_is_found_where_the_new_one_has_not_come_in_place(tmp_path: Path) -> None:
    save(tmp_path, 4)
    os.rename(tmp_path / FOLDER, tmp_path / f"{FOLDER}.old")
    (tmp_path / f"{FOLDER}.new").mkdir()
    assert step_of(tmp_path) == 4


def test_a_rank_that_has_no_stream_is_one_clear_line(tmp_path: Path) -> None:
    save(tmp_path, 1)
    message = refusal(tmp_path, lambda folder: checkpoint.load_stream(folder, 1))
    assert message.endswith("stream-1.safetensors: not there; a run goes on with as many ranks as it was begun with")


@pytest.mark.parametrize("content", [b"", b"half a file", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_broken_stream_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, 1)
    (tmp_path / FOLDER / "stream-0.safetensors").write_bytes(content)
    refusal(tmp_path, lambda folder: checkpoint.load_stream(folder, 0))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"progress": {"steps": 1}, "settings": {}}', "\udcff"])
def test_a_broken_state_is_one_clear_line(tmp_path: Path, content: str) -> None:
    save(tmp_path, 1)
    (tmp_path / FOLDER / "state.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "state.json: cannot be read: " in refusal(tmp_path / FOLDER, checkpoint.load_progress)


@pytest.mark.parametrize("content", [None, b"", b"half a file"])
def test_a_broken_optimizer_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    save(tmp_path, 1)
    path = tmp_path / FOLDER / "optimizer.safetensors"
    path.unlink() if content is None else path.write_bytes(content)
    assert "optimizer.safetensors: cannot be read: " in refusal(tmp_path / FOLDER, checkpoint.load_optimizer)


PLAIN = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, CwmForCausalLM, PreTrainedTokenizerFast
tokenizer = PreTrainedTokenizerFast(tokenizer_file=sys.argv[1] + "/tokenizer.json")
found = []
for kind in (AutoModelForCausalLM, CwmForCausalLM):
    model = kind.from_pretrained(sys.argv[1])
    assert type(model) is CwmForCausalLM and model.config._attn_implementation == "sdpa"
    found.append(model(input_ids=torch.tensor([list(range(30))])).logits[0, -1].tolist())
print(json.dumps([tokenizer("<|frame_sep|>return None").input_ids, *found]))
assert not [name for name in sys.modules if name.startswith("cwm_model")]
"""


def test_a_saved_folder_is_one_that_plain_transformers_loads(tmp_path: Path) -> None:
    model = fresh()
    run(model, tmp_path, plan(2))
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(tmp_path / FOLDER)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ids, *logits = json.loads(done.stdout.splitlines()[-1])
    theirs = small()
    theirs.save(tmp_path / "same.json")
    assert ids[0] < 20 and theirs.decode(ids[1:]) == ["return None"]
    with torch.no_grad():
        own = model(input_ids=torch.tensor([list(range(30))]), use_cache=False).logits[0, -1]
    for each in logits:
        torch.testing.assert_close(torch.tensor(each), own, rtol=1e-4, atol=1e-5)
    assert (tmp_path / FOLDER / "tokenizer.json").read_bytes() == (tmp_path / "same.json").read_bytes()


class _FirstBeganBefore(Ranks):
    """A rank that began an hour after rank 0: the clock of all lies an hour behind its own."""

    def latest(self, value: float) -> float:
        return value - 3600


def test_when_to_save_and_look_is_told_by_the_clock_of_rank_0_alone(tmp_path: Path) -> None:
    looks: list[int] = []

    def look(model: object) -> dict[str, float]:
        looks.append(len(looks))
        return {}

    # By its own clock at the start, it would not look before the hour is over.
    progress = run(fresh(), tmp_path, plan(3, look_minutes=-0.001), ranks=_FirstBeganBefore(), look=look)
    assert len(looks) == progress.step >= 3
