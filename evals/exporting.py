"""A task as a folder that another harness runs: EleutherAI's lm-eval, or inspect_ai.

Of tasks whose questions are texts to go on with (direct, chain of thought).  The folder has the items, exported.py to
judge with, and what the harness reads.  Knows nothing of any one task.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from cwm_model.talking import Talk
from evals import exported
from evals.language import OPEN
from evals.task import Task
from tracegen import CannotRun
from tracegen.aside import put, refusals


class Harness(Enum):
    """Who is to run a task."""

    LM_EVAL = "lm-eval"
    INSPECT = "inspect"


@runtime_checkable
class Exported(Protocol):
    """What a task has beside its questions where right answers can be written down."""

    def target(self, id: str) -> str:
        """The answer to a question that counts as right."""


_LM_EVAL = """\
# lm-eval run --tasks {name} --include_path FOLDER --model local-completions --model_args ...
task: {name}
custom_dataset: !function exported.dataset
test_split: test
output_type: generate_until
num_fewshot: 0
doc_to_text: !function exported.prompt
doc_to_target: !function exported.target
process_results: !function exported.process_results
generation_kwargs:
  until: {stop}
  max_gen_toks: {most}
  do_sample: false
  temperature: 0.0
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
  - metric: literal_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
"""

_INSPECT = '''\
"""{name}: inspect eval task.py --model ..."""

import sys
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate

sys.path.insert(0, str(Path(__file__).parent))
import exported


@scorer(metrics={{name: [mean(), stderr()] for name in exported.METRICS}})
def judged():
    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        return Score(value=exported.judged(state.metadata, text), answer=exported.answer(state.metadata, text))

    return score


@task
def {name}() -> Task:
    samples = [
        Sample(id=item["id"], input=item["prompt"], target=item["target"], metadata=item)
        for item in exported.items()
    ]
    return Task(
        dataset=MemoryDataset(samples),
        solver=generate(stop_seqs={stop}, max_tokens={most}, temperature=0.0),
        scorer=judged(),
    )
'''


def export(task: Task, harness: Harness, folder: Path) -> list[Path]:
    """Write a task's folder, what the harness looks for last; the files that were written.

    Raises CannotRun for a task that is no text to go on with, and for a folder that has something in it.
    """
    items, stop, most = _items(task)
    name = re.sub(r"\W", "_", f"foretrace_{task.name}_{task.mode}")
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CannotRun(f"{folder}: has something in it: give a new folder")
    last, text = (f"{name}.yaml", _LM_EVAL) if harness is Harness.LM_EVAL else ("task.py", _INSPECT)
    files = {
        "items.jsonl": "".join(json.dumps(item) + "\n" for item in items),
        "exported.py": Path(exported.__file__).read_text(encoding="utf-8"),
        last: text.format(name=name, stop=json.dumps(stop), most=most),
    }
    for each, content in files.items():
        put(folder / each, content.encode())
    return [folder / each for each in files]


def _items(task: Task) -> tuple[list[dict[str, object]], list[str], int]:
    """The items, the texts that stop all of them, the most tokens of any."""
    if not isinstance(task, Exported):
        raise CannotRun(f"{task.name}: its right answers are no texts, so no other harness can judge it")
    items: list[dict[str, object]] = []
    stops: set[tuple[str, ...]] = set()
    most = 1
    for question in task.questions():
        talk = question.asked
        if not isinstance(talk, Talk) or talk.messages:
            raise CannotRun(f"{task.name}, mode {task.mode}: only texts to go on with can be exported: direct or cot")
        # A prompt that opens the answer gets the answer alone.
        opened = not talk.begin.endswith(f"{OPEN}\n")
        items.append({"id": question.id, "prompt": talk.begin, "target": task.target(question.id), "opened": opened})
        stops.add(talk.stop)
        most = max(most, talk.most)
    if len(stops) != 1:
        raise CannotRun(f"{task.name}: has {len(stops)} ways to stop: a harness has one for all items")
    return items, list(stops.pop()), most
