"""A predicted trace under a debugger's commands: a line in, what the model wrote since out.

Knows nothing of terminals, or of how a frame is asked for (stepping.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cwm_model.predicting.prediction import Prediction
from cwm_model.predicting.stepping import Stepper
from tracegen.frame import Frame

COMMANDS = ("step", "next", "out", "run", "back", "quit")
"""Any of them by its first letters; an empty line is the one before it again."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a command came to: ``prediction`` is what was written, None where frames were only taken away.

    ``before`` are the frames that stand in front of these; ``taken`` is the frame that `back` took away; ``depth`` is
    how many scopes are open.
    """

    command: str
    before: tuple[Frame, ...]
    prediction: Prediction | None
    taken: Frame | None
    depth: int


def stepped(stepper: Stepper, lines: Iterable[str], confused: Callable[[str], None]) -> Iterator[Stepped]:
    """Obey line by line, up to `quit` or the last of them; ``confused`` hears of a line that is no command."""
    last = COMMANDS[0]
    for number, line in enumerate(lines, start=1):
        found = [command for command in COMMANDS if command.startswith(line.strip() or last)]
        if len(found) != 1:
            confused(f"line {number}: {line.strip()!r} is no command: there are {', '.join(COMMANDS)}")
            continue
        last = found[0]
        if last == "quit":
            return
        before = stepper.frames
        if last == "back":
            taken = stepper.back()
            yield Stepped(last, stepper.frames, None, taken, stepper.depth)
            continue
        ways = {"step": stepper.step, "next": stepper.next, "out": stepper.out, "run": stepper.run}
        yield Stepped(last, before, ways[last](), None, stepper.depth)
