"""The abuse battery: every attack of tests/attacks at every level, against the table of docs/security.md.

``make test-sandbox`` runs this file.  tests/battery.py has what an attack is run with and measured by.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests import battery
from tests.battery import BOUNDS, NAMES, UNBOUND, Cell, Host, Outcome
from tracegen import Settings
from tracegen.execution import Stop
from tracegen.sandbox import Level, Sandbox, levels

ROWS = battery.table()
WALLS = (Level.BWRAP, Level.LANDLOCK)
FEWEST = 30
"""Attacks at each level, at least."""
HOST_MEGABYTES = 300
"""What an attack may make this process grow by.  wire_many_traces takes most of it: columns.MAX_TOLD bounds that."""


def python_at(level: Level) -> str:
    """An interpreter that works at a level: root's own may lie where a sandbox's user cannot go."""
    for python in (sys.executable, "/usr/bin/python3"):
        if levels.trouble(level, Settings(python)) is None:
            return python
    why = f"{level.value} does not work here: {levels.trouble(level, Settings())}"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@dataclass
class Ground:
    """A sandbox of one level, and what a task finds in it when it is fresh."""

    sandbox: Sandbox
    host: Host
    fresh: str
    seen: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    found = Host()
    yield found
    found.close()


@pytest.fixture(scope="module")
def ground(host: Host) -> Iterator[Callable[[Level], Ground]]:
    """One sandbox a level, for all attacks: what one leaves, the next would meet."""
    known: dict[Level, Ground] = {}

    def at(level: Level) -> Ground:
        if level not in known:
            settings = Settings(python_at(level))
            with Sandbox(settings, level, BOUNDS) as other:
                fresh = battery.probe(other)
            known[level] = Ground(Sandbox(settings, level, BOUNDS), host, fresh)
            assert battery.probe(known[level].sandbox) == fresh
        host.end_victim()
        return known[level]

    yield at
    for each in known.values():
        each.sandbox.close()
    assert host.remains() == []
    assert host.running() == []


def test_every_attack_has_its_row_and_every_row_its_attack() -> None:
    assert sorted(ROWS) == NAMES
    assert len(NAMES) >= 45


def test_nothing_is_open_behind_bubblewrap_but_what_only_a_cgroup_could_stop() -> None:
    cells = {name: row.cells[Level.BWRAP] for name, row in ROWS.items()}
    assert [name for name, cell in cells.items() if cell.verdict == "open" and "cgroup" not in cell.reason] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", WALLS, ids=lambda level: level.value)
def test_an_attack_ends_as_the_table_says(ground: Callable[[Level], Ground], level: Level, name: str) -> None:
    here, cell = ground(level), ROWS[name].cells[level]
    started = here.sandbox.started
    told = here.host.told(here.sandbox, gentle=False)
    deadline = battery.HANGS if cell.reason == "deadline" else battery.ENDS
    outcome = battery.attack(here.sandbox, name, told, deadline, cell.reason if cell.megabytes else "")
    assert unlike(cell, outcome, deadline) == [], outcome
    assert outcome.grown < HOST_MEGABYTES
    assert here.host.lost(killed_by_us=here.sandbox.started != started) == []
    # The next task, in the same sandbox, is none the wiser.
    assert battery.probe(here.sandbox) == here.fresh
    assert here.sandbox.started == started
    here.seen[cell.verdict] += 1


def unlike(cell: Cell, outcome: Outcome, deadline: float) -> list[str]:
    """In what an outcome is not what the table says."""
    found = []
    if not outcome.tried and outcome.stopped is None and not outcome.damaged:
        found.append("it did not say what it tried")
    if cell.verdict == "stopped":
        if outcome.stopped is not Stop[cell.reason.upper()]:
            found.append(f"stopped by {outcome.stopped}")
        if outcome.seconds > cell.seconds + (deadline if cell.reason == "deadline" else 0):
            found.append(f"took {outcome.seconds:.1f} s")
        if cell.megabytes and outcome.megabytes > cell.megabytes:
            found.append(f"took {outcome.megabytes:.0f} MB")
    elif outcome.stopped is not None:
        found.append(f"stopped by {outcome.stopped}")
    if bool(outcome.achieved) != (cell.verdict in ("open", "achieved")):
        found.append(f"achieved {outcome.achieved}")
    if cell.verdict == "prevented" and cell.reason:
        named = signal.Signals(-outcome.returncode).name if outcome.returncode < 0 else ""
        if cell.reason not in (f"ends by {named}", "the recording is refused" if outcome.damaged else ""):
            found.append(f"exit code {outcome.returncode}, damaged: {outcome.damaged}")
    return found


REAL = [name for name, row in ROWS.items() if row.cells[Level.PROCESS].verdict == "achieved"]


@pytest.mark.parametrize("name", REAL)
def test_an_attack_is_real(host: Host, name: str) -> None:
    host.end_victim()
    try:
        with Sandbox(Settings(), Level.PROCESS, UNBOUND) as sandbox:
            if os.getuid() != 0 and name in ROOTS:
                pytest.skip("works for root only")
            outcome = battery.attack(sandbox, name, host.told(sandbox, gentle=True), battery.ENDS)
            assert unlike(ROWS[name].cells[Level.PROCESS], outcome, battery.ENDS) == [], outcome
    finally:
        host.heal()


ROOTS = {
    "immutable_files",
    "memory_in_pipes",
    "debug_other_processes",
    "terminals",
    "namespaces_and_mounts",
    "become_root",
}
"""Attacks that only root can prove."""


def test_the_warm_parent_of_trusted_code_dies_of_a_signal() -> None:
    with Sandbox(Settings(), Level.PROCESS, UNBOUND) as sandbox:
        told: dict[str, object] = {"gentle": True}
        outcome = battery.attack(sandbox, "signals_to_the_warm_parent", told, battery.ENDS)
    assert outcome.stderr.startswith("the sandbox died 3 times")


def test_enough_attacks_ran(ground: Callable[[Level], Ground], capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for level in WALLS:
        try:
            seen = ground(level).seen
        except pytest.skip.Exception:
            continue
        counts = ", ".join(f"{seen[verdict]} {verdict}" for verdict in ("prevented", "stopped", "open"))
        said.append(f"{level.value}: {seen.total()} attacks, {counts}")
        assert seen.total() >= FEWEST
    with capsys.disabled():
        print("\nsandbox battery: " + "; ".join(said) + f"; {len(REAL)} proved where there are no walls")
