"""The `halting` task: does a program halt on its input, or loop for ever?  Every label has a checked certificate.

"loops" is the positive class.  In language the answer is one of two words.  In a trace, a model says "halts" by ending
it, and "loops" by repeating a state: that is what the model believes, no certificate, and a loop whose numbers only
grow repeats none, so that there a trace can say nothing.  Knows nothing of how models are run, nor of proofs: see
termination/.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from cwm_model.predict import Mode
from cwm_model.predicting.prediction import Outcome, Prediction
from cwm_model.predicting.prompts import prompt_of_call
from cwm_model.talking import Said
from evals.language import Style, extracted, talk
from evals.statistics import auc, bootstrap, clustered, macro_f1, mcc
from evals.task import Answer, Asked, Judged, Metric, Question, Sample, Traced
from evals.termination.items import Completed, Item, Label, Lasso, Recurrent, read_items
from evals.verdict import Score, Verdict
from tracegen import CannotRun, Event, Frame
from tracegen.context import normalised
from tracegen.grammar import Piece
from tracegen.programs.calls import Call

DATA = Path(__file__).parent / "data" / "halting.jsonl"
TRACE = "trace"
ABSTAINED = ("unknown", "undecided", "unsure", "i don't know")

ASKED = """Below is a Python function f and a call of it. Integers have no bound, and time and memory have no end. \
Does the call halt, or does it loop for ever? The answer is one word: halts or loops."""
CHAT = "Put that word alone between [ANSWER] and [/ANSWER] tags."
EXAMPLES = (
    (
        "def f(size):\n    parts = 0\n    while size >= 3:\n        size -= 3\n        parts += 1\n    return parts",
        "8",
        "size is 8, then 5, then 2. 2 >= 3 is false, so the loop is left and f returns 2.",
        "halts",
    ),
    (
        "def f(size):\n    parts = 0\n    while size != 0:\n        size -= 3\n        parts += 1\n    return parts",
        "8",
        "size is 8, then 5, 2, -1, -4 and so on. It is never 0, and it only falls, so the loop goes on for ever.",
        "loops",
    ),
    (
        "def f(marks):\n    place = 0\n    while marks[place] != 0:\n        place = (place + 2) % 4\n    return place",
        "[7, 0, 4, 0]",
        "place is 0, then 2, then 0 again. marks[0] is 7 and marks[2] is 4, neither is 0, so it goes round for ever.",
        "loops",
    ),
    (
        "def f(marks):\n    place = 0\n    while marks[place] != 0:\n        place = (place + 3) % 4\n    return place",
        "[7, 0, 4, 0]",
        "place is 0, then 3. marks[3] is 0, so the loop is left and f returns 3.",
        "halts",
    ),
)
"""Code, input, a thought, the answer: written for the prompt, and no items."""

Count = Callable[[Sequence[Piece]], int]
PER_STEP, ROOM = 96, 512
"""Tokens of a frame's marks and locals, and of what stands around them, that a cap leaves room for."""


class Halting:
    """The task.  ``path`` is JSONL as data/README.md describes it; ``count`` says how long a text is for the model.

    A trace may be as long as its pair's halting one, and as the loop up to a repeated state, with much room: the cap is
    the same for both, and says nothing of the label.
    Raises CannotRun if the data cannot be read, or for a mode that there is not.
    """

    name = "halting"
    semantics = "literal"

    def __init__(
        self, mode: str, path: Path | None = None, count: Count | None = None, most: int | None = None
    ) -> None:
        styles = {each.value: each for each in Style}
        if mode != TRACE and mode not in styles:
            raise CannotRun(f"halting has no mode {mode!r}: there are {', '.join((*styles, TRACE))}")
        path = path or DATA
        self.mode = mode
        self._style = styles.get(mode)
        items = {item.id: item for item in read_items(path)}
        told = {
            id: item for id, item in items.items() if self._style or (_shows(item) and _shows(items.get(item.pair)))
        }
        self._items = told
        left_out = {"the loop repeats no state, which no trace can show (and its pair)": len(items) - len(told)}
        self.left_out: Mapping[str, int] = {why: count for why, count in left_out.items() if count}
        self._count, self._most = count, most
        self.hashes: Mapping[str, str] = {"data": hashlib.sha256(path.read_bytes()).hexdigest()}

    def questions(self) -> Sequence[Question]:
        """One for each item, in the data's order."""
        return [Question(id, self._asked(item)) for id, item in self._items.items()]

    def _asked(self, item: Item) -> Asked:
        if self._style is None:
            return Traced(prompt_of_call(_call(item)), Mode.FULL, self._most or self._cap(item))
        program = _program(item.code, item.input)
        return talk(self._style, f"{_examples(self._style)}\n{program}", f"{ASKED}\n\n{program}\n{CHAT}", self._most)

    def _cap(self, item: Item) -> int:
        """Tokens of a trace; the same for both of a pair."""
        pair = [each for each in (item, self._items.get(item.pair)) if each]
        steps = [each.certificate.steps for each in pair if isinstance(each.certificate, Completed)]
        # The second time that a state comes must be within it.
        steps += [each.certificate.second for each in pair if isinstance(each.certificate, Lasso)]
        if not steps:
            held = [each.certificate for each in self._items.values()]
            steps = [each.steps for each in held if isinstance(each, Completed)] or [100]
        lines = [line for each in pair for line in each.code.split("\n")]
        longest = max(self._count([line]) if self._count else len(line) for line in lines)
        return ROOM + max(steps) * (PER_STEP + longest)

    def judge(self, id: str, answer: Answer) -> Judged:
        """Right if what is said is the item's label; an answer that is neither word is malformed."""
        item = self._items[id]
        if self._style is None:
            assert isinstance(answer, Prediction)
            found, tokens = said_by(answer), len(answer.ids)
        else:
            assert isinstance(answer, Said)
            text, tokens = extracted(self._style, answer), answer.tokens
            found = text if isinstance(text, Score) else _read(text)
        if isinstance(found, Score):
            score, said = found, None
        else:
            said = found.value
            right = found is item.label
            score = Score(Verdict.RIGHT if right else Verdict.WRONG, said, "" if right else f"it {item.label.value}")
        return Judged(score, {"label": item.label.value, "family": item.family, "said": said, "tokens": tokens})

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        """``mcc``, ``macro_f1``, ``majority``, ``abstained``; ``auc`` where some item has several samples.

        An answer that says neither counts as the wrong one in the first two and the last.  ``majority`` is what the
        more frequent label alone would score, ``abstained`` the share of answers that say neither.  The score for
        ``auc`` is the share of an item's samples that say "loops".
        """
        by_item: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        silent: dict[str, list[float]] = defaultdict(list)
        for sample in samples:
            loops = self._items[sample.id].label is Label.LOOPS
            by_item[sample.id].append((loops, loops is sample.judged.score.right))
            silent[sample.id].append(float(sample.judged.facts["said"] is None))
        items = [by_item[id] for id in sorted(by_item)]
        if not items:
            return {}
        common = Counter(pairs[0][0] for pairs in items).most_common(1)[0][0]
        found = {
            "mcc": bootstrap(items, partial(_flat, mcc)),
            "macro_f1": bootstrap(items, partial(_flat, macro_f1)),
            "majority": clustered([[float(pairs[0][0] is common)] for pairs in items]),
            "abstained": clustered(list(silent.values())),
        }
        if any(len(pairs) > 1 for pairs in items):
            scored = [(pairs[0][0], sum(said for _, said in pairs) / len(pairs)) for pairs in items]
            found["auc"] = bootstrap(scored, auc)
        return found


def _shows(item: Item | None) -> bool:
    """Whether a trace can say that an item halts or loops: a loop whose state never repeats it cannot."""
    return item is None or not isinstance(item.certificate, Recurrent)


def _flat(
    statistic: Callable[[Sequence[tuple[bool, bool]]], float], items: Sequence[Sequence[tuple[bool, bool]]]
) -> float:
    return statistic([pair for pairs in items for pair in pairs])


def said_by(predicted: Prediction) -> Label | Score:
    """What a predicted trace says: it ends, or it repeats a state; a score where it says neither."""
    if predicted.outcome is Outcome.FINISHED:
        return Label.HALTS
    if repeats(predicted.frames):
        return Label.LOOPS
    if predicted.outcome is Outcome.LIMIT:
        return Score(Verdict.CUT_OFF, None, "neither an end nor a repeated state within the tokens allowed")
    if predicted.outcome is Outcome.MALFORMED:
        return Score(Verdict.MALFORMED, None, predicted.detail)
    return Score(Verdict.UNANSWERED, None, predicted.detail or "the trace stops before its end")


def repeats(frames: Sequence[Frame]) -> bool:
    """Whether a state comes twice: the same line and locals of every scope that is open, the same scopes being open.

    A scope that was left and entered again is another.  States in which an iterator shows, and states before a ``for``,
    whose iterator does not show, count for nothing.
    """
    stack: list[tuple[int, object]] = [(0, None)]
    seen: set[tuple[tuple[int, object], ...]] = set()
    for number, frame in enumerate(frames, start=1):
        if frame.event is Event.CALL:
            stack.append((number, None))
        elif frame.event is Event.RETURN and len(stack) > 1:
            stack.pop()
        elif frame.event is Event.LINE:
            stack[-1] = (stack[-1][0], (frame.source, frame.locals))
            if frame.source.lstrip().startswith("for "):
                seen.clear()
            elif not any("iterator" in text or "generator" in text for _, text in frame.locals):
                if tuple(stack) in seen:
                    return True
                seen.add(tuple(stack))
    return False


def _read(text: str) -> Label | Score:
    word = text.strip().strip(".`'\"").lower()
    for label in Label:
        if word == label.value:
            return label
    if word in ABSTAINED:
        return Score(Verdict.UNANSWERED, text, "abstained")
    return Score(Verdict.MALFORMED, text, "neither halts nor loops")


def _call(item: Item) -> Call:
    return Call(item.id, normalised(item.code), "f", item.input, "<program>", "program.py", "program")


def _program(code: str, input: str) -> str:
    return f"[PYTHON]\n{code.strip()}\n[/PYTHON]\nThe call: f({input})\n"


def _examples(style: Style) -> str:
    parts = [ASKED, ""]
    for code, input, thought, answer in EXAMPLES:
        parts.append(_program(code, input).rstrip("\n"))
        if style is Style.COT:
            parts += ["[THOUGHT]", thought, "[/THOUGHT]"]
        parts += ["[ANSWER]", answer, "[/ANSWER]", ""]
    return "\n".join(parts)
