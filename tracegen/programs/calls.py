"""One call of a function, in its source: the trace of a synthetic ``main`` that makes it.

Knows nothing of where functions and arguments come from: see samples.py and functions.py.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tracegen.columns import Recorded, Wire
from tracegen.context import Source, called, decoded, normalised
from tracegen.execution import Lanes, Run, run
from tracegen.harvest import Telling, harvest
from tracegen.payload.scope import Selection
from tracegen.programs.sources import entered
from tracegen.programs.told import Told, provenance, refused
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Entry

CALLER = "<main>"


@dataclass(frozen=True, slots=True)
class Call:
    """A function in its source, and the argument list to call it with.

    ``filename`` is what the interpreter is told, ``shown`` what the data set stores.  ``folder`` goes
    first into ``sys.path``, if the function lives in a file of its own.  ``listed``: what the call gives is a
    generator, whose code runs only when somebody asks for its items, so the caller lists them.
    """

    program_id: str
    code: str
    function: str
    arguments: str
    filename: str
    shown: str
    module: str
    folder: str = ""
    listed: bool = False

    def __post_init__(self) -> None:
        try:
            tree = ast.parse(f"{self.function}({self.arguments}\n)", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            raise CannotRun(f"{self.program_id}: the arguments do not parse: {message}: {self.arguments!r}") from None
        # "1)(2" parses too: only a call of the function itself is an argument list.
        if not isinstance(tree, ast.Call) or ast.unparse(tree.func) != self.function:
            raise CannotRun(f"{self.program_id}: the arguments are not an argument list: {self.arguments!r}")

    @property
    def caller(self) -> Source:
        """The synthetic ``main``."""
        call = f"{self.function}({normalised(self.arguments)})"
        return Source(CALLER, f"def main():\n    return {f'list({call})' if self.listed else call}\n")

    @property
    def target(self) -> dict[str, object]:
        """What payload/child.py is told, but for the callers."""
        return {
            "code": self.code,
            "filename": self.filename,
            "module": self.module,
            "function": self.function,
            "folder": self.folder,
            "caller_filename": CALLER,
        }


def trace_call(
    call: Call, settings: Settings, lanes: Lanes | None = None, source: str = "function", run: Run = run
) -> Told:
    """Run one call in a child, or where ``run`` does; ``source`` is what provenance says.

    Raises CannotRun if it cannot be run at all.
    """
    caller = call.caller
    selection = Selection(
        begin="code",
        file=CALLER,
        name="main",
        files=(call.filename, CALLER),
        roots=(call.folder,) if call.folder else (),
    )
    target = {"kind": "function", **call.target, "caller": caller.text}
    finished = run(target, selection, settings, lanes=lanes)
    refused(finished, call.program_id, settings)
    tellings = [_told(finished.wire, trace, call, caller) for trace in finished.wire.traces]
    rows = harvest(
        finished.wire,
        tellings,
        died=finished.ending,
        identity=settings.identity,
        provenance=provenance(source, finished, settings),
        stdout=finished.settled_output,
    )
    return Told(rows.table, rows.dropped, finished)


def _told(found: Wire, trace: Recorded, call: Call, caller: Source) -> Telling:
    """The code, then the caller; other files of the program that it enters stand before them."""
    on_wire = {name: index for index, name in enumerate(found.files)}
    others = [file for file in entered(found, trace) if found.files[file] not in (call.filename, CALLER)]
    helpers = [_helper(found.files[file], call.folder) for file in others]
    code = Source(call.shown, call.code)
    order = (on_wire.get(call.filename, -1), on_wire.get(CALLER, -1), *others)
    entry = order.index(trace.file)
    return Telling(
        trace=trace,
        program_id=call.program_id,
        input=call.arguments,
        context=called(code, caller, helpers),
        files=(code.path, caller.path, *(helper.path for helper in helpers)),
        order=order,
        entry=Entry(trace.name, entry, trace.line),
    )


def _helper(name: str, folder: str) -> Source:
    path = Path(name)
    try:
        text = decoded(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        text = ""
    return Source(path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name, text)


def call_in_file(path: Path, function: str, arguments: str) -> Call:
    """The call that ``file.py::function --args "1, [2]"`` means.  Raises CannotRun."""
    if not path.is_file():
        raise CannotRun(f"{path}: no such file")
    try:
        code = decoded(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise CannotRun(f"{path}: cannot be read as Python: {error}") from None
    if not function or not all(part.isidentifier() for part in function.split(".")):
        raise CannotRun(f"{path}::{function}: not the name of a function")
    absolute = path.absolute()
    return Call(
        program_id=f"{path.name}::{function}",
        code=code,
        function=function,
        arguments=arguments,
        filename=str(absolute),
        shown=path.name,
        module=path.stem,
        folder=str(absolute.parent),
    )


def main_trace(told: Told) -> pa.Table:
    """The row of the synthetic caller alone: a call gives one trace, whatever threads it starts."""
    return told.table.filter(pc.equal(pc.struct_field(told.table.column("entry"), "name"), "main")).slice(0, 1)
