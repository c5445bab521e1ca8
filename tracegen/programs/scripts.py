"""One script, with its arguments and its standard input: the trace of its module, and of its threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracegen.execution import run
from tracegen.harvest import harvest
from tracegen.payload.scope import Selection
from tracegen.programs.sources import Sources, from_disk
from tracegen.programs.told import Told, provenance, refused
from tracegen.settings import CannotRun, Settings


def trace_script(path: Path, argv: Sequence[str], settings: Settings, stdin: Path | None = None) -> Told:
    """Run ``path`` as ``python path argv…`` would, in the current folder.

    Raises CannotRun for a file that is missing, is no Python, or does not compile in that interpreter.
    """
    if not path.is_file():
        raise CannotRun(f"{path}: no such file")
    absolute = path.absolute()
    selection = Selection(begin="code", file=str(absolute), name="<module>", roots=(str(absolute.parent),))
    target = {"kind": "script", "path": str(absolute), "shown": str(path), "argv": list(argv)}
    try:
        stream = stdin.open("rb") if stdin else None
    except OSError as error:
        raise CannotRun(f"{stdin}: cannot be read: {error.strerror}") from None
    try:
        finished = run(target, selection, settings, folder=Path.cwd(), stdin=stream)
    finally:
        if stream:
            stream.close()
    refused(finished, str(path), settings)
    sources = Sources(finished.wire, from_disk(absolute.parent, finished.started))
    told = [sources.tell(trace, path.name, " ".join(argv)) for trace in finished.wire.traces]
    rows = harvest(
        finished.wire,
        [telling for telling in told if telling],
        died=finished.ending,
        identity=settings.identity,
        provenance=provenance("script", finished, settings),
        stdout=finished.output,
    )
    return Told(rows.table, sources.dropped + rows.dropped, finished)
