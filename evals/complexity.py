"""The `complexity` task: by which class do a function's executed lines grow with the size of its input?

The label is of steps, counted in real traces (growth/): what a builtin does inside is no step, and the question says
so.  The functions of our own data use no builtin that hides a loop, so that for them it is the running time's class
too.  Knows nothing of how models are run.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from cwm_model.talking import Said
from evals.growth.fit import Growth
from evals.growth.inputs import INPUTS
from evals.growth.items import Item, read_items
from evals.growth.spelling import read_growth
from evals.language import Style, extracted, talk
from evals.statistics import bootstrap
from evals.task import Answer, Judged, Metric, Question, Sample
from evals.verdict import Score, Verdict

DATA = Path(__file__).parent / "data" / "complexity.jsonl"

CLASSES = ", ".join(each.value for each in Growth)

ASKED = f"""Below is a Python function and what it is called with. A step is one execution of one line of the program: \
a line counts each time it is executed, and what a builtin does inside does not count. How does the number of steps \
of one call grow with n? Choose one of these classes, and none that grows faster than needed: {CLASSES}."""

CHAT = "Give the class alone, spelled as above, between [ANSWER] and [/ANSWER] tags."

EXAMPLES = (
    (
        """def positions(values, wanted):
    found = []
    for place in range(len(values)):
        if values[place] == wanted:
            found.append(place)
    return found
""",
        "positions",
        "a list of n integers, and an integer",
        """The loop runs once for each of the n values. Each turn executes the loop's line and the test, and at most \
one line more. The lines before and after the loop are executed once. So the steps are a constant times n.""",
        "O(n)",
    ),
    (
        """def trailing_turns(n):
    turns = 0
    while n > 2:
        n = n // 3
        turns += 1
    return turns
""",
        "trailing_turns",
        "the integer n",
        """Each turn of the loop divides n by 3, so there are about log n turns to base 3, and the base is a constant \
factor. Each turn executes three lines. So the steps are a constant times log n.""",
        "O(log n)",
    ),
    (
        """def rectangle_areas(sides):
    areas = []
    for width in sides:
        for height in sides:
            areas.append(width * height)
    return areas
""",
        "rectangle_areas",
        "a list of n integers",
        """The outer loop runs n times, and in each turn the inner one runs n times, whatever the values are. So two \
lines are executed n * n times, and that is most of the steps: a constant times n^2.""",
        "O(n^2)",
    ),
)
"""Code, function, what it is called with, a thought, the answer: written for the prompt, and no items."""


def confusion(samples: Sequence[Sample]) -> Mapping[tuple[str, str], int]:
    """How many samples of a true class were said to be of another, by (class, said); "" is said where none was read."""
    facts = (sample.judged.facts for sample in samples)
    return Counter((str(each["class"]), str(each["said"] or "")) for each in facts)


class Complexity:
    """The task.  ``path`` is JSONL as data/README.md describes it; ``most`` tokens an answer, or the style's own.

    Raises CannotRun if the data cannot be read.
    """

    name = "complexity"
    semantics = "literal"
    left_out: Mapping[str, int] = {}

    def __init__(self, style: Style, path: Path = DATA, most: int | None = None) -> None:
        self._items = {item.id: item for item in read_items(path)}
        self._style = style
        self._most = most
        self.mode = style.value
        self.hashes: Mapping[str, str] = {"data": hashlib.sha256(path.read_bytes()).hexdigest()}

    def questions(self) -> Sequence[Question]:
        """One for each item, in the data's order."""
        return [
            Question(id, talk(self._style, _shown(self._style, item), _asked(item), self._most))
            for id, item in self._items.items()
        ]

    def judge(self, id: str, answer: Answer) -> Judged:
        """Right if the class that is named is the item's; an answer that names none of the seven is malformed."""
        assert isinstance(answer, Said)
        true = self._items[id].growth
        text = extracted(self._style, answer)
        said = None
        if isinstance(text, Score):
            score = text
        elif (said := read_growth(text)) is None:
            score = Score(Verdict.MALFORMED, text, f"none of {CLASSES}")
        elif said is not true:
            score = Score(Verdict.WRONG, text, f"it is {true.value}")
        else:
            score = Score(Verdict.RIGHT, text)
        return Judged(score, {"class": true.value, "said": said.value if said else None})

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        """``macro accuracy``: the mean over true classes of the share of right samples, with a bootstrap over items."""
        by_item: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            by_item[sample.id].append(sample)
        items = [
            (self._items[id].growth, sum(each.judged.score.right for each in found) / len(found))
            for id, found in sorted(by_item.items())
        ]
        return {"macro accuracy": bootstrap(items, _macro)}


def _macro(items: Sequence[tuple[Growth, float]]) -> float:
    """The mean over classes of the mean over a class's items."""
    by_class: dict[Growth, list[float]] = defaultdict(list)
    for growth, right in items:
        by_class[growth].append(right)
    return sum(sum(each) / len(each) for each in by_class.values()) / len(by_class)


def _program(code: str, function: str, says: str) -> str:
    return f"[PYTHON]\n{code.strip()}\n[/PYTHON]\nThe function {function} is called with: {says}.\n"


def _asked(item: Item) -> str:
    """The question for a chat."""
    return f"{ASKED}\n\n{_program(item.code, item.function, INPUTS[item.builder].says)}\n{CHAT}"


def _shown(style: Style, item: Item) -> str:
    """The question for a base model, behind worked examples."""
    parts = [ASKED, ""]
    for code, function, says, thought, answer in EXAMPLES:
        parts.append(_program(code, function, says).rstrip("\n"))
        if style is Style.COT:
            parts += ["[THOUGHT]", thought, "[/THOUGHT]"]
        parts += ["[ANSWER]", answer, "[/ANSWER]", ""]
    return "\n".join(parts) + "\n" + _program(item.code, item.function, INPUTS[item.builder].says)
