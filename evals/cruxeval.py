"""CRUXEval: what does ``f`` return, what makes it return this?  By language, or by predicting the trace of the call.

Items are rows {id, code, input, output}.  In the trace modes a synthetic ``main`` makes the call and the answer is
what its RETURN shows.  Semantics are the literal ones (answers.py) or CRUXEval's own (official.py).  Knows nothing of
how a model is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum

from cwm_model.backends import Finish
from cwm_model.predict import Mode as Driven
from cwm_model.predicting.prediction import Outcome, Prediction, answer
from cwm_model.predicting.prompts import prompt_of_call
from cwm_model.talking import Said, Talk
from evals import answers, official
from evals.comparison import ends_raising, last_raised
from evals.executed import Judge
from evals.language import CLOSE, OPEN, Style, extracted, talk
from evals.literal import kind
from evals.official import Asked as Side
from evals.statistics import clustered
from evals.task import Answer, Fact, Judged, Metric, Question, Sample, Traced, allowed
from evals.verdict import Score, Verdict
from tracegen.context import normalised
from tracegen.programs.calls import Call
from tracegen.programs.samples import SAMPLE_FUNCTION
from tracegen.programs.samples import Sample as Row

FRAMES = (12, 24, 48, 96)
"""Bounds of the groups of trace lengths."""


class Semantics(Enum):
    """By which rules an answer counts as right."""

    LITERAL = "literal"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Length:
    """A real trace in frames; what is asked for of it (all, or its RETURN alone) in the model's tokens."""

    frames: int
    tokens: int


class CruxEval:
    """One side of CRUXEval as a task (`evals.task.Task`).

    ``mode`` is direct, cot or reasoning; for outputs also trace (all frames) or single (the return at once); or
    answers, which were made elsewhere and stand alone.  ``lengths`` are those of the real traces by item, as far as
    they are known: what is predicted may take twice as many tokens and 256.  ``data`` is the sha256 of the data set
    that the rows were chosen from.
    """

    def __init__(
        self,
        side: Side,
        mode: str,
        rows: Sequence[Row],
        judge: Judge,
        semantics: Semantics = Semantics.LITERAL,
        lengths: Mapping[str, Length] | None = None,
        data: str | None = None,
    ) -> None:
        self.name = f"cruxeval-{side.value[0]}"
        self.mode = mode
        self.semantics = semantics.value
        self.hashes = {"data": data or digest(rows)}
        self.left_out: Mapping[str, int] = {}
        self._side, self._official, self._judge = side, semantics is Semantics.OFFICIAL, judge
        self._rows = {row.id: row for row in rows}
        self._lengths = lengths or {}
        self._style = Style.DIRECT if mode == ANSWERS else Style(mode) if mode not in TRACED else None

    def questions(self) -> Sequence[Question]:
        """One of each row."""
        return [Question(row.id, self._asked(row)) for row in self._rows.values()]

    def target(self, id: str) -> str:
        """An answer that is right: the output, or the call that the data has."""
        row = self._rows[id]
        return row.output or "" if self._side is Side.OUTPUT else f"{SAMPLE_FUNCTION}({row.input})"

    def judge(self, id: str, answer: Answer) -> Judged:
        """What is said of an answer."""
        row = self._rows[id]
        found: dict[str, Fact] = {"type": kind(row.output or "")}
        if (length := self._lengths.get(id)) is not None:
            found |= {"frames": bucket(length.frames), "true tokens": length.tokens}
        if isinstance(answer, Said):
            score = self._said(row, answer, found)
            found["tokens"] = answer.tokens
        else:
            assert isinstance(answer, Prediction)
            score = self._predicted(row, answer, found)
            found |= {"tokens": len(answer.ids), "whole": float(answer.outcome.whole)}
        return Judged(score, found)

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        """Under the official semantics, pass@1 as the official scorer counts: rejected answers are no answers."""
        if not self._official:
            return {}
        verdicts: dict[str, list[bool | None]] = {}
        for sample in samples:
            rejected = sample.judged.facts.get("rejected")
            verdicts.setdefault(sample.id, []).append(None if rejected else sample.judged.score.right)
        counted = official.Official({id: tuple(each) for id, each in verdicts.items()})
        return {"official pass@1": clustered([list(map(float, counted.counted(id))) for id in verdicts])}

    def judge_all(self, answers: Sequence[tuple[str, str]]) -> list[Judged]:
        """What is said of many answers that were made elsewhere, each with its item's id."""
        if not self._official:
            return self._judge.each(lambda each: self.judge(each[0], _alone(each[1])), answers)
        # Many assertions at once take a tenth of the time that one after the other does.
        texts = [self._bare(text) for _, text in answers]
        asserted = [
            official.asserted(self._side, self._rows[id], text) for (id, _), text in zip(answers, texts, strict=True)
        ]
        held = iter(self._judge.all_hold([each for each in asserted if each is not None]))
        found = []
        for (id, _), text, assertion in zip(answers, texts, asserted, strict=True):
            facts: dict[str, Fact] = {"type": kind(self._rows[id].output or "")}
            found.append(Judged(_officially(text, None if assertion is None else next(held), facts), facts))
        return found

    def _asked(self, row: Row) -> Traced | Talk:
        if self._style is None:
            call = Call(row.id, normalised(row.code), SAMPLE_FUNCTION, row.input, "<program>", "program.py", "program")
            length = self._lengths.get(row.id)
            whole = self.mode == "trace"
            most = allowed(length.tokens) if length is not None else None
            return Traced(prompt_of_call(call), Driven.FULL if whole else Driven.SINGLE, most)
        return talk(self._style, shown(self._side, self._style, row), asked(self._side, row))

    def _said(self, row: Row, said: Said, found: dict[str, Fact]) -> Score:
        assert self._style is not None
        if self.mode == ANSWERS and self._official:
            return self._scored(row, self._bare(said.text), found)
        text = extracted(self._style, said)
        if isinstance(text, Score):
            return text
        if self._official:
            raw = said.text if self._style is not Style.REASONING else text
            return self._scored(row, official.postprocessed(self._side, raw, self._style is Style.COT), found)
        return self._scored(row, self._plain(row, text), found)

    def _predicted(self, row: Row, prediction: Prediction, found: dict[str, Fact]) -> Score:
        value = answer(prediction)
        if value is not None and ends_raising(prediction.frames):
            return Score(Verdict.WRONG, value, f"the trace raises {last_raised(prediction.frames)}")
        if value is not None:
            return self._scored(row, value, found)
        verdict = {Outcome.LIMIT: Verdict.CUT_OFF, Outcome.MALFORMED: Verdict.MALFORMED}
        why = prediction.detail or "the trace ends without a return of its entry"
        return Score(verdict.get(prediction.outcome, Verdict.UNANSWERED), None, why)

    def _scored(self, row: Row, text: str, found: dict[str, Fact]) -> Score:
        if self._official:
            return _officially(text, official.passes(self._side, row, text, self._judge), found)
        if self._side is Side.OUTPUT:
            return answers.output_score(row.output or "", text)
        return answers.input_score(row, text, self._judge)

    def _bare(self, text: str) -> str:
        """An answer made elsewhere, for the official rules: as it stands, or from between its tags."""
        return official.postprocessed(self._side, text, OPEN in text).partition(CLOSE)[0] if OPEN in text else text

    def _plain(self, row: Row, text: str) -> str:
        """The value or the call of an answer that repeats the whole assertion."""
        bare = text.strip().removeprefix("assert ").strip()
        if self._side is Side.OUTPUT:
            call = f"{SAMPLE_FUNCTION}({row.input})"
            behind = bare.removeprefix(call).lstrip()
            return behind[2:].strip() if bare.startswith(call) and behind.startswith("==") else bare
        for end in (f"== {row.output}", f"=={row.output}"):
            bare = bare.removesuffix(end)
        return bare.strip()


def _alone(text: str) -> Said:
    return Said(text, Finish.STOPPED)


def _officially(text: str, passes: bool | None, facts: dict[str, Fact]) -> Score:
    """A score by the official rules; None is a rejected answer."""
    facts["rejected"] = float(passes is None)
    why = "rejected" if passes is None else "" if passes else "the assertion fails"
    return Score(Verdict.RIGHT if passes else Verdict.WRONG, text, why)


TRACED = ("trace", "single")
"""Modes in which a model answers with frames."""
ANSWERS = "answers"
"""The mode of answers that were made elsewhere."""


def digest(rows: Sequence[Row]) -> str:
    """The sha256 of rows, in their order."""
    return hashlib.sha256(
        "\n".join(json.dumps(asdict(row), sort_keys=True) for row in rows).encode("ascii")
    ).hexdigest()


def bucket(frames: int) -> str:
    """The group of a trace's length."""
    for low, high in zip((0, *FRAMES), FRAMES, strict=False):
        if frames <= high:
            return f"{low + 1} to {high}"
    return f"{FRAMES[-1] + 1} and more"


# -- Prompts: CRUXEval's structure, in words and with examples of our own.


_TOLD = {
    Side.OUTPUT: "Below is a Python function and an assertion about one call of it, without its right side. Run the "
    "function in your head and write the assertion with the value that the call returns, as a literal.",
    Side.INPUT: "Below is a Python function and an assertion about one call of it, without the arguments. Find "
    "arguments for which the assertion holds, as literals, and write the whole assertion. Any that work are right.",
}
_HOW = {
    Style.DIRECT: f"Write it between {OPEN} and {CLOSE}, and nothing else.",
    Style.COT: f"Think step by step between [THOUGHT] and [/THOUGHT], then write it between {OPEN} and {CLOSE}.",
    Style.REASONING: f"Write it between {OPEN} and {CLOSE}.",
}


@dataclass(frozen=True, slots=True)
class _Example:
    code: str
    input: str
    output: str
    thought: Mapping[Side, str]


_EXAMPLES = (
    _Example(
        "def f(words, mark):\n    return [mark + word for word in words if word]",
        "['tea', '', 'rye'], '-'",
        "['-tea', '-rye']",
        {
            Side.OUTPUT: "The empty word is left out. Each of the other two gets the mark in front: '-tea', '-rye'.",
            Side.INPUT: "Each result begins with '-', so the mark can be '-'. What follows it are the words, 'tea' and "
            "'rye'; an empty word would be left out.",
        },
    ),
    _Example(
        "def f(n):\n    steps = 0\n    while n > 1:\n        n //= 3\n        steps += 1\n    return steps",
        "20",
        "3",
        {
            Side.OUTPUT: "20 // 3 is 6, one step. 6 // 3 is 2, two steps. 2 // 3 is 0, three steps. 0 ends it: 3.",
            Side.INPUT: "Three divisions by 3 must bring n to 1 or less, two must not. 20 gives 6, 2, 0: three steps.",
        },
    ),
)


def asked(side: Side, row: Row) -> str:
    """The question for a chat."""
    return f"{_TOLD[side]} {_HOW[Style.REASONING]}\n\n{_program(side, row.code, row.input, row.output)}"


def shown(side: Side, style: Style, row: Row) -> str:
    """The question behind worked examples, for a base model to go on with."""
    parts = [f"{_TOLD[side]} {_HOW[style]}\n\n"]
    for each in _EXAMPLES:
        parts.append(_program(side, each.code, each.input, each.output))
        if style is Style.COT:
            parts.append(f"[THOUGHT]\n{each.thought[side]}\n[/THOUGHT]\n")
        parts.append(f"{OPEN}\nassert {SAMPLE_FUNCTION}({each.input}) == {each.output}\n{CLOSE}\n\n")
    parts.append(_program(side, row.code, row.input, row.output))
    return "".join(parts)


def _program(side: Side, code: str, arguments: str, output: str | None) -> str:
    call = f"{SAMPLE_FUNCTION}({arguments})" if side is Side.OUTPUT else f"{SAMPLE_FUNCTION}(??)"
    right = "??" if side is Side.OUTPUT else output
    return f"[PYTHON]\n{code}\nassert {call} == {right}\n[/PYTHON]\n"
