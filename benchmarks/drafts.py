"""How far guesses come true: ids a pass on the true traces of held-out programs, for a greedy model that is right.

    python -m benchmarks.drafts [--programs 128]

Counts only, so it is the same on every machine.  A pass gives one id and those of its guesses that were right.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.bundled_model import traced
from benchmarks.machine import described
from cwm_model import held_out
from cwm_model.decoding.drafting import GRAMS, LONGEST, Lookup
from cwm_model.tokenizer import small
from cwm_model.training.documents import Document, document
from tracegen.programs.samples import Sample

MOST = (3, 8, 16, 24)
WAYS = {"by three ids, as in prompt lookup": (3,), "by the longest run": GRAMS}


def passes(ids: Sequence[int], begin: int, grams: Sequence[int], most: int) -> int:
    """How many a sequence takes from a place on."""
    lookup = Lookup(grams)
    count, here = 0, begin
    while here < len(ids):
        lookup.read(ids[:here])
        place = lookup.after(ids[max(0, here - LONGEST) : here])
        end = here + 1
        while place is not None and end <= here + most and end < len(ids) and ids[place] == ids[end - 1]:
            place, end = place + 1, end + 1
        count, here = count + 1, end
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=128)
    asked = parser.parse_args()
    samples = [Sample(each.id, each.code, each.input) for each in held_out.held_out(asked.programs)]
    documents: list[Document] = [document(trace, small()) for trace in traced(samples)]
    predicted = sum(len(each) - each.context for each in documents)
    print(described(), f"\n{len(documents)} traces, {predicted} ids behind the contexts; ids a pass:\n")
    print(f"| most guesses | {' | '.join(map(str, MOST))} |\n|---|{'---|' * len(MOST)}")
    for name, grams in WAYS.items():
        rates = (predicted / sum(passes(each.ids, each.context, grams, most) for each in documents) for most in MOST)
        print(f"| {name} | {' | '.join(f'{rate:.2f}' for rate in rates)} |", flush=True)


if __name__ == "__main__":
    main()
