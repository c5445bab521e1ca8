"""What happens while a data set is made, as events; and two listeners: a bar for people, JSON lines for programs.

Knows nothing of processes or files: supervisor.py tells the events.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NoReturn, TextIO

from tqdm import tqdm

from tracegen.views import visible_lines


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to do in this run's share, and what of it earlier runs have done."""

    items: int
    items_done: int
    shards: int
    shards_done: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Items done, earlier runs' included.  It falls when a worker dies: its shard begins anew."""

    items_done: int


@dataclass(frozen=True, slots=True)
class ShardDone:
    """A shard was finished in this run; ``said`` are lines about single items."""

    index: int
    rows: int
    seconds: float
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A finished shard is not what was written: it is made anew."""

    index: int
    why: str


@dataclass(frozen=True, slots=True)
class Retried:
    """A worker died for reasons that its shard may not have: the shard is tried again."""

    index: int
    why: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The share is finished; ``complete`` if the shards of all shares are."""

    shards: int
    rows: int
    complete: bool


Event = Started | Progress | ShardDone | Damaged | Retried | Finished
Listener = Callable[[Event], None]


class Pace:
    """How fast this run is, and how long it will take: what earlier runs did says nothing of that."""

    def __init__(self, started: Started) -> None:
        self._items = started.items
        self._before = self._done = started.items_done
        self._began = time.monotonic()

    def at(self, event: Progress) -> dict[str, float | None]:
        """Items a second, and the seconds that remain; None as long as nothing tells."""
        self._done = event.items_done
        seconds = time.monotonic() - self._began
        rate = (self._done - self._before) / seconds if seconds > 0 else 0.0
        left = (self._items - self._done) / rate if rate > 0 else None
        return {"items_per_second": round(rate, 3), "seconds_left": None if left is None else round(left, 1)}

    def __str__(self) -> str:
        said = self.at(Progress(self._done))
        left = said["seconds_left"]
        rest = "" if left is None else f", about {tqdm.format_interval(left)} left"
        return f"{self._done} of {self._items} items, {said['items_per_second']:g} a second{rest}"


class JsonLines:
    """Writes each event as one line: ``{"event": "shard_done", "index": 3, …}``.

    `Progress` is written every ``seconds`` at most, with the `Pace`.
    """

    def __init__(self, stream: TextIO, seconds: float = 1.0) -> None:
        self._stream = stream
        self._seconds = seconds
        self._next = 0.0
        self._pace: Pace | None = None

    def __call__(self, event: Event) -> None:
        """Write one event."""
        said: dict[str, object] = asdict(event)
        if isinstance(event, Started):
            self._pace = Pace(event)
        if isinstance(event, Progress):
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + self._seconds
            said |= self._pace.at(event) if self._pace else {}
        name = re.sub(r"(?<=.)([A-Z])", r"_\1", type(event).__name__).lower()
        self._stream.write(json.dumps({"event": name, **said}) + "\n")
        self._stream.flush()


class Bar:
    """A bar with the rate and the time that remains, from this run's recent past; lines stand above it.

    On a stream that is no terminal the lines are written, and every ``seconds`` one with the `Pace`.
    """

    def __init__(self, stream: TextIO, unit: str = "item", seconds: float = 60.0) -> None:
        self._stream = stream
        self._unit = unit
        self._seconds = seconds
        self._next = 0.0
        self._pace: Pace | None = None
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Started):
            # What earlier runs did says nothing of this one's rate; one slow item does not either.
            self._bar = tqdm(
                total=event.items,
                initial=event.items_done,
                unit=self._unit,
                file=self._stream,
                disable=None,
                smoothing=0.05,
                mininterval=0.5,
            )
            if not self._stream.isatty():
                self._pace, self._next = Pace(event), time.monotonic() + self._seconds
            if event.shards_done:
                self._say(f"{event.shards_done} of {event.shards} shards are finished already")
        elif isinstance(event, Progress):
            if self._bar is not None:
                self._bar.update(event.items_done - self._bar.n)
            if self._pace is not None:
                self._pace.at(event)
                if time.monotonic() >= self._next:
                    self._next = time.monotonic() + self._seconds
                    self._say(str(self._pace))
        elif isinstance(event, ShardDone):
            for line in event.said:
                self._say(line)
        elif isinstance(event, Damaged):
            self._say(f"{event.why}; made anew")
        elif isinstance(event, Retried):
            self._say(f"shard {event.index}: {event.why}; tried again")
        else:
            self.__exit__()

    def _say(self, line: str) -> None:
        tqdm.write(visible_lines(line), file=self._stream)
