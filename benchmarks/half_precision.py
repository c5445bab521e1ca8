"""Where decoding in bf16 parts from fp32: every id that is not fp32's, and how far its logit is from the best there.

    python -m benchmarks.half_precision [--model bundled] [--programs 64] [--new 400]

Traces of held-out programs are decoded greedily in bf16; the same weights in fp32 read them, and tell at each place by
how much the id that was picked misses the highest logit.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.decode import real
from benchmarks.machine import described
from cwm_model.backends import Request
from cwm_model.decoder import Decoder
from cwm_model.loading import load_model

BOUNDS = (0.05, 0.1, 0.2, 0.5, 1.0)


def missed(name: str, programs: int, new: int) -> torch.Tensor:
    """For each id decoded in bf16, the highest fp32 logit less its own, both models reading the same ids."""
    prompts, stop = real(name, programs)
    requests = [Request(tuple(prompt), stop, new) for prompt in prompts]
    found = list(Decoder(load_model(name, dtype="bf16", device="cpu"), slots=32).complete(requests))
    model = load_model(name, dtype="fp32", device="cpu")
    parts = []
    with torch.inference_mode():
        for index, completion in found:
            prompt = requests[index].prompt
            ids = torch.tensor([prompt + completion.ids])
            logits_NV = model(ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
            parts.append(logits_NV.max(-1).values - logits_NV.gather(1, ids[0, len(prompt) :, None]).squeeze(1))
    return torch.cat(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--programs", type=int, default=64)
    parser.add_argument("--new", type=int, default=400)
    asked = parser.parse_args()
    print(described("torch", "transformers"))
    missed_N = missed(asked.model, asked.programs, asked.new)
    other_n = missed_N[missed_N > 0]
    print(f"{len(missed_N)} ids in bf16, {len(other_n)} of them not fp32's; logits below the best there:")
    for bound in BOUNDS:
        print(f"  less than {bound}: {int((other_n < bound).sum())}")
    print(f"  most: {float(other_n.max()) if len(other_n) else 0.0:.3f}")


if __name__ == "__main__":
    main()
