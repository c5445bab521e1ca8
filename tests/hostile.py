"""Texts that a program may contain and that a careless reader trips over, as hypothesis strategies."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tracegen.context import MARKER
from tracegen.frame import Event, Frame
from tracegen.grammar import Special

unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no counterexample."""

SPLIT_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_PARTS = [
    *(special.text for special in Special),
    MARKER,
    "..",
    "\0",
    "\r\n",
    "\r",
    "\n",
    "\f",
    "\x1c",
    "\x85",
    "\u2028",
    "\t",
    " ",
    '"',
    "\\",
    "\\u0041",
    "é",
    "😀",
    "\ufdd0",
    "{",
    "}",
    ": ",
    ", ",
]

_CHARACTERS = "abx.\0\t \"\\'{}\x7f\xa0é\ud7ff\ud800\udbff\udc00\udfff\ue000\uffff\U0001f600\U0010ffff"

raw = st.lists(st.one_of(st.sampled_from(_PARTS), st.text(_CHARACTERS, max_size=4)), max_size=5).map("".join)
"""Any text; two surrogates may stand side by side."""

texts = raw.filter(lambda text: not SPLIT_PAIR.search(text))
"""What JSON can tell apart."""

shown = texts.filter(lambda text: text != "..")
"""What a tracer writes for a value."""

names = st.one_of(st.sampled_from(["a", "b", ".0", "<|frame_sep|>", "é"]), texts)
"""Few, so that frames share them."""

whole_locals = st.dictionaries(names, st.one_of(st.sampled_from(["1", "2"]), shown), max_size=4).map(
    lambda found: tuple(found.items())
)


def frames_with(sources: st.SearchStrategy[str]) -> st.SearchStrategy[Frame]:
    """Frames as a tracer makes them, at these source lines."""
    return st.one_of(
        st.builds(Frame, st.sampled_from([Event.CALL, Event.LINE, Event.LINE]), sources, locals=whole_locals),
        st.builds(Frame, st.sampled_from([Event.RETURN, Event.EXCEPTION]), sources, value=texts),
    )
