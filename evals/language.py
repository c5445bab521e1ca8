"""How a language model is asked, and where its answer stands in what it says: direct, chain of thought, reasoning.

The structure is that of CRUXEval's prompts, so that numbers compare: code between ``[PYTHON]`` tags, a thought between
``[THOUGHT]`` tags, the answer between ``[ANSWER]`` tags; reasoning is CWM's chat.  An answer is taken from the raw text
and keeps its quotes.  Knows nothing of any one task, nor of how answers are judged.
"""

from __future__ import annotations

from enum import Enum

from cwm_model.backends import Finish
from cwm_model.talking import Message, Said, Talk
from evals.verdict import Score, Verdict

SYSTEM = """You are a helpful AI assistant. You always reason before responding, using the following format:

<think>
your internal reasoning
</think>
your external response"""
"""The system prompt that CWM was trained with (its model card)."""
THINK, THOUGHT = "<think>\n", "</think>"
OPEN, CLOSE = "[ANSWER]", "[/ANSWER]"


class Style(Enum):
    """How an answer is come to."""

    DIRECT = "direct"
    """At once."""

    COT = "cot"
    """Behind a chain of thought, as a base model goes on with a text."""

    REASONING = "reasoning"
    """In a chat, behind ``<think>``."""


def talk(style: Style, shown: str, asked: str, most: int | None = None) -> Talk:
    """A question.  ``shown`` are worked examples and the question for a base model, ``asked`` the question for a chat.

    ``most`` tokens, or as many as the style's answers need as a rule.
    """
    if style is Style.REASONING:
        messages = (Message("system", SYSTEM), Message("user", asked))
        return Talk(messages, THINK, most=most or 8192)
    begin = shown + ("[THOUGHT]\n" if style is Style.COT else f"{OPEN}\n")
    return Talk((), begin, (CLOSE,), most or (1024 if style is Style.COT else 256))


def extracted(style: Style, said: Said) -> str | Score:
    """The text of the answer; a score where there is none to judge."""
    text = said.text
    if style is Style.REASONING:
        _, ended, text = text.partition(THOUGHT)
        if not ended:
            return _nothing(said, "no </think>")
    if style is Style.COT and OPEN not in text:
        return _nothing(said, f"no {OPEN}")
    # A model behind a chat repeats the tag that it was to go on behind.
    if OPEN in text:
        text = text.rpartition(OPEN)[2]
    text, closed, _ = text.partition(CLOSE)
    text = text.strip()
    if not text:
        return _nothing(said, "an empty answer")
    if said.finish is Finish.LIMIT and not closed:
        return Score(Verdict.CUT_OFF, text, f"no {CLOSE} within the tokens allowed")
    return text


def _nothing(said: Said, why: str) -> Score:
    verdict = Verdict.CUT_OFF if said.finish is Finish.LIMIT else Verdict.UNANSWERED
    return Score(verdict, None, why)
