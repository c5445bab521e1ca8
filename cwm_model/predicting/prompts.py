"""What a model is asked: the context of a program and the frames that are given, of programs that nothing has run.

Knows nothing of ids (asking.py), of what a model answers (prediction.py), or of where a backend is.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from cwm_model.masks.entrance import Entrance
from tracegen import CannotRun
from tracegen.context import Source, called, decoded, lines_of, whole_files
from tracegen.frame import Event, Frame
from tracegen.grammar import Piece, pieces
from tracegen.programs.calls import Call
from tracegen.trace import Trace


@dataclass(frozen=True, slots=True)
class Prompt:
    """A context, and the frames that stand before the first predicted one: the entry's CALL, as a rule.

    ``entrance`` is how the entry is entered, where the context does not show it (None: it does).
    """

    context: str
    head: tuple[Frame, ...]
    entrance: Entrance | None = None

    @property
    def depth(self) -> int:
        """How many scopes are open behind the head."""
        entered = sum({Event.CALL: 1, Event.RETURN: -1}.get(frame.event, 0) for frame in self.head)
        return entered + (self.entrance is Entrance.BLOCK)

    def pieces(self) -> list[Piece]:
        """The prompt in CWM's format.  Raises ValueError for frames that cannot be spelled."""
        return pieces(self.head, context=self.context)


def prompt_of_call(call: Call) -> Prompt:
    """CWM's function level: the code, a synthetic ``main`` that makes the call, and main's CALL frame.

    What the code imports from files beside it is not in the context: which of them a run enters, only a run shows.
    Raises CannotRun for code that does not parse, and for a function that it does not define.
    """
    defined = _defined(call.code, call.shown)
    first = call.function.partition(".")[0]
    if "*" not in defined and first not in defined:
        raise CannotRun(f"{call.program_id}: no such function; it has: {', '.join(sorted(defined)) or 'none'}")
    context = called(Source(call.shown, call.code), call.caller)
    return Prompt(context.text, (Frame(Event.CALL, lines_of(call.caller.text)[0]),))


def prompt_of_script(path: Path) -> Prompt:
    """A script in full, and its module's CALL frame.  Raises CannotRun for a file that is missing or no Python."""
    if not path.is_file():
        raise CannotRun(f"{path}: no such file")
    try:
        code = decoded(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise CannotRun(f"{path}: cannot be read as Python: {error}") from None
    _parsed(code, str(path))
    context = whole_files([Source(path.name, code)], None)
    return Prompt(context.text, (Frame(Event.CALL, lines_of(code)[0]),))


def prompt_of_trace(trace: Trace) -> Prompt:
    """The context of a recorded trace and its first frame, if that is the entry's CALL.

    Raises CannotRun for a trace whose steps are damaged.
    """
    first = frames_of(trace)[:1]
    if first and first[0].event is Event.CALL:
        return Prompt(trace.context.text, first)
    return Prompt(trace.context.text, (), Entrance.BLOCK)


def frames_of(trace: Trace) -> tuple[Frame, ...]:
    """The frames of a recorded trace.  Raises CannotRun for one whose steps are damaged."""
    try:
        return trace.frames()
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise CannotRun(f"trace {trace.id}: its steps are damaged: {error}") from None


def _parsed(code: str, name: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # A null byte has no line in 3.12, and is a ValueError before.
        where = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise CannotRun(f"{name}{where}: does not parse: {said or type(error).__name__}") from None


def _defined(code: str, name: str) -> set[str]:
    """The names that code binds outside of functions and classes, or may: ``*`` stands for a star import."""
    found: set[str] = set()
    ahead: list[ast.AST] = list(_parsed(code, name).body)
    while ahead:
        node = ahead.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        ahead += ast.iter_child_nodes(node)
    return found
