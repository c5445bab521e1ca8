"""Golden traces of tests/programs: told for people, stored beside the programs, one text per group of versions.

``NAME.golden`` holds sections; each begins with the versions that give exactly that text (``== 3.8 3.9``).
They are claims about what Python does, to be read before they are committed, not recordings.  Run
``python -m tests.golden`` to write them anew for every interpreter that is found; what is claimed of
versions that are not found stays.  Knows nothing of the format's spelling: see test_format.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tracegen.interpreters import found
from tracegen.payload.pyfacts import NEWEST, OLDEST
from tracegen.programs.scripts import trace_script
from tracegen.settings import Settings
from tracegen.trace import Trace, speak, what_changed
from tracegen.views import visible

PROGRAMS = Path(__file__).parent / "programs"
VERSIONS = tuple(f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1))
"""The minor versions that goldens speak of, oldest first."""

JOBS = 2
HEAD = "== "
SOURCE_COLUMNS = 60
_NEEDS = "# needs "


def programs() -> list[Path]:
    """Every program of the corpus, by name."""
    return sorted(PROGRAMS.glob("*.py"))


def versions_of(program: Path) -> tuple[str, ...]:
    """The versions that can run a program: all, or those from its first line's ``# needs 3.10`` on."""
    first, _, _ = program.read_text(encoding="utf-8").partition("\n")
    oldest = first.removeprefix(_NEEDS) if first.startswith(_NEEDS) else VERSIONS[0]
    return VERSIONS[VERSIONS.index(oldest) :]


def interpreters() -> dict[str, str]:
    """The interpreters of this machine: minor version to path, oldest first."""
    return {"{}.{}".format(*interpreter.version): interpreter.path for interpreter in found()}


def main_trace(program: Path, python: str, tracer: str = "reference") -> Trace:
    """The trace of a program's own module in an interpreter, as a script."""
    traces = trace_script(program, (), Settings(python=python, tracer=tracer)).traces()
    return next(trace for trace in traces if trace.entry.name == "<module>")


def told(program: Path, python: str) -> str:
    """A program's trace in an interpreter, as a person reads it."""
    return spelled(main_trace(program, python))


def spelled(trace: Trace) -> str:
    """A line for each step: event, line, source, what changed; then the ending, and what was printed."""
    lines = []
    for step, frame in zip(trace.steps, speak(trace), strict=True):
        place = f"{'  ' * step.depth}{step.event.value:<9} {step.line:>2}  {visible(frame.source.strip())}"
        news = visible(what_changed(step))
        lines.append(f"{place:<{SOURCE_COLUMNS}} | {news}" if news else place)
    lines.append(f"ends: {trace.ending.value}" + (f", {visible(trace.detail)}" if trace.detail else ""))
    if trace.stdout:
        lines += ["prints: " + visible(line) for line in trace.stdout.removesuffix("\n").split("\n")]
    return "\n".join(lines) + "\n"


def golden_of(program: Path) -> Path:
    """Where a program's golden traces are stored."""
    return program.with_suffix(".golden")


def sectioned(texts: Mapping[str, str]) -> str:
    """Texts by version as one golden file: equal texts stand once, under all of their versions."""
    groups: dict[str, list[str]] = {}
    for version in sorted(texts, key=VERSIONS.index):
        groups.setdefault(texts[version], []).append(version)
    return "\n".join(f"{HEAD}{' '.join(versions)}\n{text}" for text, versions in groups.items())


def sections(golden: str) -> dict[str, str]:
    """The inverse of `sectioned`: a golden file's text for each version."""
    texts: dict[str, str] = {}
    for part in ("\n" + golden).split("\n" + HEAD)[1:]:
        head, _, text = part.partition("\n")
        texts |= dict.fromkeys(head.split(), text)
    return dict(sorted(texts.items(), key=lambda item: VERSIONS.index(item[0])))


def read(program: Path) -> dict[str, str]:
    """What a program's golden file claims, by version; nothing if there is none yet."""
    golden = golden_of(program)
    return sections(golden.read_bytes().decode("utf-8")) if golden.exists() else {}


def write(program: Path, texts: Mapping[str, str]) -> bool:
    """Store golden traces; false if they stood there already."""
    data = sectioned(texts).encode("utf-8")
    golden = golden_of(program)
    if golden.exists() and golden.read_bytes() == data:
        return False
    golden.write_bytes(data)
    return True


def refreshed(program: Path, pythons: Mapping[str, str]) -> bool:
    """Tell a program anew in these interpreters, keep the claims for the others; true if anything changed."""
    able = versions_of(program)
    kept = {version: text for version, text in read(program).items() if version in able}
    fresh = {version: told(program, python) for version, python in pythons.items() if version in able}
    return write(program, kept | fresh)


def main(names: Iterable[str] = ()) -> None:
    """Write the golden traces of these programs, or of all."""
    pythons = interpreters()
    chosen = [PROGRAMS / f"{name}.py" for name in names] or programs()
    with ThreadPoolExecutor(JOBS) as pool:
        changed = list(pool.map(lambda program: refreshed(program, pythons), chosen))
    for program, new in zip(chosen, changed, strict=True):
        if new:
            print(f"changed: {program.stem}")
    print(f"{len(chosen)} programs, {sum(changed)} changed; told in {', '.join(pythons)}")


if __name__ == "__main__":
    main(sys.argv[1:])
