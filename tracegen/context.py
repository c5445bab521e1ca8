r"""The source that a model is shown before the frames, and the place in a file of each of its lines.

A context is the whole text of the files that a trace enters, with a marker on the ``def`` line where the
trace starts.  Function-level contexts begin with an empty line and end in a synthetic ``main`` (CWM's way,
docs/format.md).  Knows nothing of steps: a step names a (file, line), and a context says what stands there.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

MARKER = "  # << START_OF_TRACE"
NOWHERE = (-1, 0)
"""The place of a context line that stands in no file."""

Place = tuple[int, int]
"""(index of the file, line from 1)."""

_NEWLINE = re.compile("\r\n?")
_DEF = re.compile(r"\s*(async\s+)?def\b")


def normalised(source: str) -> str:
    """Line ends as Python's tokenizer reads them: ``\\r\\n`` and ``\\r`` are ``\\n``."""
    return _NEWLINE.sub("\n", source)


def lines_of(source: str) -> list[str]:
    r"""Physical lines, each with its ``"\n"``, the last one too.

    Never ``str.splitlines``: it also breaks at form feeds and U+2028, which Python's tokenizer does not.

    >>> lines_of("a\x0cb\r\nc")
    ['a\x0cb\n', 'c\n']
    """
    lines = normalised(source).split("\n")
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    return [line + "\n" for line in lines]


def decoded(data: bytes) -> str:
    """A source file's bytes as Python reads them: by its BOM or coding line, UTF-8 otherwise.

    Raises SyntaxError or UnicodeDecodeError where Python would.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return normalised(data.decode(encoding))


def without_marker(line: str) -> str:
    r"""A context line as frames show it: the marker is a suffix of the line, not a set of characters.

    >>> without_marker("def f(A):  # << START_OF_TRACE\n")
    'def f(A):\n'
    """
    body, end = (line[:-1], "\n") if line.endswith("\n") else (line, "")
    return body.removesuffix(MARKER) + end


def shown_forms(line: str) -> tuple[str, ...]:
    """The texts by which a frame may show a context line, if it is not known which line is the entry's.

    A marked ``def`` line is shown without its marker; elsewhere the same text may be the program's own comment.
    """
    bare = without_marker(line)
    return (bare,) if bare == line or _DEF.match(line) else (bare, line)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a context: the name that the data set stores, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """The text shown, and the place of each of its lines (`NOWHERE` for lines of no file)."""

    text: str
    places: tuple[Place, ...]

    def __post_init__(self) -> None:
        if len(lines_of(self.text)) != len(self.places):
            raise ValueError(f"{len(lines_of(self.text))} context lines, but {len(self.places)} places")

    def sources(self, entry: Place | None) -> dict[Place, str]:
        """What a frame at each place shows; ``entry`` is the place whose line carries the marker."""
        shown = {}
        for place, line in zip(self.places, lines_of(self.text), strict=True):
            shown[place] = without_marker(line) if place == entry else line
        return shown


def definition_line(source: str, first_line: int) -> int:
    """The line of the ``def`` of a function whose code starts at ``first_line`` (a decorator's, perhaps)."""
    lines = lines_of(source)
    for number in range(first_line, len(lines) + 1):
        if _DEF.match(lines[number - 1]):
            return number
    return first_line


def whole_files(files: Sequence[Source], entry: Place | None) -> Context:
    """Every file in full; several are set apart by a comment with their name."""
    text: list[str] = []
    places: list[Place] = []
    for index, file in enumerate(files):
        if len(files) > 1:
            text.append(f"# {file.path}\n")
            places.append(NOWHERE)
        for number, line in enumerate(lines_of(file.text), start=1):
            marked = (index, number) == entry
            text.append(line[:-1] + MARKER + "\n" if marked else line)
            places.append((index, number))
    return Context("".join(text), tuple(places))


def called(code: Source, caller: Source, helpers: Sequence[Source] = ()) -> Context:
    """CWM's function-level context: an empty line, the code, the synthetic caller that is the entry.

    The files are numbered code 0, caller 1, helpers (other files that the code enters) from 2; helpers
    stand before the code.
    """
    text: list[str] = ["\n"]
    places: list[Place] = [NOWHERE]
    for index, file in [*enumerate(helpers, start=2), (0, code), (1, caller)]:
        if index > 1:
            text.append(f"# {file.path}\n")
            places.append(NOWHERE)
        if index == 1 and code.text.endswith("\n"):
            # CWM's template is "\n{code}\ndef main()": code that ends in a newline leaves an empty line.
            text.append("\n")
            places.append(NOWHERE)
        for number, line in enumerate(lines_of(file.text), start=1):
            text.append(line[:-1] + MARKER + "\n" if (index, number) == (1, 1) else line)
            places.append((index, number))
    return Context("".join(text), tuple(places))
