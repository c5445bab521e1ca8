"""One module of CPython's own tests, in a fresh process: ``python cpython_child.py CONFIG``, traced or not.

Runs every test of ``test.NAME`` through unittest and appends what happens to a file, a JSON list a line: a test
begins, a test has ended and how, and the sums at the end.  Where it traces, each test has a wire, a recorder and
a tracer of its own, in memory that is given back behind it, so that no test goes unrecorded for want of room.

Runs on every interpreter that the tracer runs in.  Knows nothing of the other run that this one is compared with:
see cpython_tests.py.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import json
import mmap
import os
import random
import signal
import struct
import sys
import unittest
import warnings
from typing import Any

STEPS, TEXT, NOTES = 24 * 20_000_000, 3 << 30, 64 << 20
"""Bytes of the lanes; only what a test writes takes memory."""

CODE_FROM_STRINGS = ("<string>", "<stdin>", "<test>", "<test string>", "<eval>", "<exec>", "<lambda>", "<demo>")


class Journal:
    """What the parent reads."""

    def __init__(self, path: str) -> None:
        self._stream = open(path, "a", encoding="ascii", buffering=1)  # noqa: SIM115  # for the life of the process
        self._process = os.getpid()

    def say(self, *said: object) -> None:
        """One line; a forked child of a test says nothing."""
        if os.getpid() == self._process:
            self._stream.write(json.dumps(said) + "\n")


class Tracing:
    """A tracer for one test after the other."""

    def __init__(self, config: dict[str, Any], child: Any) -> None:
        self._child = child
        self._parts = child.tracers.parts(config["library"])
        self._values = config["values"]
        self._whole = child.Limits(events=10**9, seconds=10**9, bytes=1 << 40, characters=65_536, depth=10**8)
        self._brief = set(config["brief"])
        library = os.path.dirname(os.path.abspath(os.__file__))
        self._selection = child.Selection(
            begin="outermost",
            files=CODE_FROM_STRINGS,
            roots=("/",),
            include=(library, os.path.realpath(library), os.getcwd()),
            never=(os.path.abspath(__file__), config["payload"]),
        )
        self._memory = mmap.mmap(-1, child.wire.wire_bytes(STEPS, TEXT, NOTES))
        self._view = memoryview(self._memory)
        self._tracer: Any = None
        self._watch: Any = None
        self.steps = self.text = self.full = 0
        self.meddled = False
        os.register_at_fork(after_in_child=self._let_go)
        sys.addaudithook(self._heard)

    def start(self, test: str) -> None:
        """A fresh wire, and trace; of a test that is known to be long, each function once, within the usual limits."""
        selection, limits = self._selection, self._whole
        if test in self._brief:
            selection, limits = selection._replace(begin="functions"), self._child.Limits(seconds=2.0)
        self.meddled = False
        self._child.wire.lay_out(self._view, STEPS, TEXT, NOTES)
        writer = self._parts.Writer(self._view)
        recorder = self._parts.Recorder(writer, selection, limits)
        tracer = self._parts.Tracer(recorder, self._values)
        self._watch = self._child._Watch(tracer)
        self._tracer = tracer
        tracer.start()

    def stop(self) -> None:
        """Trace no more; count what was recorded, and give the memory back."""
        tracer, self._tracer = self._tracer, None
        tracer.stop()
        tracer.recorder.finish()
        tracer.close()
        steps, notes = struct.unpack_from("<QQ", self._view, 64)
        self.steps += steps
        if steps:
            [end] = struct.unpack_from("<Q", self._view, 4096 + 24 * (steps - 1))
            self.text += end
        told = bytes(self._view[4096 + STEPS + TEXT : 4096 + STEPS + TEXT + notes])
        self.full += b'"ending":"memory"' in told
        self._memory.madvise(mmap.MADV_DONTNEED)

    @property
    def running(self) -> bool:
        """Whether a test is being traced."""
        return self._tracer is not None

    def _let_go(self) -> None:
        if self._tracer is not None:
            self._tracer.recorder.let_go()

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if self._tracer is not None:
            if event == "sys.settrace" and not self._tracer.setting:
                self.meddled = True
            self._watch.heard(event, args)


class Result(unittest.TestResult):
    """Writes each test's outcome down, and traces it if it is to be traced."""

    def __init__(self, journal: Journal, tracing: Tracing | None, done: set[str]) -> None:
        super().__init__()
        self._journal = journal
        self._tracing = tracing
        self._done = done
        self._outcome = ("ok", "")

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self._outcome = ("ok", "")
        self._journal.say("begin", test.id())
        gc.collect()
        random.seed(0)
        if self._tracing is not None:
            self._tracing.start(test.id())

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        meddled = False
        if self._tracing is not None and self._tracing.running:  # 3.12.1 does not start a test that it skips
            self._tracing.stop()
            meddled = self._tracing.meddled
        self._journal.say("end", test.id(), *self._outcome, meddled)
        self._outcome = ("ok", "")
        super().stopTest(test)

    def _say(self, outcome: str, detail: str) -> None:
        if self._outcome[0] not in ("failure", "error"):
            self._outcome = (outcome, detail[-1500:])

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        if isinstance(test, unittest.TestCase):
            self._say("error", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]
        else:  # of a class or a module
            self._journal.say("end", str(test), "error", repr(err[1])[:1500], False)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._say("failure", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        if isinstance(test, unittest.TestCase):
            self._say("skip", str(reason))
        else:
            self._journal.say("end", str(test), "skip", str(reason), False)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._say("expected failure", "")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._say("unexpected success", "")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        if err is not None:
            wrong = issubclass(err[0], test.failureException)
            self._say("failure" if wrong else "error", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]


def loaded(path: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chosen(suite: Any, done: set[str], only: set[str]) -> unittest.TestSuite:
    """A suite without the tests that another process has run; ``only`` those, if there are any."""
    if not isinstance(suite, unittest.TestSuite):
        return suite  # type: ignore[no-any-return]
    kept: list[Any] = []
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.append(chosen(test, done, only))
        elif test.id() not in done and (not only or test.id() in only):
            kept.append(test)
    return type(suite)(kept)


def main() -> None:
    with open(sys.argv[1], encoding="ascii") as stream:
        config: dict[str, Any] = json.load(stream)
    sys.path.pop(0)
    sys.argv = ["test"]
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where we were started with Ctrl-C ignored
    journal = Journal(config["journal"])
    child = loaded(os.path.join(config["payload"], "bootstrap.py"), "bootstrap").load(config["payload"])
    tracing = Tracing(config, child) if config["library"] else None
    support: Any = importlib.import_module("test.support")

    support.verbose = 0
    support.use_resources = {}
    try:
        module = importlib.import_module("test." + config["module"])
    except unittest.SkipTest as skip:
        journal.say("end", config["module"], "skip", str(skip), False)
        return
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    done = set(config["done"])
    result = Result(journal, tracing, done)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        chosen(suite, done, set(config.get("only", ()))).run(result)
    journal.say("sums", *((tracing.steps, tracing.text, tracing.full) if tracing else (0, 0, 0)))
    sys.stdout.flush()
    os._exit(0)  # a thread that a test left behind is not waited for


if __name__ == "__main__":
    main()
