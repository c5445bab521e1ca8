"""Functions called once: of a file, or of CRUXEval-like samples.  The entry is a synthetic ``main``.

A sample is {id, code, input, output?}: ``f(input)`` is called as CRUXEval calls it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tracegen.columns import Recorded, Wire
from tracegen.context import Source, called, decoded, normalised
from tracegen.execution import Lanes, run
from tracegen.frame import Event
from tracegen.harvest import Telling, harvest
from tracegen.payload.scope import Selection
from tracegen.programs.sources import entered
from tracegen.programs.told import Told, provenance, refused
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Entry

MIB = 1 << 20
CALLER = "<main>"
SAMPLE_FUNCTION = "f"
SAMPLE_LANES = Lanes(steps=MIB, text=8 * MIB, notes=MIB)


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a samples file; ``output`` is the literal that the call is said to return."""

    id: str
    code: str
    input: str
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A function in its source, and the argument list to call it with.

    ``filename`` is what the interpreter is told, ``shown`` what the data set stores.  ``folder`` goes
    first into ``sys.path``, if the function lives in a file of its own.
    """

    program_id: str
    code: str
    function: str
    arguments: str
    filename: str
    shown: str
    module: str
    folder: str = ""

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
        return Source(CALLER, f"def main():\n    return {self.function}({normalised(self.arguments)})\n")


def trace_call(call: Call, settings: Settings, lanes: Lanes | None = None, source: str = "function") -> Told:
    """Run one call in a child; ``source`` is what provenance says.  Raises CannotRun if it cannot be run at all."""
    caller = call.caller
    selection = Selection(
        begin="code",
        file=CALLER,
        name="main",
        files=(call.filename, CALLER),
        roots=(call.folder,) if call.folder else (),
    )
    target = {
        "kind": "function",
        "code": call.code,
        "filename": call.filename,
        "module": call.module,
        "function": call.function,
        "folder": call.folder,
        "caller": caller.text,
        "caller_filename": CALLER,
    }
    finished = run(target, selection, settings, lanes=lanes)
    refused(finished, call.program_id, settings)
    tellings = [_told(finished.wire, trace, call, caller) for trace in finished.wire.traces]
    rows = harvest(
        finished.wire,
        tellings,
        died=finished.ending,
        identity=settings.identity,
        provenance=provenance(source, finished.wire, settings),
        stdout=finished.output,
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


def read_samples(path: Path) -> list[Sample]:
    """Samples from JSONL.  Raises CannotRun with the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CannotRun(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CannotRun(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    samples = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        sample = _sample(line, f"{path}:{number}")
        if sample.id in seen:
            raise CannotRun(f"{path}:{number}: id {sample.id!r} stands in line {seen[sample.id]} already")
        seen[sample.id] = number
        samples.append(sample)
    if not samples:
        raise CannotRun(f"{path}: no samples in it")
    return samples


def write_samples(path: Path, samples: Iterable[Sample]) -> list[Sample]:
    """Write samples as JSONL, a new file that `read_samples` reads back; returns them.  Raises CannotRun."""
    written = []
    try:
        with path.open("x", encoding="utf-8") as file:
            for sample in samples:
                row = {name: value for name, value in asdict(sample).items() if value is not None}
                file.write(json.dumps(row) + "\n")
                written.append(sample)
    except OSError as error:
        raise CannotRun(f"{path}: cannot be written: {error.strerror}") from None
    return written


def _sample(line: str, where: str) -> Sample:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CannotRun(f"{where}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise CannotRun(f"{where}: wanted an object, found {type(row).__name__}")
    for name in ("id", "code", "input"):
        if name not in row:
            raise CannotRun(f'{where}: field "{name}" is missing')
    names = ("id", "code", "input") if row.get("output") is None else ("id", "code", "input", "output")
    values = {name: row[name] for name in names}
    for name, value in values.items():
        if not isinstance(value, str):
            raise CannotRun(f'{where}: field "{name}": wanted text, found {type(value).__name__}')
    return Sample(**values)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: its rows, or why there are none; whether its output is as said.

    ``agrees`` is None where the sample says no output, or its trace did not return.
    """

    sample: Sample
    told: Told | None
    trouble: str | None
    agrees: bool | None


def run_samples(
    samples: Iterable[Sample], settings: Settings, jobs: int, source: str = "function"
) -> Iterator[Outcome]:
    """Outcomes in the order of the samples; ``jobs`` children run side by side."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(lambda sample: run_sample(sample, settings, source), samples)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def run_sample(sample: Sample, settings: Settings, source: str = "function") -> Outcome:
    """Call a sample's ``f`` as CRUXEval does."""
    try:
        call = Call(
            program_id=sample.id,
            code=normalised(sample.code),
            function=SAMPLE_FUNCTION,
            arguments=sample.input,
            filename="<program>",
            shown="program.py",
            module="program",
        )
        told = trace_call(call, settings, SAMPLE_LANES, source)
    except CannotRun as error:
        return Outcome(sample, None, str(error), None)
    return Outcome(sample, told, None, _agrees(sample, told))


def _agrees(sample: Sample, told: Told) -> bool | None:
    if sample.output is None or not told.table.num_rows:
        return None
    trace = next(told.traces())
    if trace.ending.cut_off or not trace.steps:
        return None
    last = trace.steps[len(trace.steps) - 1]
    if last.event is not Event.RETURN or last.unwinding:
        return False
    return last.value is not None and same_literal(last.value, sample.output)


def same_literal(one: str, other: str) -> bool:
    """Whether two texts are the same, or literals that are equal and of the same types."""
    if one == other:
        return True
    try:
        left, right = ast.literal_eval(one), ast.literal_eval(other)
        return bool(left == right) and type(left) is type(right)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def main_trace(told: Told) -> pa.Table:
    """The row of the synthetic caller alone: a sample gives one trace, whatever threads it starts."""
    return told.table.filter(pc.equal(pc.struct_field(told.table.column("entry"), "name"), "main")).slice(0, 1)
