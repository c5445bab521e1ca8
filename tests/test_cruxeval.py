"""CRUXEval's samples, which others made and whose outputs are known: every output agrees, every trace parses.

The data is no part of the project: ``FORETRACE_DATA`` says where it lies (``../shared/data`` by default).
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.scripted import INTERPRETERS
from tracegen import Event, Settings, Trace, parse
from tracegen.programs.samples import Sample, read_samples, run_samples

ROOT = Path(__file__).parent.parent
FILE = ROOT / os.environ.get("FORETRACE_DATA", "../shared/data") / "cruxeval" / "cruxeval.jsonl"
FAITHFUL = [i.path for i in INTERPRETERS if i.version[:2] in ((3, 10), (3, 11))]
"""Interpreters whose events are those of the data that CWM was trained on: 3.10's and 3.11's are the same."""

pytestmark = [
    pytest.mark.skipif(not FILE.is_file(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)"),
    pytest.mark.skipif(not FAITHFUL, reason="no CPython 3.10 or 3.11 here"),
]


def checked(samples: Sequence[Sample]) -> Iterator[Trace]:
    """Each sample's trace, if its output agrees, its text parses back to its frames, and both tracers record it."""
    native, reference = (
        run_samples(samples, Settings(python=FAITHFUL[-1], tracer=tracer), jobs=2) for tracer in ("native", "reference")
    )
    for sample, outcome, other in zip(samples, native, reference, strict=True):
        assert (outcome.sample, outcome.trouble, outcome.agrees) == (sample, None, True)
        assert outcome.told is not None and not outcome.told.dropped
        assert other.told is not None
        rows = [told.table.drop_columns(["provenance"]) for told in (outcome.told, other.told)]
        assert rows[0].equals(rows[1])
        [trace] = outcome.told.traces()
        assert (trace.program_id, trace.entry.name, trace.ending.value) == (sample.id, "main", "returned")
        parsed = parse(trace.pieces())
        assert parsed.frames == trace.frames()
        assert (parsed.context, parsed.finished, parsed.oddities) == (trace.context.text, True, ())
        yield trace


def own_lines(trace: Trace) -> int:
    """LINE steps of the sample's own code: those in its file, so without main's one."""
    code = trace.files.index("program.py")
    return sum(step.event is Event.LINE and step.file == code for step in trace.steps)


def test_the_first_samples_agree_and_parse_back_without_oddities() -> None:
    samples = read_samples(FILE)[:60]
    traces = list(checked(samples))
    assert len(traces) == 60
    assert all(own_lines(trace) == sum(s.event is Event.LINE for s in trace.steps) - 1 for trace in traces)


@pytest.mark.slow
def test_all_samples_agree_and_are_as_long_as_they_are_known_to_be() -> None:
    samples = read_samples(FILE)
    counts: list[int] = []
    events: Counter[str] = Counter()
    for trace in checked(samples):
        counts.append(own_lines(trace))
        events.update(step.event.value for step in trace.steps)
    assert len(counts) == 800
    counts.sort()
    # The percentile of n sorted counts is the one at index n * p // 100, from 0: no interpolation.
    p90, p99 = counts[800 * 90 // 100], counts[800 * 99 // 100]
    assert (counts[0], statistics.median(counts), round(statistics.mean(counts), 1), p90, p99, counts[-1]) == (
        1, 5, 11.2, 24, 98, 625,
    )  # fmt: skip
    assert events["call"] == events["return"]
