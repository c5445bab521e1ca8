"""``results.json``: what a run's samples come to.  Counts first, rates with their intervals, groups, what failed.

Knows nothing of models, and of a task only its own metrics.
"""

from __future__ import annotations

import json
import math
import platform
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from evals.records import Record
from evals.statistics import clustered, pass_at_k
from evals.task import Metric, Sample, Task
from evals.verdict import Tally, Verdict
from tracegen import CannotRun, aside

RESULTS, SAMPLES, SETTINGS = "results.json", "samples.jsonl", "run.json"
_KS = (1, 5, 10, 20, 50, 100)
MOST_GROUPS = 40
"""A text that takes more values than this tells items apart, not groups."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a run came to.

    ``n`` counts items with an answer, ``samples`` all answers; ``failed`` those that a backend did not give, which are
    in no rate, ``failures`` why; ``left_out`` what of the data is not asked, by reason.  ``groups`` has pass@1 by every
    text that was noted of the samples.
    """

    task: str
    mode: str
    semantics: str
    n: int
    samples: int
    failed: int
    failures: Mapping[str, int]
    left_out: Mapping[str, int]
    metrics: Mapping[str, Metric]
    verdicts: Mapping[str, int]
    groups: Mapping[str, Mapping[str, Metric]]
    tokens: int
    versions: Mapping[str, str]
    hashes: Mapping[str, str]
    settings: Mapping[str, Any]
    command: str

    def as_json(self) -> str:
        """The file's text."""
        return json.dumps(_finite(asdict(self)), indent=1) + "\n"


def results_of(task: Task, records: Iterable[Record], settings: Mapping[str, Any], command: str) -> Results:
    """The results of judged records."""
    known = list(records)
    samples = [Sample(each.id, each.sample, each.judged) for each in known if each.judged is not None]
    tally = Tally.of(sample.judged.score for sample in samples)
    return Results(
        task=task.name,
        mode=task.mode,
        semantics=task.semantics,
        n=len({sample.id for sample in samples}),
        samples=len(samples),
        failed=len(known) - len(samples),
        failures=dict(Counter(str(each.raw.get("failed")) for each in known if each.judged is None)),
        left_out=dict(task.left_out),
        metrics={**_rates(samples), **_means(samples), **task.metrics(samples)} if samples else {},
        verdicts={verdict.value: getattr(tally, verdict.name.lower()) for verdict in Verdict},
        groups=_groups(samples),
        tokens=sum(each.tokens for each in known),
        versions=versions(),
        hashes=dict(task.hashes),
        settings=dict(settings),
        command=command,
    )


def store(folder: Path, results: Results) -> None:
    """Write ``results.json``, whole or not at all."""
    aside.put(folder / RESULTS, results.as_json().encode("ascii"))


def stored(folder: Path, name: str = RESULTS) -> dict[str, Any]:
    """A run's ``results.json`` or ``run.json``.  Raises CannotRun."""
    path = folder / name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CannotRun(f"{folder}: is no run: it has no {name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CannotRun(f"{path}: cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise CannotRun(f"{path}: wanted an object, found a {type(found).__name__}")
    return found


def versions() -> dict[str, str]:
    """What this ran with."""
    found = {"python": platform.python_version()}
    for name in ("foretrace", "torch", "transformers", "tokenizers"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def command_line() -> str:
    """The command as it was given."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def by_item(samples: Sequence[Sample], of: str = "") -> dict[str, list[float]]:
    """An item's samples as numbers: 1 for a right one, or the fact ``of``, where it was measured."""
    found: dict[str, list[float]] = {}
    for sample in samples:
        value = sample.judged.facts.get(of) if of else float(sample.judged.score.right)
        if isinstance(value, (int, float)):
            found.setdefault(sample.id, []).append(float(value))
    return found


def _rates(samples: Sequence[Sample]) -> dict[str, Metric]:
    items = by_item(samples)
    fewest = min(map(len, items.values()))
    found = {"pass@1": clustered(list(items.values()))}
    for k in _KS[1:]:
        if k <= fewest:
            found[f"pass@{k}"] = clustered([[pass_at_k(len(each), int(sum(each)), k)] for each in items.values()])
    for verdict in Verdict:
        shares: dict[str, list[float]] = {}
        for sample in samples:
            shares.setdefault(sample.id, []).append(float(sample.judged.score.verdict is verdict))
        if verdict is not Verdict.RIGHT:
            found[verdict.value] = clustered(list(shares.values()))
    return found


def _means(samples: Sequence[Sample]) -> dict[str, Metric]:
    names = dict.fromkeys(name for sample in samples for name in sample.judged.facts)
    values = {name: list(by_item(samples, name).values()) for name in names}
    return {name: clustered(found) for name, found in values.items() if found}


def _groups(samples: Sequence[Sample]) -> dict[str, dict[str, Metric]]:
    groups: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        for name, fact in sample.judged.facts.items():
            if isinstance(fact, str):
                groups.setdefault(name, {}).setdefault(fact, []).append(sample)
    return {
        name: {text: clustered(list(by_item(members).values())) for text, members in sorted(found.items(), key=_order)}
        for name, found in groups.items()
        if len(found) <= MOST_GROUPS
    }


def _order(group: tuple[str, Sequence[Sample]]) -> tuple[int, str]:
    """Ranges in the order of their numbers, texts by the alphabet."""
    digits = group[0].split(" ")[0].strip("≤<>+")
    return (int(digits) if digits.isascii() and digits.isdigit() else -1, group[0])


def _finite(value: Any) -> Any:
    """JSON has no nan."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
