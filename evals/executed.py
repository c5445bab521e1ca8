"""What only running it can tell: whether an assertion behind a program holds, and what a call returns.

Everything runs in the sandbox, each assertion and each call that could reach another as a task of its own.  What
is proved from an assertion's text (proofs.py) need not run, or may share a task.
Knows nothing of models, nor of what is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from types import TracebackType
from typing import BinaryIO, TypeVar

from evals.proofs import Assertion, harmless, proved
from tracegen.context import normalised
from tracegen.execution import Finished, Lanes
from tracegen.frame import Event
from tracegen.payload.scope import Selection
from tracegen.programs.calls import CALLER, Call, trace_call
from tracegen.sandbox import Level, Sandbox
from tracegen.sandbox.levels import AUTO, chosen
from tracegen.settings import CannotRun, NoSandbox, Settings

SECONDS = 3
"""How long a program may take, as CRUXEval has it; a second more until it is killed."""
BATCH, BESIDE = 2000, 6
"""How many harmless assertions share a task, and how many of them run beside each other: some never end."""
LANES = Lanes(1 << 12, 1 << 20, 1 << 16)
Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call returned, as a repr; None, and why, if it did not."""

    value: str | None
    trouble: str = ""


class Judge:
    """Runs assertions and calls in ``jobs`` sandboxes side by side, which start when they are first needed.

    A context manager; its methods may be called from several threads.  Raises CannotRun where no sandbox works.
    """

    def __init__(self, jobs: int = 2, settings: Settings | None = None, level: Level | None = None) -> None:
        self._settings = replace(settings or Settings(), deadline=SECONDS + 1.0)
        self._level = level
        self._jobs = jobs
        self._free: SimpleQueue[Sandbox | None] = SimpleQueue()
        for _ in range(jobs):
            self._free.put(None)

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes; the next question starts new ones."""
        for _ in range(self._jobs):
            box = self._free.get()
            if box is not None:
                box.close()
            self._free.put(None)

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``work`` on every item, in their order, on as many threads as there are sandboxes; on equal items once."""
        wanted = list(items)
        with ThreadPoolExecutor(self._jobs) as pool:
            waiting = {item: pool.submit(work, item) for item in dict.fromkeys(wanted)}
            try:
                done = {item: future.result() for item, future in waiting.items()}
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return [done[item] for item in wanted]

    def holds(self, assertion: Assertion) -> bool:
        """Whether the program and the assertion run to their end within the time, and raise nothing."""
        return self.all_hold([assertion])[0]

    def all_hold(self, assertions: Sequence[Assertion]) -> list[bool]:
        """The same of many.  Harmless ones share a task, in which each is a process; any other has one of its own."""
        known: dict[Assertion, bool | None] = {each: proved(each) for each in dict.fromkeys(assertions)}
        running = [assertion for assertion, verdict in known.items() if verdict is None]
        together = [each for each in running if harmless(each)]
        count = max(self._jobs, -(-len(together) // BATCH))
        # Equal programs hang alike: they are dealt out like cards.
        batches = [tuple(together[first::count]) for first in range(min(count, len(together)))]
        for batch, verdicts in zip(batches, self.each(self._run, batches), strict=True):
            known.update(zip(batch, verdicts, strict=True))
        # Also those of a batch that did not come to its end.
        alone = [(assertion,) for assertion in running if known[assertion] is None]
        for (assertion,), verdicts in zip(alone, self.each(self._run, alone), strict=True):
            known[assertion] = verdicts[0] is True
        return [bool(known[assertion]) for assertion in assertions]

    def _run(self, assertions: tuple[Assertion, ...]) -> list[bool | None]:
        """Verdicts of one task's assertions; None where it came to none."""
        word = secrets.token_hex(16)
        programs = ascii([f"{each.code}\n{each.statement}" for each in assertions])
        source = _DRIVER.format(programs=programs, word=word, seconds=SECONDS, beside=BESIDE)
        target = {"kind": "script", "path": "<judge>", "source": source, "shown": "judge", "argv": [], "traced": False}
        settings = replace(self._settings, deadline=len(assertions) * (SECONDS + 1.0) + 1)
        with self._box() as box:
            try:
                finished = box.run(target, Selection(begin="outermost"), settings, lanes=LANES)
            except NoSandbox:
                raise
            except CannotRun:
                # It damaged what it was given, or took its sandbox with it again and again.
                return [None] * len(assertions)
        said = set(finished.stdout.decode("utf-8", "replace").split("\n")[:-1])
        return [f"{at}:{word}" in said or (False if f"{at}:" in said else None) for at in range(len(assertions))]

    def returned(self, code: str, function: str, arguments: str) -> Returned:
        """What a call of a function in ``code`` returns; ``arguments`` as they stand between the brackets."""
        try:
            call = Call("the answer", normalised(code), function, arguments, "<program>", "program.py", "program")
            with self._box() as box:
                told = trace_call(call, self._settings, LANES, run=_alone(box))
        except NoSandbox:
            raise
        except CannotRun as error:
            return Returned(None, str(error))
        if told.finished.stopped is not None:
            return Returned(None, told.finished.stopped.value)
        trace = next(told.traces(), None)
        last = trace.steps[len(trace.steps) - 1] if trace is not None and len(trace.steps) else None
        if last is None or last.event is not Event.RETURN or last.unwinding or last.value is None:
            lines = told.finished.stderr.decode("utf-8", "replace").strip().splitlines()
            return Returned(None, lines[-1][:200] if lines else "it did not return")
        return Returned(last.value)

    @contextmanager
    def _box(self) -> Iterator[Sandbox]:
        box = self._free.get()
        try:
            if box is None:
                level = self._level or chosen(AUTO, self._settings, trust=False)
                box = Sandbox(self._settings, level)
            yield box
        finally:
            self._free.put(box)


def _alone(box: Sandbox) -> Callable[..., Finished]:
    """Runs a call and records its caller alone: what it returns is all that is wanted, however long it runs."""

    def run(
        target: Mapping[str, object],
        selection: Selection,
        settings: Settings,
        *,
        stdin: BinaryIO | None = None,
        lanes: Lanes | None = None,
    ) -> Finished:
        return box.run(target, selection._replace(files=(CALLER,)), settings, stdin=stdin, lanes=lanes)

    return run


_DRIVER = """\
def judge(programs):
    import builtins, io, os, signal, sys, time
    out = os.dup(1)
    for fd in 0, 1, 2:
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    builtins.exit = builtins.quit = builtins.help = None
    running = {{}}
    def late(number, frame):
        raise TimeoutError
    def look(number, frame):
        for pid, (index, until) in running.items():
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
    def wait():
        index, until = running.pop(os.waitpid(-1, 0)[0])
        os.write(out, b"%d:\\n" % index)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    for index, program in enumerate(programs):
        if len(running) == {beside}:
            wait()
        pid = os.fork()
        if pid == 0:
            sys.stdout, sys.stderr, sys.stdin = io.StringIO(), io.StringIO(), None
            signal.signal(signal.SIGALRM, late)
            try:
                signal.setitimer(signal.ITIMER_REAL, {seconds})
                exec(program, {{}})
                signal.setitimer(signal.ITIMER_REAL, 0)
            except BaseException:
                os._exit(1)
            os.write(out, b"%d:{word}\\n" % index)
            os._exit(0)
        running[pid] = index, time.monotonic() + {seconds} + 1
    while running:
        wait()
judge({programs})
"""
"""Each program is a process.  It says a word that was drawn for this task if it comes to its end: no other way of
ending does.  One that goes to great lengths can say it too, but only for itself: such a one is alone in its task.
"""
