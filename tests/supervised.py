"""Toy work for the supervisor, and a driver that runs it as a command: ``python -m tests.supervised '{…}'``.

An item is a word and what happens to it.  The driver prints each event as a JSON line, so that a test can wait
for one; it knows nothing of what the test does to it then.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.rows import table
from tests.wires import CALL, RETURN, HandWritten
from tracegen import CannotRun, supervisor
from tracegen.harvest import SCHEMA
from tracegen.progress import JsonLines
from tracegen.work import Part


@dataclass(frozen=True)
class Word:
    """``deed``: what its work does besides a row: "drop", "cut", "die", "die once", "hang once", "raise", …"""

    key: str
    text: str = ""
    deed: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.text}/{self.deed}".encode()).hexdigest()


@dataclass(frozen=True)
class Toy:
    """``log`` gets a line for each item that is begun; files beside it say what happened once."""

    log: str
    values: str = "repr"
    size: int = 0

    @property
    def kind(self) -> str:
        return "words"

    @property
    def identity(self) -> Mapping[str, object]:
        return {"values": self.values, "limits": (1, 2)}

    @contextmanager
    def opened(self, slot: int) -> Iterator[ToyBench]:
        self.write(f"open {slot} {os.getpid()}")
        try:
            yield ToyBench(self)
        finally:
            self.write(f"close {slot} {os.getpid()}")

    def write(self, line: str) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)

    def once(self, name: str) -> bool:
        """Whether this is the first time, of any process."""
        try:
            os.close(os.open(f"{self.log}.{name}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class ToyBench:
    toy: Toy

    def make(self, items: Sequence[Word], done: Callable[[], None]) -> Part:
        kept, cut = [SCHEMA.empty_table()], [SCHEMA.empty_table()]
        counts: Counter[str] = Counter()
        said = []
        for item in items:
            self.toy.write(f"item {item.key}")
            self._happen(item)
            if item.deed == "drop":
                counts["dropped.cannot run"] += 1
                said.append(f"{item.key}: cannot run")
            elif item.deed == "cut":
                cut.append(row(item, self.toy.size))
            else:
                kept.append(row(item, self.toy.size))
                counts["kept.returned"] += 1
            done()
        return Part(pa.concat_tables(kept), pa.concat_tables(cut), counts, tuple(said))

    def _happen(self, item: Word) -> None:
        if item.deed == "die" or (item.deed == "die once" and self.toy.once(item.key)):
            os.kill(os.getpid(), signal.SIGKILL)
        elif item.deed == "exit once" and self.toy.once(item.key):
            os._exit(3)
        elif item.deed == "hang" or (item.deed == "hang once" and self.toy.once(item.key)):
            signal.pause()
        elif item.deed == "hang in C":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            signal.pause()
        elif item.deed == "raise":
            raise ZeroDivisionError(item.key)
        elif item.deed == "refuse":
            raise CannotRun(f"{item.key}: no python here")
        elif item.deed == "full":
            Path("/dev/full").write_text("x" * 100000, encoding="ascii")
        elif item.deed == "ignored signals":
            known = Path("/proc/self/status").read_text(encoding="ascii")
            child = os.popen("cat /proc/self/status").read()
            for status in (known, child):
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                self.toy.write(f"status {fields['SigIgn'].strip()} {fields['SigBlk'].strip()}")
        elif item.deed == "vanish":
            Path(item.text).rename(f"{item.text}.gone")
        elif item.deed == "wait" and not Path(f"{self.toy.log}.go").exists():
            # For good, unless the test has said that it is time.  Not pause(): a signal just before it is lost to it.
            while True:
                select.select([], [], [], 0.05)


def row(item: Word, size: int = 0) -> pa.Table:
    """One row; ``size`` more characters in it, which do not compress."""
    wire = HandWritten().note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
    wire.note("file", path="/p/a.py").begin().step(CALL, 1, json.dumps({"n": item.text[:100]}))
    digests = [hashlib.sha512(f"{item.key}{n}".encode()).hexdigest() for n in range(-(-size // 128))]
    wire.step(RETURN, 2, "1").end(0, "returned")
    return table(wire, program_id=item.key, stdout="".join(digests)[:size])


def words(count: int, **deeds: str) -> list[Word]:
    """w0, w1, …; ``deeds`` by key."""
    return [Word(f"w{n}", f"text {n}", deeds.get(f"w{n}", "")) for n in range(count)]


def drive(options: dict[str, Any]) -> int:
    """Run `collect` as a command would; exit codes as the house has them."""
    toy = Toy(options["log"], **options.get("toy", {}))
    items = words(options["count"], **options.get("deeds", {}))
    share = supervisor.parse_shard(options["shard"]) if "shard" in options else None
    try:
        summary = supervisor.collect(
            toy,
            items,
            Path(options["output"]),
            jobs=options.get("jobs", 2),
            per_shard=options["per_shard"],
            share=share,
            patience=options.get("patience", 600.0),
            events=JsonLines(sys.stdout, 0.0),
        )
    except CannotRun as error:
        print(f"foretrace: {error}", file=sys.stderr)
        return 2
    except supervisor.Stopped as error:
        print(f"foretrace: {error}", file=sys.stderr)
        return 130
    print(json.dumps({"event": "summary", "made": summary.made, "complete": summary.whole is not None}))
    return 0


if __name__ == "__main__":
    sys.exit(drive(json.loads(sys.argv[1])))
