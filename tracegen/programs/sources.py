"""The files that a run entered, as the contexts of its traces show them.

Reads only what lies where the run was allowed to enter; a file that changed since the run began is not what
ran.  Knows nothing of what was run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tracegen.columns import Recorded, Wire
from tracegen.context import Context, Source, decoded, definition_line, whole_files
from tracegen.harvest import Telling
from tracegen.trace import Entry

UNREADABLE = "its source cannot be read"
CHANGED = "its source changed while the program ran"


class Sources:
    """The sources of one run, and the reasons for which traces were dropped for want of one.

    ``read`` gives the source of a file's name, or says why there is none.
    """

    def __init__(self, found: Wire, read: Callable[[str], Source | str]) -> None:
        self._found = found
        self._read = read
        self.dropped: Counter[str] = Counter()
        self._known: dict[int, Source | str] = {}
        self._contexts: dict[tuple[tuple[int, ...], int | None], Context] = {}
        self._definitions: dict[tuple[int, int], int] = {}

    def source(self, file: int) -> Source | str:
        """The source of a file of the wire, or the reason why there is none."""
        if file not in self._known:
            self._known[file] = self._read(self._found.files[file])
        return self._known[file]

    def tell(self, trace: Recorded, program_id: str, input: str) -> Telling | None:
        """A trace with the whole source of the files that it enters; None if it is dropped."""
        order = entered(self._found, trace)
        sources = []
        for file in order:
            source = self.source(file)
            if isinstance(source, str):
                self.dropped[source] += 1
                return None
            sources.append(source)
        module = trace.name == "<module>"
        line = 1 if module else self._definition(sources[0], trace)
        key = (order, None if module else line)
        if key not in self._contexts:
            self._contexts[key] = whole_files(sources, None if module else (0, line))
        return Telling(
            trace=trace,
            program_id=program_id,
            input=input,
            context=self._contexts[key],
            files=tuple(source.path for source in sources),
            order=order,
            entry=Entry(trace.name, 0, line),
        )

    def _definition(self, source: Source, trace: Recorded) -> int:
        place = (trace.file, trace.line)
        if place not in self._definitions:
            self._definitions[place] = definition_line(source.text, trace.line)
        return self._definitions[place]


def from_disk(root: Path, started: float) -> Callable[[str], Source | str]:
    """Reads files, named relative to ``root`` where they lie below it; ``started`` is when the run began."""

    def read(name: str) -> Source | str:
        path = Path(name)
        try:
            if path.stat().st_mtime > started:
                return CHANGED
            text = decoded(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return UNREADABLE
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        return Source(shown, text)

    return read


def entered(found: Wire, trace: Recorded) -> tuple[int, ...]:
    """The files of a trace's steps, the entry's first, the others in the order in which they are entered."""
    if len(found.files) == 1:
        return (trace.file,)
    order: dict[int, None] = {trace.file: None}
    files, first = np.unique(found.records["file"][trace.index], return_index=True)
    order |= dict.fromkeys(files[np.argsort(first)].tolist())
    return tuple(order)
