"""A small program, what is asked about it, and its true frames."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_model.predicting.asking import Asking
from cwm_model.predicting.prompts import Prompt, prompt_of_call
from tracegen import Event, Frame
from tracegen.grammar import Piece, pieces
from tracegen.programs.calls import Call

CODE = "def f(x):\n    y = x + 1\n    return y\n"
MAIN = "def main():\n"
HEAD = (Frame(Event.CALL, MAIN),)
TRUTH = (
    Frame(Event.LINE, "    return f(2)\n"),
    Frame(Event.CALL, "def f(x):\n", (("x", "2"),)),
    Frame(Event.LINE, "    y = x + 1\n", (("x", "2"),)),
    Frame(Event.LINE, "    return y\n", (("x", "2"), ("y", "3"))),
    Frame(Event.RETURN, "    return y\n", value="3"),
    Frame(Event.RETURN, "    return f(2)\n", value="3"),
)
FREE = Asking()


def call(code: str = CODE, arguments: str = "2", function: str = "f") -> Call:
    name = "program.py"
    return Call("program.py::f", code, function, arguments, filename=name, shown=name, module="program")


PROMPT = prompt_of_call(call())


def stream(frames: Sequence[Frame] = TRUTH, *behind: Piece, prompt: Prompt = PROMPT) -> list[Piece]:
    """A whole sequence: the prompt, frames, and anything behind them."""
    return [*pieces((*prompt.head, *frames), context=prompt.context), *behind]
