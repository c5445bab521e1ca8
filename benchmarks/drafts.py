"""How far guesses come true: ids a pass on the true traces of held-out programs, for a greedy model that is right.

    python -m benchmarks.drafts [--programs 128]

Counts only, so it is the same on every machine.  A pass gives one id and those of its guesses that were right; it reads
one id and all of its guesses, and each of them costs time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bundled_model import traced
from benchmarks.machine import described
from cwm_model import held_out
from cwm_model.decoding.drafting import GRAMS, LONGEST, TRUST, Lookup
from cwm_model.tokenizer import small
from cwm_model.training.documents import Document, document
from tracegen.programs.samples import Sample

MOST = (4, 8, 16, 24)


@dataclass(frozen=True)
class Way:
    """Runs of how many ids are looked up, and how many guesses each of them is worth."""

    name: str
    grams: tuple[int, ...]
    trust: int = max(MOST)


WAYS = (
    Way("by three ids, as in prompt lookup", (3,)),
    Way("by the longest run", GRAMS),
    Way(f"by the longest run, {TRUST} for each of its ids", GRAMS, TRUST),
)


def passes(ids: Sequence[int], begin: int, way: Way, most: int) -> tuple[int, int]:
    """How many a sequence takes from a place on, and how many ids they read."""
    lookup = Lookup(way.grams)
    count, reads, here = 0, 0, begin
    while here < len(ids):
        lookup.read(ids[:here])
        place, gram = lookup.after(ids[max(0, here - LONGEST) : here]) or (here, 0)
        guesses = min(most, way.trust * gram, len(ids) - here - 1)
        right = 0
        while right < guesses and ids[place + right] == ids[here + right]:
            right += 1
        count, reads, here = count + 1, reads + 1 + guesses, here + 1 + right
    return count, reads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=128)
    asked = parser.parse_args()
    samples = [Sample(each.id, each.code, each.input) for each in held_out.held_out(asked.programs)]
    documents: list[Document] = [document(trace, small()) for trace in traced(samples)]
    predicted = sum(len(each) - each.context for each in documents)
    print(described())
    print(f"{len(documents)} traces, {predicted} ids behind the contexts; ids that a pass gives / reads:\n")
    print(f"| most guesses | {' | '.join(map(str, MOST))} |\n|---|{'---|' * len(MOST)}")
    for way in WAYS:
        cells = []
        for most in MOST:
            found = [passes(each.ids, each.context, way, most) for each in documents]
            count = sum(each for each, _ in found)
            cells.append(f"{predicted / count:.2f} / {sum(reads for _, reads in found) / count:.1f}")
        print(f"| {way.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
