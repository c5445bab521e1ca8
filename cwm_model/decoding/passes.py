"""One pass for rows that are decoded together, each with as many tokens as it happens to have.

Knows nothing of where requests come from or go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cwm_model.decoding.forward import Forward
from cwm_model.decoding.kv_cache import KeyValues, Segment
from cwm_model.decoding.row import Row
from cwm_model.decoding.sampling import picked

_SEGMENT_COST = 3
"""Attending to one more segment costs as much as this many tokens more in a pass (8 layers, 2 cores)."""

_SEGMENT_COST_GPU = 512


def advance(forward: Forward, cache: KeyValues, rows: Sequence[Row], drafts: int) -> None:
    """Let every row read what it has to read and pick what comes next; row i is the cache's row i.

    ``drafts`` is how many guesses a row alone checks in one pass; N rows check fewer each, a pass of theirs being bound
    by arithmetic and not by memory: that many by the root of N (docs/model.md).
    """
    each = round(drafts / math.sqrt(len(rows)))
    runs = [row.run(each) for row in rows]
    cost = _SEGMENT_COST if forward.weights.device.type == "cpu" else _SEGMENT_COST_GPU
    ids: list[int] = []
    segments: list[Segment] = []
    wanted: list[int] = []
    for first, end, tokens in spans([len(run.ids) for run in runs], cost):
        segments.append(Segment(cache, first, tokens, [row.read for row in rows[first:end]]))
        for run in runs[first:end]:
            last = len(ids) + len(run.ids)
            wanted += range(last - len(run.picks), last)
            ids += run.ids
            # Padding is read as the row's next tokens, and never seen: see kv_cache.py.
            ids += run.ids[-1:] * (tokens - len(run.ids))
    picks = [pick for run in runs for pick in run.picks]
    logits_MV = forward(ids, segments, wanted)
    new = picked(logits_MV, picks) if picks else []
    begin = 0
    for row, run in zip(rows, runs, strict=True):
        row.take(run, new[begin : begin + len(run.picks)])
        begin += len(run.picks)


def spans(counts: Sequence[int], cost: int) -> list[tuple[int, int, int]]:
    """Neighbouring rows to take together, ``(first, end, tokens)``, the shorter ones padded where that is cheaper.

    ``cost`` is what a span costs beside its tokens.

    >>> spans([1, 1, 1, 1], 3), spans([1, 1, 2, 1], 3), spans([1, 1, 9, 1], 3)
    ([(0, 4, 1)], [(0, 4, 2)], [(0, 2, 1), (2, 3, 9), (3, 4, 1)])
    """
    if min(counts) == max(counts):
        return [(0, len(counts), counts[0])]
    cheapest = [0]
    begins = [0]
    for end in range(1, len(counts) + 1):
        best, begin, longest = None, 0, 0
        for first in range(end - 1, -1, -1):
            longest = max(longest, counts[first])
            whole = cheapest[first] + cost + (end - first) * longest
            if best is None or whole < best:
                best, begin = whole, first
        assert best is not None
        cheapest.append(best)
        begins.append(begin)
    found: list[tuple[int, int, int]] = []
    end = len(counts)
    while end:
        found.append((begins[end], end, max(counts[begins[end] : end])))
        end = begins[end]
    return found[::-1]
