"""Read a data set lazily: traces that returned, the deepest step of each, and its text in CWM's format.

python examples/read_a_data_set.py DIR
"""

import sys

import pyarrow.compute as pc

import tracegen


def main(folder: str) -> None:
    for trace in tracegen.read(folder, where=pc.field("ending") == "returned"):
        deepest = max(step.depth for step in trace.steps)
        parsed = tracegen.parse(trace.pieces())
        assert parsed.frames == trace.frames()
        print(f"{trace.entry.name:24} {len(trace.steps):5} steps, depth {deepest}, {len(trace.text()):6} characters")


if __name__ == "__main__":
    main(sys.argv[1])
