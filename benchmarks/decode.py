"""Our decoding loop against transformers' `generate`, side by side: tokens a second, and what keys and values take.

    python -m benchmarks.decode [--model bundled|bundled-random|cwm-32b-random|PATH] [--device cpu] [--dtype fp32,bf16]
        [--batches 1,8,32] [--new 400] [--drafts 20] [--compile]

Two kinds of work.  Rows of one length: every one is continued by --new ids, whatever they are.  Rows that end when they
end, four requests a slot: a trained model predicts the traces of held-out programs up to their END (or --new times
four); with random weights lengths are drawn (log-normal, sigma 0.4).  Of these only what was asked for counts, and
`generate` goes on with a batch until its longest row ends.  It runs with the fastest of its settings, found anew for
each dtype and batch, its own prompt lookup among them for one row; rounds alternate, and the best of each side counts.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from transformers import CwmForCausalLM, PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from benchmarks.bundled_model import traced
from benchmarks.machine import described
from benchmarks.tables import number, table
from cwm_model import held_out
from cwm_model.backends import Request
from cwm_model.decoder import Decoder
from cwm_model.decoding.kv_cache import KeyValues
from cwm_model.loading import DTYPES, load_model, locate
from cwm_model.predicting.asking import stops
from cwm_model.predicting.opening import DRAFTS
from cwm_model.predicting.prompts import prompt_of_trace
from cwm_model.presets import ControlIds, bundled, cwm_32b
from cwm_model.tokenizer import load_tokenizer
from tracegen.programs.samples import Sample

PROMPT = 150
VOCABULARY = 1024
RANDOM = ("cwm-32b-random", "bundled-random")


@dataclass(frozen=True)
class Setting:
    """How `generate` is run."""

    attention: str
    cache: str
    compiled: bool = False
    lookup: int = 0

    def __str__(self) -> str:
        more = [", compiled"] * self.compiled + [f", prompt lookup of {self.lookup}"] * bool(self.lookup)
        return f"{self.attention}, {self.cache} cache{''.join(more)}"


@dataclass(frozen=True)
class Work:
    """Prompts, and how many ids each is to be continued by, or fewer up to one of ``stop``."""

    name: str
    prompts: list[list[int]]
    new: list[int]
    stop: frozenset[int] = frozenset()


class EachItsOwn(StoppingCriteria):
    """A row is done once it has as many new ids as it was to have."""

    def __init__(self, width: int, new: Sequence[int]) -> None:
        self.end = torch.tensor([width + count for count in new])

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.BoolTensor:
        done = input_ids.shape[1] >= self.end.to(input_ids.device)
        assert isinstance(done, torch.Tensor)
        return done  # type: ignore[return-value]


def model_of(name: str, dtype: torch.dtype, device: str) -> PreTrainedModel:
    if name not in RANDOM:
        return load_model(name, dtype=next(key for key, value in DTYPES.items() if value == dtype), device=device)
    config = cwm_32b() if name == "cwm-32b-random" else bundled(VOCABULARY, ControlIds(0, (1,), 2))
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return CwmForCausalLM(config)
    finally:
        torch.set_default_dtype(before)


def real(name: str, count: int) -> tuple[list[list[int]], frozenset[int]]:
    """Prompts of held-out programs in a trained model's ids, and the ids that end a trace."""
    tokenizer = load_tokenizer(locate(name))
    samples = [Sample(each.id, each.code, each.input) for each in held_out.held_out(count)]
    prompts = [tokenizer.encode(prompt_of_trace(trace).pieces()) for trace in traced(samples)]
    return prompts, stops(tokenizer, one_frame=False)


def works(batch: int, new: int, given: list[list[int]], stop: frozenset[int], vocabulary: int) -> Iterator[Work]:
    """Rows of one length, and rows that end when they end; ``given`` are real prompts, none for random weights."""
    drawn = random.Random(batch)
    prompts = given or [[drawn.randrange(3, vocabulary) for _ in range(PROMPT)] for _ in range(4 * batch)]
    yield Work("one length", prompts[:batch], [new] * batch)
    if given:
        yield Work("traces", prompts[: max(4 * batch, 8)], [4 * new] * max(4 * batch, 8), stop)
    elif batch > 1:
        # Of the same mean; the longest of 32 is about twice as long.
        lengths = [int(new * drawn.lognormvariate(-0.08, 0.4)) for _ in prompts]
        yield Work("many lengths", prompts, [min(4 * new, max(1, length)) for length in lengths])


def ours(decoder: Decoder, work: Work) -> int:
    requests = [Request(tuple(prompt), work.stop, new) for prompt, new in zip(work.prompts, work.new, strict=True)]
    return sum(len(completion.ids) for _, completion in decoder.complete(requests))


@torch.inference_mode()
def theirs(model: PreTrainedModel, setting: Setting, batch: int, work: Work) -> int:
    """Batch by batch; shorter prompts are padded on the left."""
    model.set_attn_implementation(setting.attention)
    options: dict[str, object] = {}
    if setting.cache != "dynamic":
        options["cache_implementation"] = setting.cache
    if setting.lookup:
        options["prompt_lookup_num_tokens"] = setting.lookup
    wanted = 0
    for first in range(0, len(work.prompts), batch):
        prompts, new = work.prompts[first : first + batch], work.new[first : first + batch]
        width = max(map(len, prompts))
        padded = torch.tensor([[0] * (width - len(each)) + each for each in prompts], device=model.device)
        mask = torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in prompts], device=model.device)
        ids = model.generate(  # type: ignore[operator]
            padded,
            attention_mask=mask,
            max_new_tokens=max(new),
            stopping_criteria=StoppingCriteriaList([EachItsOwn(width, new)]),
            eos_token_id=sorted(work.stop) or None,
            pad_token_id=0,
            do_sample=False,
            **options,
        )
        for row, most in zip(ids[:, width:].tolist(), new, strict=True):
            ends = (place for place, id in enumerate(row[:most], start=1) if id in work.stop)
            wanted += next(ends, min(most, len(row)))
    return wanted


def timed(run: Callable[[], int], clock: Callable[[], float]) -> float:
    """Tokens a second."""
    started = clock()
    tokens = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return tokens / (clock() - started)


def fastest(model: PreTrainedModel, batch: int, work: Work, compiled: bool, clock: Callable[[], float]) -> Setting:
    """The best of `generate`'s settings on a short piece of the work, each warmed up first."""
    settings = [Setting(attention, cache) for attention in ("sdpa", "eager") for cache in ("dynamic", "static")]
    settings += [Setting("sdpa", "static", compiled=True)] * compiled
    settings += [Setting("sdpa", "dynamic", lookup=tokens) for tokens in (4, 10) if batch == 1]
    piece = Work(work.name, work.prompts[:batch], [min(48, new) for new in work.new[:batch]])
    found: dict[Setting, float] = {}
    plain = model.forward
    for setting in settings:
        model.forward = torch.compile(plain) if setting.compiled else plain
        run = partial(theirs, model, setting, batch, piece)
        run()
        found[setting] = max(timed(run, clock) for _ in range(2))
        print(f"  generate, {setting}: {number(found[setting])} tokens/s", flush=True)
    best = max(found, key=found.__getitem__)
    model.forward = torch.compile(plain) if best.compiled else plain
    return best


def held(decoder: Decoder, work: Work, batch: int) -> tuple[float, float]:
    """MiB of keys and values: ours, and those of a dynamic cache, at the end of the longest row."""
    length = max(len(prompt) + new for prompt, new in zip(work.prompts, work.new, strict=True))
    cache = KeyValues(decoder.forward.weights, batch, decoder.chunk)
    cache.reserve(length)
    weights = decoder.forward.weights
    each = 2 * batch * weights.shared * weights.head_size * weights.dtype.itemsize
    dynamic = sum(each * min(length, layer.window or length) for layer in weights.layers)
    return cache.bytes / 2**20, dynamic / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32,bf16")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--new", type=int, default=400)
    parser.add_argument("--drafts", type=int, default=DRAFTS, help="of a row alone; with random weights none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--processor-time", action="store_true", help="of all threads, for a machine that others load")
    asked = parser.parse_args()
    clock = time.process_time if asked.processor_time else time.perf_counter
    if asked.threads:
        torch.set_num_threads(asked.threads)
    batches = list(map(int, asked.batches.split(",")))
    given, stop = real(asked.model, 4 * max(*batches, 2)) if asked.model not in RANDOM else ([], frozenset())
    drafts = asked.drafts if given else 0
    print(described("torch", "transformers"), f"({torch.get_num_threads()} threads)", flush=True)
    rows = []
    for dtype in asked.dtype.split(","):
        model = model_of(asked.model, DTYPES[dtype], asked.device)
        model.train(False)
        for batch in batches:
            decoders = [Decoder(model, slots=batch, drafts=drafts) for drafts in sorted({0, drafts})]
            for work in works(batch, asked.new, given, stop, model.config.vocab_size):
                setting = fastest(model, batch, work, asked.compile, clock)
                speeds: list[list[float]] = []
                for decoder in decoders:
                    ours(decoder, Work("warm", work.prompts[:batch], [8] * batch))
                for _ in range(asked.rounds):
                    speeds.append([timed(partial(ours, decoder, work), clock) for decoder in decoders])
                    speeds[-1].append(timed(partial(theirs, model, setting, batch, work), clock))
                    print(f"  {dtype} {batch} {work.name}: {', '.join(map(number, speeds[-1]))} tokens/s", flush=True)
                *own, other = (max(side) for side in zip(*speeds, strict=True))
                memory = "{:.1f} / {:.1f}".format(*held(decoders[0], work, batch))
                drafted = [f"{number(own[-1])} ({own[-1] / other:.1f}×)"] if drafts else []
                row = [f"{dtype}, {batch}, {work.name}", number(own[0]), number(other), f"{own[0] / other:.2f}×"]
                rows.append([*row, *drafted, memory, str(setting)])
    drafted = [f"with {drafts} drafts"] if drafts else []
    head = ["dtype, batch, rows of", "ours, tokens/s", "generate, tokens/s", "ratio", *drafted]
    print("\n" + table([*head, "keys and values, MiB, ours / theirs", "generate's settings"], rows))


if __name__ == "__main__":
    main()
