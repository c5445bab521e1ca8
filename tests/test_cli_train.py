"""``foretrace train``, as people call it: runs that begin, go on, begin with other models; what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from cwm_model.tokenizer import from_file
from cwm_model.training.export import export
from tests.command import foretrace
from tests.test_readme import BIN
from tracegen import Special

QUICK = ("--preset", "tiny", "--row", "512", "--look-at", "2")


def train(run: Path, *arguments: str, ranks: int = 1) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "foretrace"), "train", "-o", str(run), *arguments, "--ranks", str(ranks)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(run: Path, *arguments: str, ranks: int = 1) -> str:
    """The one line with which a run is refused."""
    done = train(run, *arguments, ranks=ranks)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("foretrace: "), done.stderr
    return done.stderr


def log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of short synthetic programs."""
    folder = tmp_path_factory.mktemp("data") / "set"
    command = [
        str(BIN / "foretrace"),
        *["collect", "synthetic", "-n", "12", "--seed", "5", "--trust", "-o"],
        str(folder),
    ]
    subprocess.run(command, capture_output=True, check=True)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama with a byte-level tokenizer that has none of CWM's control tokens."""
    folder = tmp_path_factory.mktemp("llama")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=letters, special_tokens=["<|endoftext|>"])
    tokenizer.train_from_iterator(["def f(x):\n    return x\n"] * 9, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_run_on_made_programs_is_logged_drawn_and_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = train(run, *QUICK, "--tokens", "1500", "--json")
    assert first.returncode == 0, first.stderr
    lines = log(run)
    assert [json.loads(line) for line in first.stdout.splitlines()] == lines
    assert lines[-1]["tokens"] >= 1500 and "held_out" in lines[-1]
    assert ElementTree.parse(run / "curve.svg").getroot().tag.endswith("svg")
    second = train(run, *QUICK, "--tokens", "2500")
    assert second.returncode == 0, second.stderr
    assert log(run)[: len(lines)] == lines and log(run)[-1]["tokens"] >= 2500
    assert "held out:" in second.stderr
    other = (*QUICK, "--tokens", "3500", "--learn", "all", "--drills", "0")
    assert "plan was" in refused(run, *other) and "or --change" in refused(run, *other)
    before = log(run)
    assert train(run, *other, "--change").returncode == 0
    line = json.loads((run / "log.jsonl").read_text(encoding="utf-8").splitlines()[len(before)])
    assert (line["tokens"], list(line["changed"])) == (before[-1]["tokens"], ["plan", "mixture"])
    assert line["changed"]["plan"]["context_too"] and line["changed"]["mixture"]["drills"] == 0
    assert "or --change" not in refused(run, *other, "--from", str(tmp_path / "run" / "checkpoint"))


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    run, command = tmp_path / "run", (*QUICK, "--tokens", "600", "--look-at", "0")
    assert train(run, *command).returncode == 0
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    again = train(run, *command)
    assert again.returncode == 0 and f"{run}/checkpoint" in again.stdout
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_remembers_what_it_never_learns(tmp_path: Path) -> None:
    run, shun, same = tmp_path / "run", tmp_path / "shun.jsonl", tmp_path / "same.jsonl"
    # A string of JSON may hold what other readers take for an end of line.
    shun.write_text('{"code": "def f(x): return x * 3", "name": "\u2028"}\n', encoding="utf-8")
    same.write_text('{"code": "def g(y):\\n    return y * 3"}\n', encoding="utf-8")
    command = (*QUICK, "--look-at", "0")
    assert train(run, *command, "--tokens", "600", "--shun", str(shun)).returncode == 0
    assert "shunned was" in refused(run, *command, "--tokens", "1200")
    assert train(run, *command, "--tokens", "1200", "--shun", str(same)).returncode == 0


def test_a_run_that_was_killed_before_its_first_state_begins_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoint.new").mkdir(parents=True)
    (run / "log.jsonl").write_text('{"step": 1, "tokens": 100, "loss": 7.0}\n{"step": 2, "tok', encoding="ascii")
    assert train(run, *QUICK, "--look-at", "0", "--tokens", "600").returncode == 0
    assert [line["step"] for line in log(run)] == list(range(1, len(log(run)) + 1))
    assert log(run)[0]["loss"] != 7.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_that_is_told_to_stop_saves_and_says_nothing_else(tmp_path: Path, ranks: int, number: int) -> None:
    run = tmp_path / "run"
    command = [str(BIN / "foretrace"), "train", "-o", str(run), *QUICK, "--look-at", "0", "--tokens", "100000000"]
    process = subprocess.Popen(
        [*command, "--ranks", str(ranks)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )
    try:
        deadline = time.monotonic() + 120
        while not (run / "log.jsonl").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        # Ctrl-C reaches all processes of a terminal, `kill` the one that it names.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        said, complained = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, complained
    assert "Traceback" not in complained and "died" not in complained
    assert f"{run}/checkpoint" in said and (run / "curve.svg").exists()
    steps = [line["step"] for line in log(run)]
    assert json.loads((run / "checkpoint" / "state.json").read_text())["progress"]["step"] == steps[-1]


def test_a_gpt_2_with_dropout_learns_too(tmp_path: Path, llama: Path) -> None:
    folder = tmp_path / "gpt2"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (llama / name).exists():
            (folder / name).write_bytes((llama / name).read_bytes())
    size = from_llama(llama)
    config = GPT2Config(
        vocab_size=size, n_positions=512, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    command = ("--from", str(folder), "--look-at", "0", "--tokens", "600")
    assert "longer than the model's context of 512: give --row 512" in refused(tmp_path / "long", *command)
    done = train(tmp_path / "run", *command, "--row", "512")
    assert done.returncode == 0, done.stderr


def test_a_llama_learns_the_format_from_a_data_set(tmp_path: Path, llama: Path, data: Path) -> None:
    run = tmp_path / "run"
    arguments = ("--from", str(llama), "--data", str(data), "--row", "2048", "--look-at", "0", "--tokens", "24000")
    done = train(run, *arguments)
    assert done.returncode == 0, done.stderr
    losses = [line["loss"] for line in log(run)]
    assert sum(losses[-3:]) / 3 < 0.9 * losses[0]
    tokenizer = from_file(run / "checkpoint" / "tokenizer.json")
    ids = [tokenizer.id_of(special) for special in Special]
    assert len(set(ids)) == len(ids) and min(ids) >= from_llama(llama)
    model = AutoModelForCausalLM.from_pretrained(run / "checkpoint")
    assert model.config.model_type == "llama" and model.config.vocab_size >= tokenizer.size
    assert tokenizer.id_of(Special.END_OF_TEXT) in model.config.eos_token_id


def from_llama(folder: Path) -> int:
    """How many ids its tokenizer had."""
    return Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()


def test_a_run_is_given_away_in_bf16(tmp_path: Path) -> None:
    run, folder = tmp_path / "run", tmp_path / "away"
    assert train(run, *QUICK, "--tokens", "600").returncode == 0
    export(run / "checkpoint", folder)
    given, kept = (AutoModelForCausalLM.from_pretrained(path, dtype="auto") for path in (folder, run / "checkpoint"))
    assert given.dtype is torch.bfloat16
    for name, tensor in kept.state_dict().items():
        assert torch.equal(given.state_dict()[name], tensor.bfloat16())
    ours = from_file(folder / "tokenizer.json")
    assert ours.sha256 == from_file(run / "checkpoint" / "tokenizer.json").sha256
    theirs = AutoTokenizer.from_pretrained(folder)
    text = 'def f(x):\n    return [x, "é"]  # 12\n'
    assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode([text])
    assert theirs.eos_token_id == ours.id_of(Special.END_OF_TEXT) == given.config.eos_token_id


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    assert "--tokens or --minutes" in refused(run, *QUICK)
    shun = tmp_path / "shun.jsonl"
    shun.write_text('{"source": "x"}\n', encoding="ascii")
    assert 'not JSON lines with the field "code"' in refused(run, *QUICK, "--tokens", "600", "--shun", str(shun))
    assert "no such folder" in refused(run, "--from", "/no/such", "--tokens", "600")
    assert "device" in refused(run, *QUICK, "--tokens", "600", "--device", "tpu")
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="ascii")
    assert "is not empty" in refused(other, *QUICK, "--tokens", "600")
    assert [path.name for path in other.iterdir()] == ["mine.txt"]
    assert "cannot be a run's folder: Not a directory" in refused(other / "mine.txt" / "x", *QUICK, "--tokens", "600")
    assert "cannot be a run's folder" in refused(other / "mine.txt", *QUICK, "--tokens", "600")
    assert "of 1280 programs none has a trace of at most 64 tokens: give a longer --row" in refused(
        tmp_path / "short", "--preset", "tiny", "--row", "64", "--look-at", "0", "--tokens", "600"
    )
    for option in ("--minutes", "--muon", "--adamw", "--save-minutes", "--look-minutes"):
        assert foretrace("train", "-o", run, "--tokens", "600", option, "nan").code == 2
    assert train(run, *QUICK, "--tokens", "600", "--seed", "99999999999999999999999").returncode == 2


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_state(tmp_path: Path) -> None:
    run, command = tmp_path / "run", (*QUICK, "--look-at", "0", "--tokens")
    assert train(run, *command, "600").returncode == 0
    before = (run / "checkpoint" / "model.safetensors").read_bytes()
    done = train(run, *command, "12000", "--muon", "1e20", "--adamw", "1e20", "--change")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "the loss is no number any more: give lower rates" in done.stderr.splitlines()[-1]
    assert (run / "checkpoint" / "model.safetensors").read_bytes() == before


def test_damaged_weights_of_a_run_are_one_line(tmp_path: Path) -> None:
    run, command = tmp_path / "run", (*QUICK, "--look-at", "0", "--tokens")
    assert train(run, *command, "600").returncode == 0
    weights, optimizer = run / "checkpoint" / "model.safetensors", run / "checkpoint" / "optimizer.safetensors"
    whole, states = weights.read_bytes(), optimizer.read_bytes()
    optimizer.write_bytes(whole)
    assert "is another model's" in refused(run, *command, "1200")
    optimizer.write_bytes(states)
    weights.write_bytes(whole[:1000])
    assert "damaged or cut off" in refused(run, *command, "1200")
    weights.unlink()
    assert "no file named model.safetensors" in refused(run, *command, "1200")


def test_what_a_rank_refuses_is_one_line_too(tmp_path: Path, data: Path) -> None:
    arguments = ("--preset", "tiny", "--row", "64", "--look-at", "0", "--tokens", "600", "--data", str(data))
    assert "no trace to learn from: 12 longer than a row" in refused(tmp_path / "run", *arguments, ranks=2)
