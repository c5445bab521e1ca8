"""Whether the native tracer keeps memory: runs inside the interpreter under test.

``python -s -B leaks.py PAYLOAD LIBRARY FIRST COUNT`` plays random programs round after round, each time under new
tracers, and prints as JSON what tracemalloc says is in use after each round.  tracemalloc sees every allocation of the
core, and every object it keeps alive.  What a program itself keeps (caches, counters) is the same under the reference,
which is measured beside it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from tests.differential import Side, play, side  # noqa: E402
from tests.random_programs.generator import generated  # noqa: E402
from tests.random_programs.program import FILE  # noqa: E402

ROUNDS = 6


def in_use(chosen: Side, first: int, count: int) -> list[int]:
    """Bytes in use after each round."""
    found = []
    codes = []
    for seed in range(first, first + count):
        program = generated(seed)
        codes.append((program, compile(program.source, FILE, "exec", dont_inherit=True)))
    for _ in range(ROUNDS):
        for program, code in codes:
            play(chosen, program, code)
        gc.collect()
        found.append(tracemalloc.get_traced_memory()[0])
    return found


def main() -> None:
    """Measure both tracers."""
    payload, library, first, count = sys.argv[1:]
    tracemalloc.start()
    rounds = {
        name: in_use(side(payload, library, native), int(first), int(count))
        for name, native in (("reference", False), ("native", True))
    }
    print(json.dumps(rounds))


if __name__ == "__main__":
    main()
