"""Reads and judges the items of an exported task: this file stands in the exported folder, beside items.jsonl.

Needs the standard library alone (and for lm-eval ``datasets``, which it comes with).  Two metrics: ``exact_match``, the
answer's text is the target's; ``literal_match``, both say the same value, which is foretrace's own judgement and is
there only where foretrace can be imported.  An answer that the model did not finish counts as it stands, since
harnesses do not tell why a text ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from evals.literal import same
except ImportError:
    same = None  # type: ignore[assignment]

METRICS = ("exact_match",) if same is None else ("exact_match", "literal_match")
OPEN, CLOSE = "[ANSWER]", "[/ANSWER]"


def items() -> list[dict[str, Any]]:
    """All items."""
    lines = Path(__file__).with_name("items.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def dataset(**_: Any) -> dict[str, Any]:
    """All items as lm-eval's ``custom_dataset`` is to give them."""
    from datasets import Dataset

    return {"test": Dataset.from_list(items())}


def prompt(item: dict[str, Any]) -> str:
    """What a model goes on with."""
    return str(item["prompt"])


def target(item: dict[str, Any]) -> str:
    """The answer that is right."""
    return str(item["target"])


def answer(item: dict[str, Any], text: str) -> str | None:
    """The answer in a model's text; None if there is none."""
    if item["opened"] and OPEN not in text:
        return None
    return text.rpartition(OPEN)[2].partition(CLOSE)[0].strip() or None


def judged(item: dict[str, Any], text: str) -> dict[str, float]:
    """Each metric of one answer, 1 or 0."""
    found, wanted = answer(item, text), target(item)
    scores = {"exact_match": float(found == wanted)}
    if same is not None:
        scores["literal_match"] = float(found is not None and same(found, wanted))
    return scores


def process_results(item: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """As lm-eval calls it."""
    return judged(item, results[0])
