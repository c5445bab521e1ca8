"""Whether a tracer's output holds the whole record of a workload: every line event, every local's value at each.

The reference tracer's wire says what there was.  hunter's and PySnooper's output is read back as a person would read
it, event by event, and must come to the same locals at each line.  snoop and VizTracer do not show enough to be
replayed: there it is counted which changes of a local they show at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tracegen import columns
from tracegen.payload import wire as layout

Locals = dict[str, str]
Shown = Iterator[tuple[int, Locals]]
"""For each line event its line, and all locals as they are shown then."""

FAILED = "(repr failed)"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_FAILURES = re.compile(
    r"<\w+ object \(repr raised \w+\)>"  # ours
    r"|!!! FAILED REPR: \w+\(.*\)"  # hunter
    r"|REPR FAILED"  # PySnooper
    r"|<\w+ instance(?: at 0x[0-9a-f]+)? \(exception in repr\)>"  # snoop
)


@dataclass(frozen=True)
class Completeness:
    """What a tracer's output lacks of a workload's record."""

    lines: int
    lines_missing: int
    values: int
    values_missing: int

    @property
    def complete(self) -> bool:
        return not self.lines_missing and not self.values_missing

    def __str__(self) -> str:
        if self.complete:
            return "complete"
        missing = []
        if self.lines_missing:
            missing.append(f"{self.lines_missing:,} of {self.lines:,} lines")
        if self.values_missing:
            missing.append(f"{self.values_missing:,} of {self.values:,} values")
        return "misses " + " and ".join(missing)


def plain(text: str) -> str:
    """A repr without what differs from one tracer to the next: addresses, and the words for a failure."""
    return _ADDRESS.sub("", _FAILURES.sub(FAILED, text))


def recorded(data: bytes) -> Shown:
    """What the wire of one of our tracers says."""
    found = columns.read(data)
    texts = found.texts()
    stack: list[Locals] = []
    for at, record in enumerate(found.records.tolist()):
        _, line, _, _, _, event, _ = record
        if event == layout.CALL:
            stack.append({})
        if event in (layout.CALL, layout.LINE):
            for name, text in json.loads(texts[at].as_py()).items():
                if text is None:
                    del stack[-1][name]
                else:
                    stack[-1][name] = plain(text)
        if event == layout.LINE:
            yield line, dict(stack[-1])
        if event == layout.RETURN:
            stack.pop()


def hunter(output: str) -> Shown:
    """``CodePrinter`` and ``VarsSnooper``: an event's line, then the locals that changed, each ``[name := value]``."""
    stack: list[Locals] = []
    waiting: int | None = None
    ended = False
    for text in output.splitlines():
        said = re.match(r"(?:\S+:(\d+) +(call|line|return|exception)| +\.\.\.) +(.*)$", text)
        if said is None:
            continue
        change = re.match(r"\[(\w+) (:=|:) (.*)\]$", said[3])
        if change is not None:
            value = change[3] if change[2] == ":=" else change[3].rpartition(" => ")[2]
            stack[-1][change[1]] = plain(value)
        elif said[2] is not None:
            if waiting is not None:
                yield waiting, dict(stack[-1])
            if ended:
                stack.pop()
            if said[2] == "call":
                stack.append({})
            waiting = int(said[1]) if said[2] == "line" else None
            ended = said[2] == "return"
    if waiting is not None:
        yield waiting, dict(stack[-1])


def pysnooper(output: str) -> Shown:
    """The locals that changed, then the line.  A name that is deleted stays."""
    stack: list[Locals] = []
    changed: Locals = {}
    for text in output.splitlines():
        text = text.lstrip()
        change = re.match(r"(?:Starting var|New var|Modified var):\.+ (\w+) = (.*)$", text)
        event = re.match(r"\d\d:\d\d:\d\d\.\d{6} (call|line|return|exception) +(\d+) ", text)
        if change is not None:
            changed[change[1]] = plain(change[2])
        elif event is not None or text == "Call ended by exception":
            kind = event[1] if event else "return"
            if kind == "call":
                stack.append({})
            stack[-1].update(changed)
            changed = {}
            if kind == "line":
                assert event is not None
                yield int(event[2]), dict(stack[-1])
            if kind == "return":
                stack.pop()


def replayed(wanted: bytes, shown: Shown) -> Completeness:
    """Compare event by event."""
    lines = lines_missing = values = values_missing = 0
    for line, names in recorded(wanted):
        lines += 1
        values += len(names)
        theirs = next(shown, None)
        if theirs is None or theirs[0] != line:
            lines_missing += 1
            continue
        values_missing += sum(theirs[1].get(name) != text for name, text in names.items())
    return Completeness(lines, lines_missing, values, values_missing)


def mentions_of_snoop(output: str) -> tuple[set[tuple[str, str]], int]:
    """The changes that snoop shows, those too that the source line itself says; and how many lines it shows."""
    found: set[tuple[str, str]] = set()
    lines = 0
    for text in output.splitlines():
        text = re.sub(r"^ *\d\d:\d\d:\d\d\.\d\d ", "", text)
        change = re.match(r"\.+ (\w+) = (.*)$", text) or re.match(r" +\d+ \| +(\w+) = (.*)$", text)
        lines += re.match(r" +\d+ \| ", text) is not None
        if change is not None:
            found.add((change[1], plain(change[2])))
    return found, lines


def mentions_of_viztracer(output: str) -> tuple[set[tuple[str, str]], int]:
    """The assignments that VizTracer logs, which know no lines."""
    found: set[tuple[str, str]] = set()
    for event in json.loads(output)["traceEvents"]:
        change = re.match(r"Variable Assign - (\w+) = (.*)$", event["name"], re.DOTALL)
        if change is not None:
            found.add((change[1], plain(change[2])))
    return found, 0


def mentioned(wanted: bytes, mentions: set[tuple[str, str]], lines_shown: int) -> Completeness:
    """Compare the sets of changes."""
    changes: set[tuple[str, str]] = set()
    lines = 0
    for _, names in recorded(wanted):
        lines += 1
        changes.update(names.items())
    return Completeness(lines, max(lines - lines_shown, 0), len(changes), len(changes - mentions))


def completeness(tracer: str, output: bytes, wanted: bytes) -> Completeness | None:
    """What this tracer's output lacks; None for a tracer that records nothing."""
    if tracer in ("native", "reference"):
        return replayed(wanted, recorded(output))
    text = output.decode()
    if tracer == "hunter":
        return replayed(wanted, hunter(text))
    if tracer == "PySnooper":
        return replayed(wanted, pysnooper(text))
    if tracer == "snoop":
        return mentioned(wanted, *mentions_of_snoop(text))
    if tracer == "VizTracer":
        return mentioned(wanted, *mentions_of_viztracer(text))
    return None
