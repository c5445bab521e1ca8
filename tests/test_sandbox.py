"""What runs in the sandbox ends as it would outside, whatever happens to the sandbox; levels, and how they refuse.

tests/test_sandbox_battery.py has the attacks.  Longer than the house's 350 lines: each of the ways in which a sandbox
can go wrong has its case here, beside what they share.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests import battery
from tests.scripted import INTERPRETERS
from tests.test_sandbox_battery import WALLS, python_at
from tracegen import CannotRun, Settings, execution
from tracegen.execution import MIB, Finished, Stop
from tracegen.homes import MARK, Home
from tracegen.payload import confine
from tracegen.payload.warm import empty
from tracegen.sandbox import Bounds, Level, Sandbox, files, levels, tree
from tracegen.sandbox.interpreter import needs
from tracegen.sandbox.parent import Parent

each_level = pytest.mark.parametrize("level", Level, ids=lambda level: level.value)
each_wall = pytest.mark.parametrize("level", WALLS, ids=lambda level: level.value)

ENDS = {
    "returns": "    return [told, {1: 'x'}]",
    "prints": "    import sys\n    print('out', told)\n    print('err', file=sys.stderr)",
    "raises": "    return 1 // 0",
    "exits": "    raise SystemExit(3)",
    "is killed": "    import os, signal\n    os.kill(os.getpid(), signal.SIGTERM)",
    "ends at once": "    import os\n    os._exit(5)",
    "starts a thread": "    import threading\n    threading.Thread(target=print, args=('t',)).start()",
    "starts a child": "    import subprocess\n    return subprocess.run(['/bin/echo', 'x'], stdout=-1).stdout",
    "leaves an end": "    global kept\n    class Ends:\n        def __del__(self):\n            print('gone')\n"
    "    kept = Ends()",
    "registers an end": "    import atexit\n    atexit.register(print, 'the end')\n    print('.', end='')",
    "exits with a text": "    raise SystemExit('why')",
    "draws": "    import random\n    return random.random(), hash('x')",
}


def run(sandbox: Sandbox, body: str, told: object = None, deadline: float = 20.0) -> Finished:
    """The function ``begin(told)`` with this body, in a sandbox."""
    target = battery.program(f"def begin(told):\n{body}\n", told)
    return sandbox.run(target, battery.SELECTION, Settings(sandbox.python, deadline=deadline), lanes=battery.LANES)


def content(finished: Finished) -> tuple[object, ...]:
    """All of a task's end that does not depend on the clock or on where it ran."""
    found = finished.wire
    said = (found.files, found.begun, found.oddities, found.calls, found.error, found.finished, found.version)
    records = found.records.tolist(), found.texts().to_pylist()
    return finished.returncode, finished.stopped, finished.stdout, finished.stderr, said, records


def interpreters_at(level: Level) -> list[str]:
    """The interpreters that a sandbox of this level can run: root's own are behind a folder that nobody else enters."""
    paths = [each.path for each in INTERPRETERS]
    if level is Level.LANDLOCK and os.getuid() == 0:
        paths = [path for path in paths if all(each.stat().st_mode & 0o005 == 0o005 for each in Path(path).parents)]
        paths.append("/usr/bin/python3")
    return paths


@pytest.mark.parametrize(("level", "python"), [(level, python) for level in Level for python in interpreters_at(level)])
def test_a_program_ends_in_the_sandbox_as_it_does_outside(level: Level, python: str) -> None:
    python_at(level)  # or skip
    settings = Settings(python)
    with Sandbox(settings, level) as sandbox:
        for body in ENDS.values():
            target = battery.program(f"def begin(told):\n{body}\n", [1, "é"])
            outside = execution.run(target, battery.SELECTION, settings, lanes=battery.LANES)
            inside = sandbox.run(target, battery.SELECTION, lanes=battery.LANES)
            assert content(inside) == content(outside)
            assert inside.ending == outside.ending
            assert (inside.isolation, outside.isolation) == (level.value, "none")
        assert sandbox.started == 1


@pytest.fixture(params=Level, ids=lambda level: level.value)
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of each level, with small bounds."""
    with Sandbox(Settings(python_at(request.param)), request.param, battery.BOUNDS) as sandbox:
        yield sandbox


def test_a_program_reads_its_stdin_and_not_the_hosts_file(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"one\ntwo\n")
    body = "    import os, sys\n    data = sys.stdin.read()\n    os.lseek(0, 0, 0)\n    return data"
    with path.open("rb") as stream:
        target = battery.program(f"def begin(told):\n{body}\n")
        finished = box.run(target, battery.SELECTION, stdin=stream, lanes=battery.LANES)
    assert finished.returncode == 0
    assert "'one\\\\ntwo\\\\n'" in str(finished.wire.texts().to_pylist())
    assert run(box, "    import sys\n    print(repr(sys.stdin.read()))").stdout == b"''\n"


def test_a_task_may_take_longer_than_the_one_before(box: Sandbox) -> None:
    body = "    import resource\n    print(resource.getrlimit(resource.RLIMIT_CPU)[1])"
    said = [run(box, body, deadline=deadline).stdout for deadline in (5.0, 50.0)]
    if box.level is not Level.PROCESS:
        assert [int(each) for each in said] == [seconds * (os.cpu_count() or 1) for seconds in (10, 55)]


def test_a_deadline_ends_a_program_and_the_sandbox_goes_on(box: Sandbox) -> None:
    began = time.monotonic()
    finished = run(box, "    while True:\n        pass", deadline=0.5)
    assert 0.5 <= time.monotonic() - began < 5
    assert (finished.stopped, finished.returncode) == (Stop.DEADLINE, -9)
    assert run(box, "    return 1").returncode == 0
    assert box.started == 1


def test_a_sigkill_that_was_not_ours_is_tried_once_more(box: Sandbox, tmp_path: Path) -> None:
    finished = run(box, "    import os\n    os.kill(os.getpid(), 9)")
    assert (finished.returncode, finished.stopped) == (-9, None)
    if box.level is Level.PROCESS:
        path = str(tmp_path / "runs")
        body = "    import os\n    open(told, 'a').write('x')\n    os.kill(os.getpid(), 9)"
        assert run(box, body, path).returncode == -9
        assert Path(path).read_text(encoding="ascii") == "xx"


SLOW = "    import time\n    time.sleep(0.7)\n    return 'done'"


def running(pids: list[int]) -> list[int]:
    """Those that have not ended; whose parent was killed may wait for the machine's init to say so."""
    states = {}
    for pid in pids:
        try:
            states[pid] = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            continue
    return [pid for pid, state in states.items() if state not in "ZX"]


def meanwhile(box: Sandbox, body: str, deadline: float, act: Callable[[int], object]) -> Finished:
    """Run a task, and do something to its warm parent as soon as the task's process is there."""
    run(box, "    return 1")
    assert box.pid is not None
    warm = box.pid if box.level is Level.PROCESS else tree.descendants(box.pid)[0]
    results: list[Finished] = []
    thread = threading.Thread(target=lambda: results.append(run(box, body, deadline=deadline)))
    thread.start()
    while not tree.descendants(warm):
        assert thread.is_alive()
    act(warm)
    thread.join()
    return results[0]


def test_a_task_whose_warm_parent_dies_is_begun_again(box: Sandbox) -> None:
    finished = meanwhile(box, SLOW, 20.0, lambda warm: os.kill(warm, signal.SIGKILL))
    assert (finished.returncode, finished.stopped) == (0, None)
    assert box.started == 2


def test_a_warm_parent_that_does_not_answer_is_ended_with_its_task(box: Sandbox) -> None:
    stopped: list[int] = []

    def stop(warm: int) -> None:
        os.kill(warm, signal.SIGSTOP)
        stopped.extend([warm, *tree.descendants(warm)])

    began = time.monotonic()
    finished = meanwhile(box, "    import time\n    time.sleep(60)", 1.0, stop)
    assert (finished.stopped, finished.returncode) == (Stop.DEADLINE, -9)
    assert time.monotonic() - began < 12
    assert running(stopped) == []
    assert run(box, "    return 1").returncode == 0


@each_wall
def test_nothing_outlives_a_sandbox_that_is_stopped_and_closed(level: Level) -> None:
    body = """
    import os, time
    for _ in range(5):
        if not os.fork():
            os.setsid()
            break
    time.sleep(60)
    """
    with Sandbox(Settings(python_at(level)), level) as box:
        everybody: list[int] = []

        def stop(warm: int) -> None:
            os.kill(warm, signal.SIGSTOP)
            everybody.extend([box.pid or 0, warm, *tree.descendants(warm)])

        meanwhile(box, body, 0.5, stop)
    assert running(everybody) == []


def test_programs_that_share_memory_are_not_stopped_for_it(box: Sandbox) -> None:
    body = """
    import os, time
    kept = b"x" * (80 << 20)
    pids = []
    for _ in range(8):
        pid = os.fork()
        if not pid:
            time.sleep(0.4)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    """
    assert run(box, body).stopped is None


def test_two_sandboxes_of_root_are_two_users() -> None:
    if os.getuid() != 0:
        pytest.skip("only root becomes somebody else")
    python = python_at(Level.LANDLOCK)
    with Sandbox(Settings(python), Level.LANDLOCK) as one, Sandbox(Settings(python), Level.LANDLOCK) as other:
        body = "    import os\n    print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups())"
        said = [run(each, body).stdout.decode().split() for each in (one, other)]
    assert said[0] != said[1]
    assert all(int(each[0]) in range(64101, 65500) and each[3] == "[]" for each in said)


@pytest.mark.parametrize("abi", [2, 5])
def test_an_older_landlock_keeps_the_host_safe_too(monkeypatch: pytest.MonkeyPatch, abi: int) -> None:
    python = python_at(Level.LANDLOCK)
    monkeypatch.setattr(confine, "landlock_abi", lambda: abi)
    names = ["signals", "signals_to_the_warm_parent", "signal_to_everybody", "signals_by_ownership", "daemon"]
    names += ["change_files_of_the_host", "network_tcp", "unix_sockets", "read_secrets", "daemon", "death_signals"]
    host = battery.Host()
    try:
        with Sandbox(Settings(python), Level.LANDLOCK, battery.BOUNDS) as box:
            fresh = battery.probe(box)
            for name in names:
                outcome = battery.attack(box, name, host.told(box, gentle=False), battery.ENDS)
                assert outcome.tried, outcome
                assert outcome.achieved == []
                assert host.lost() == []
                assert battery.probe(box) == fresh
            assert box.started == 1
        assert (host.remains(), host.running()) == ([], [])
    finally:
        host.close()


# Levels.


def test_the_strongest_level_that_works_is_found_with_reasons() -> None:
    found = levels.strongest(Settings(python_at(Level.BWRAP)))
    assert (found.level, str(found)) == (Level.BWRAP, "bwrap")


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Levels are found anew."""
    levels.strongest.cache_clear()
    yield
    levels.strongest.cache_clear()


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """A PATH on which bwrap is this script, or is not."""
    if script is not None:
        path = folder / "bwrap"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return
    for folder_on_path in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for each in Path(folder_on_path).iterdir():
            link = folder / each.name
            if each.name != "bwrap" and not link.is_symlink():
                link.symlink_to(each)
    monkeypatch.setenv("PATH", str(folder))


BROKEN = {
    "missing": (None, "bubblewrap is not installed: there is no bwrap on PATH"),
    "without namespaces": ("echo 'bwrap: No permissions to create a new namespace' >&2; exit 1", "No permissions"),
    "silent": ("exit 1", "it ended"),
}


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_bubblewrap_that_does_not_work_is_named_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    script, why = BROKEN[kind]
    python = python_at(Level.LANDLOCK)
    fake(tmp_path, monkeypatch, script)
    settings = Settings(python)
    found = levels.strongest(settings)
    assert found.level is Level.LANDLOCK
    [(level, reason)] = found.reasons
    assert level is Level.BWRAP and why in reason and "\n" not in reason
    with pytest.raises(CannotRun, match=r"^--sandbox bwrap: ") as caught:
        levels.chosen("bwrap", settings, trust=True)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("forgetful")
def test_a_bubblewrap_that_has_ended_before_it_is_greeted_is_told_as_one_that_ends_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = python_at(Level.BWRAP)
    fake(tmp_path, monkeypatch, "exit 1")
    greet = Parent._greet

    def late(parent: Parent, complaints: BinaryIO) -> None:
        parent._process_ended()
        greet(parent, complaints)

    monkeypatch.setattr(Parent, "_greet", late)
    with pytest.raises(CannotRun, match="it ended"):
        levels.chosen("bwrap", Settings(python), trust=True)


@pytest.mark.usefixtures("forgetful")
def test_without_walls_only_trusted_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "exit 1")
    monkeypatch.setattr(confine, "landlock_abi", lambda: 0)
    settings = Settings(sys.executable)
    with pytest.raises(CannotRun, match=r"no sandbox works here .*landlock: this kernel has no Landlock.*--trust"):
        levels.chosen("auto", settings, trust=False)
    assert levels.chosen("auto", settings, trust=True) is Level.PROCESS
    with pytest.raises(CannotRun, match="isolates nothing"):
        levels.chosen("process", settings, trust=False)
    assert levels.chosen("process", settings, trust=True) is Level.PROCESS


def test_an_interpreter_that_the_sandboxs_user_cannot_read_is_named_with_the_way_out() -> None:
    if os.getuid() != 0:
        pytest.skip("only root becomes somebody else")
    hidden = [i.path for i in INTERPRETERS if not (Path(i.path).resolve().parents[-2].stat().st_mode & 0o001)]
    if not hidden:
        pytest.skip("every interpreter can be read by everybody")
    with pytest.raises(CannotRun, match=r"cannot enter /.*: give an interpreter outside of it with --python, or"):
        levels.chosen("landlock", Settings(hidden[0]), trust=False)


def test_a_sandbox_that_does_not_start_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = Path(tempfile.mkdtemp())
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    fake(tmp_path, monkeypatch, "echo first >&2; echo second >&2; exit 1")
    with Sandbox(Settings(), Level.BWRAP) as box, pytest.raises(CannotRun) as caught:
        run(box, "    return 1")
    assert str(caught.value) == "the sandbox does not start at the level bwrap: second"
    assert list(base.iterdir()) == []
    base.rmdir()


@pytest.fixture
def folder_outside_of_tmp() -> Iterator[Path]:
    """Behind bubblewrap, /tmp is another."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_an_interpreter_below_tmp_works_behind_bubblewrap_and_is_nobodys_to_change(tmp_path: Path) -> None:
    (tmp_path / "py").symlink_to(sys.executable)
    with Sandbox(Settings(str(tmp_path / "py")), Level.BWRAP) as sandbox:
        body = f"    import os\n    return sorted(os.listdir('/tmp')), os.access('/tmp/{tmp_path.parts[2]}', os.W_OK)"
        # The interpreter that runs the tests may lie there too.
        tops = {each.split("/")[2] for each in (str(tmp_path), sys.prefix, sys.base_prefix) if each.startswith("/tmp/")}
        for _ in range(2):
            ended = run(sandbox, body)
            assert ended.wire.texts().to_pylist()[-1] == f"({sorted([*tops, 'work'])}, False)"


def test_a_link_to_an_interpreter_in_tmp_itself_is_refused_behind_bubblewrap(tmp_path: Path) -> None:
    link = Path(f"/tmp/{tmp_path.name}-{os.getpid()}")
    link.symlink_to(sys.executable)
    try:
        why = levels.trouble(Level.BWRAP, Settings(str(link)))
    finally:
        link.unlink()
    assert why == f"{link} lies where the sandbox has its own files: give an interpreter that lies elsewhere"


# Parts.


def test_emptying_follows_no_link_and_knows_no_depth(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    (outside / "kept").write_text("x", encoding="ascii")
    here = os.open(".", os.O_RDONLY)
    os.chdir(inside)
    for _ in range(1200):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    os.symlink(outside, "link")
    os.fchdir(here)
    os.close(here)
    (inside / "folder").mkdir()
    (inside / "folder" / "link").symlink_to(outside)
    (inside / "folder").chmod(0)
    (inside / "hard").hardlink_to(outside / "kept")
    os.mkfifo(inside / "fifo")
    (inside / os.fsdecode(b"\xff\n")).write_text("x", encoding="ascii")
    inside.chmod(0)
    empty(str(inside), 0o750)
    assert list(inside.iterdir()) == []
    assert stat.S_IMODE(inside.stat().st_mode) == 0o750
    assert (outside / "kept").read_text(encoding="ascii") == "x"


def test_files_are_added_up_wherever_they_are(tmp_path: Path) -> None:
    most = files.Most(MIB, 10)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 4096)
    (tmp_path / "a" / "again").hardlink_to(tmp_path / "a" / "b")
    found = files.taken(tmp_path, [], most)
    assert found.files == 2 and found.size >= 4096
    assert not files.exceeds(tmp_path, [], most)
    with (tmp_path / "gone").open("wb") as stream:
        stream.write(b"x" * 2 * MIB)
        stream.flush()
        (tmp_path / "gone").unlink()
        assert not files.exceeds(tmp_path, [], most)
        assert files.exceeds(tmp_path, [os.getpid()], most)
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert files.exceeds(tmp_path, [], most)


def test_a_tree_is_seen_with_its_threads() -> None:
    seen = tree.seen([os.getpid()], 0)
    assert seen.memory > MIB
    assert seen.threads >= threading.active_count()
    assert tree.seen([2**22 + 1], 0).memory == 0


def test_an_interpreter_needs_folders_and_not_a_home(folder_outside_of_tmp: Path) -> None:
    found = needs(sys.executable)
    assert os.path.isabs(found.executable)
    assert str(Path.home()) not in found.folders
    assert "/" not in found.folders
    link = folder_outside_of_tmp / "py"
    link.symlink_to(found.executable)
    through = needs(str(link))
    assert str(link.parent) not in through.folders
    assert (str(link), found.executable) in through.links
    with Sandbox(Settings(str(link)), Level.BWRAP) as box:
        (link.parent / "beside").touch()
        body = "    import os\n    print([os.path.exists(each) for each in told])"
        assert run(box, body, [str(link), str(link.parent / "beside")]).stdout == b"[True, False]\n"


def test_bounds_have_defaults_that_an_honest_program_does_not_meet() -> None:
    bounds = Bounds()
    assert (bounds.memory, bounds.disk, bounds.processes, bounds.files) == (1024 * MIB, 64 * MIB, 64, 20_000)


def test_the_folder_of_a_run_that_was_killed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, alive, young, data = (tmp_path / f"foretrace-{name}" for name in ("killed", "alive", "young", "data"))
    for folder in (killed, alive, young, data):
        (folder / "box").mkdir(parents=True)
        if folder != data:
            (folder / MARK).touch()
    for folder in (killed, alive, data):
        os.utime(folder, (0, 0))
    holder = os.open(alive, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with Home() as home:
        assert sorted(tmp_path.iterdir()) == sorted([alive, young, data, home.path])
    os.close(holder)


@pytest.mark.parametrize(
    "body",
    [
        "import os, gc\n    os._exit = gc.collect = print",
        "import sys\n    sys.modules = None",
        "import atexit\n    atexit._run_exitfuncs = None",
        "import sys\n    sys.stdout = sys.stderr = None",
    ],
)
def test_a_task_ends_whatever_it_has_put_in_the_place_of_what_ends_it(body: str) -> None:
    with Sandbox(Settings(), Level.PROCESS) as sandbox:
        ended = run(sandbox, f"    {body}\n    return 1", deadline=5.0)
    assert (ended.returncode, ended.stopped) == (0, None)
    assert ended.wire.finished
