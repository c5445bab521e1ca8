"""An answer to a question of CRUXEval, judged by the literal semantics: what does f return, what makes it return this?

An output is a literal, an input one call of ``f`` with literal arguments, and nothing else: nothing that a model wrote
is evaluated but such a call.  Knows nothing of CRUXEval's own rules: see official.py.
"""

from __future__ import annotations

from evals.arguments import arguments
from evals.executed import Judge
from evals.literal import Unreadable, read, same
from evals.verdict import Score, Verdict
from tracegen.programs.samples import SAMPLE_FUNCTION, Sample


def output_score(expected: str, answer: str) -> Score:
    """Whether an answer says the value that is expected.

    >>> output_score("{1, 2}", "{2, 1}").verdict, output_score("1", "True").verdict, output_score("1", "1 or 2").verdict
    (<Verdict.RIGHT: 'right'>, <Verdict.WRONG: 'wrong'>, <Verdict.MALFORMED: 'malformed'>)
    """
    found = read(answer)
    if isinstance(found, Unreadable):
        return Score(Verdict.MALFORMED, answer, found.reason)
    if same(expected, answer):
        return Score(Verdict.RIGHT, answer)
    return Score(Verdict.WRONG, answer, f"not {expected[:200]}")


def input_score(sample: Sample, answer: str, judge: Judge) -> Score:
    """Whether the call in an answer returns what the sample says that its own call does.

    The sample's own call is right as it stands, whatever its arguments are made of: some are lambdas.
    """
    assert sample.output is not None, "a sample without an output asks for no input"
    if answer.strip() == f"{SAMPLE_FUNCTION}({sample.input})":
        return Score(Verdict.RIGHT, answer)
    called = arguments(answer)
    if isinstance(called, Unreadable):
        return Score(Verdict.MALFORMED, answer, called.reason)
    returned = judge.returned(sample.code, SAMPLE_FUNCTION, called)
    if returned.value is None:
        return Score(Verdict.WRONG, answer, returned.trouble)
    if same(returned.value, sample.output):
        return Score(Verdict.RIGHT, answer)
    return Score(Verdict.WRONG, answer, f"it returns {returned.value[:200]}")
