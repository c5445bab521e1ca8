"""CRUXEval's own scorer, by its own rules and under its own name.

An answer is pasted into a statement behind the sample's code: ``assert {expected} == {answer}``, for inputs
``assert {output} == {answer}`` with an answer like ``f(1)``.  It passes if that runs to its end within 3 seconds.  The
rules are those of evaluation/utils_general.py and utils_execute.py in facebookresearch/cruxeval at 190faf1, and they
can be fooled: ``0 or True`` passes everywhere, and answers that are rejected leave the denominator.  They are here so
that numbers compare; answers.py has rules that can be trusted.

What is not as in the original: programs run in this project's sandbox, one by one, instead of in a process in which
functions of ``os``, ``shutil`` and ``subprocess`` are replaced by None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from evals.executed import Judge
from evals.proofs import Assertion
from evals.statistics import pass_at_k
from tracegen.programs.samples import SAMPLE_FUNCTION, Sample
from tracegen.settings import CannotRun

ANSWER = "[ANSWER]"


class Asked(Enum):
    """What a model is asked for."""

    OUTPUT = "output"
    INPUT = "input"


def postprocessed(asked: Asked, text: str, thought: bool = False) -> str:
    """What is judged of a completion; ``thought``: a chain of thought stands before the answer.

    An output is what stands behind the first ``==``, an input what stands before it: so a string with ``==`` in it is
    cut in two.

    >>> postprocessed(Asked.OUTPUT, "f(1) == 2"), postprocessed(Asked.OUTPUT, "'a==b'")
    ('2', "b'")
    >>> postprocessed(Asked.INPUT, "assert f(1) == 2")
    'f(1)'
    """
    if thought and ANSWER in text:
        text = text.split(ANSWER)[1].strip()
    if asked is Asked.OUTPUT:
        return (text.split("==")[1] if "==" in text else text).strip()
    text = text.split("==")[0].strip()
    if "assert f" in text:
        text = "f" + text.split("assert f")[1].strip()
    return text.strip()


def asserted(asked: Asked, sample: Sample, answer: str) -> Assertion | None:
    """What an answer must pass; None if it is rejected.

    An output that calls ``f`` with the sample's own input is, and an input that does not call ``f`` at all.
    """
    assert sample.output is not None, "a sample without an output cannot be scored"
    if asked is Asked.OUTPUT and f"{SAMPLE_FUNCTION}({sample.input})" in answer:
        return None
    if asked is Asked.INPUT and f"{SAMPLE_FUNCTION}(" not in answer:
        return None
    return Assertion(sample.code, sample.output, answer)


def passes(asked: Asked, sample: Sample, answer: str, judge: Judge) -> bool | None:
    """Whether one answer passes; None if it is rejected."""
    assertion = asserted(asked, sample, answer)
    return None if assertion is None else judge.holds(assertion)


@dataclass(frozen=True, slots=True)
class Official:
    """Verdicts of each sample's answers, by its id; None is a rejected answer."""

    verdicts: Mapping[str, tuple[bool | None, ...]]

    def counted(self, id: str) -> list[bool]:
        """The verdicts that count: without the rejected ones if any answer passes, otherwise all, as failed.

        >>> Official({"a": (True, *[None] * 9), "b": (False, None)}).counted("a")
        [True]
        """
        counted = [verdict for verdict in self.verdicts[id] if verdict is not None]
        return counted if any(counted) else [False] * len(self.verdicts[id])

    @property
    def rejected(self) -> int:
        """Answers that were rejected."""
        return sum(verdicts.count(None) for verdicts in self.verdicts.values())

    def pass_at(self, k: int) -> float:
        """pass@k, averaged over samples; nan of none.

        As in the original, a sample with fewer than k verdicts that failed counts as 1: with fewer answers than k,
        the figure means nothing.
        """
        if not self.verdicts:
            return float("nan")
        return sum(_pass_at(self.counted(id), k) for id in self.verdicts) / len(self.verdicts)


def _pass_at(counted: Sequence[bool], k: int) -> float:
    n, right = len(counted), sum(counted)
    return 1.0 if n - right < k else pass_at_k(n, right, k)


def score(asked: Asked, samples: Sequence[Sample], answers: Mapping[str, Sequence[str]], judge: Judge) -> Official:
    """All answers to all samples.  Raises CannotRun if a sample has none: the original does not go on either."""
    missing = [sample.id for sample in samples if sample.id not in answers]
    if missing:
        raise CannotRun(f"{len(missing)} of {len(samples)} samples have no answers: {', '.join(missing[:3])}, …")
    asserting = [(sample.id, asserted(asked, sample, each)) for sample in samples for each in answers[sample.id]]
    held = iter(judge.all_hold([assertion for _, assertion in asserting if assertion is not None]))
    verdicts: dict[str, list[bool | None]] = {sample.id: [] for sample in samples}
    for id, assertion in asserting:
        verdicts[id].append(None if assertion is None else next(held))
    return Official({id: tuple(each) for id, each in verdicts.items()})
