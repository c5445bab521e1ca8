"""Training documents made on the fly: programs generated, run, traced and encoded in worker processes.

Document k of a seed is the same on every machine with the same Python, however many workers there are.  Knows nothing
of models.
"""

from __future__ import annotations

import ast
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from cwm_model.tokenizer import Tokenizer, from_file
from cwm_model.training.documents import Document, Form, document
from tracegen import CannotRun
from tracegen.programs.here import Here
from tracegen.programs.synthetic import Program, program
from tracegen.programs.synthetic.chance import Chance
from tracegen.programs.synthetic.drills import drill, renamed

BLOCK = 64
"""Documents that a worker makes at a time."""
AHEAD = 8
"""Blocks that a worker makes before they are wanted."""
EMPTY = 20
"""Blocks without a document, one after the other, that are too many."""
FEWEST = 5
"""No frame has fewer tokens."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What documents are made of: shares in percent, and how long a document may be.

    Documents of more than ``balanced`` tokens are taken in proportion, so that long loops do not take all the tokens.
    """

    seed: int = 1
    drills: int = 35
    renamed: int = 30
    single: int = 6
    over: int = 6
    longest: int = 4096
    balanced: int = 1024


class Making:
    """Makes documents by number.  ``shunned`` are fingerprints of programs that must not be learned."""

    def __init__(self, mixture: Mixture, tokenizer: Tokenizer, shunned: frozenset[str] = frozenset()) -> None:
        self._mixture = mixture
        self._tokenizer = tokenizer
        self._shunned = shunned
        self._here = Here()

    def program(self, number: int) -> Program:
        """Program number so and so."""
        mixture = self._mixture
        chance = Chance("mixture", mixture.seed, number)
        made = (drill if chance.often(mixture.drills) else program)(mixture.seed, number)
        return renamed(made, chance) if chance.often(mixture.renamed) else made

    def document(self, number: int) -> Document | None:
        """Document number so and so; None for one that is left out."""
        mixture = self._mixture
        made = self.program(number)
        if self._shunned and fingerprint(made.code) in self._shunned:
            return None
        chance = Chance("form", mixture.seed, number)
        form = chance.weighted(
            [
                (mixture.single, Form.SINGLE),
                (mixture.over, Form.OVER),
                (100 - mixture.single - mixture.over, Form.WHOLE),
            ]
        )
        found = self.whole(made, form)
        if found is None:
            return None
        return found if chance.below(max(len(found), mixture.balanced)) < mixture.balanced else None

    def whole(self, made: Program, form: Form = Form.WHOLE) -> Document | None:
        """The document of a program; None for one that is too long."""
        trace = self._here.trace(made.id, made.code, made.input, made.function)
        if FEWEST * len(trace.steps) > self._mixture.longest and form is Form.WHOLE:
            return None
        found = document(trace, self._tokenizer, form)
        return found if len(found) <= self._mixture.longest else None


def fingerprint(code: str) -> str:
    """A hash of what a program does, whatever its names are: programs that differ in names and layout have one.

    >>> fingerprint("def f(a):\\n  return a") == fingerprint("def f(text): return text")
    True
    """
    tree = ast.parse(code)
    nodes = list(ast.walk(tree))
    own = {name for node in nodes if (name := _bound(node))}
    names: dict[str, str] = {}

    def other(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}") if name in own else name

    for node in nodes:
        if isinstance(node, ast.alias):
            # `import a.b` binds a, `import a.b as c` what a.b is: the one is not the other.
            if (name := _bound(node)) is not None and (node.asname or "." not in node.name):
                node.asname = other(name)
            continue
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [other(name) for name in node.names]
        for field in ("id", "arg", "name", "rest"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                setattr(node, field, other(name))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _bound(node: ast.AST) -> str | None:
    """The name that a node binds: others, such as builtins, say what a program does."""
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.alias):
        return None if node.name == "*" else node.asname or node.name.partition(".")[0]
    if isinstance(node, ast.MatchMapping):
        return node.rest
    return getattr(node, "name", None)


def fingerprints(codes: Iterable[str]) -> frozenset[str]:
    """Those of many programs; what does not parse has none."""
    found = set()
    for code in codes:
        try:
            found.add(fingerprint(code))
        except (SyntaxError, ValueError, RecursionError):
            continue
    return frozenset(found)


@contextmanager
def steady_hashes() -> Iterator[None]:
    """Processes that are started here order sets alike: the order stands in traces."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Processes that are started here are not ended by Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def documents(
    mixture: Mixture, tokenizer: Path, shunned: frozenset[str], *, part: int, parts: int, start: int, workers: int
) -> Iterator[Iterator[tuple[int, Document]]]:
    """The documents of one part of so many, in order, with their numbers, from number ``start`` on.

    Blocks of documents go round the parts, and within a part round its workers.
    """
    context = multiprocessing.get_context("spawn")
    processes = []
    pipes: list[Connection] = []
    first = start // BLOCK
    first += (part - first) % parts
    # Ctrl-C reaches every process of a terminal; when these end is their parent's to say.
    with steady_hashes(), without_interrupts():
        for worker in range(workers):
            ours, theirs = context.Pipe()
            step = parts * workers
            arguments = (theirs, mixture, tokenizer, shunned, first + worker * parts, step)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            pipes.append(ours)
    try:
        yield _received(pipes, start, mixture.longest)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.terminate()
            process.join()


def _received(pipes: list[Connection], start: int, longest: int) -> Iterator[tuple[int, Document]]:
    empty = 0
    for pipe in pipes:
        for _ in range(AHEAD):
            pipe.send(True)
    while True:
        for pipe in pipes:
            try:
                made: list[tuple[int, Document]] = pipe.recv()
                pipe.send(True)
            except (EOFError, OSError):
                raise CannotRun("a process that makes programs died; is there memory enough?") from None
            empty = 0 if made else empty + 1
            if empty == EMPTY:
                raise CannotRun(
                    f"of {EMPTY * BLOCK} programs none has a trace of at most {longest} tokens: give a longer --row"
                )
            yield from ((number, document) for number, document in made if number >= start)


def _work(pipe: Connection, mixture: Mixture, tokenizer: Path, shunned: frozenset[str], first: int, step: int) -> None:
    """A worker: a block for every time that it is asked."""
    making = Making(mixture, from_file(tokenizer), shunned)
    block = first
    while True:
        try:
            pipe.recv()
            made = [(number, making.document(number)) for number in range(block * BLOCK, (block + 1) * BLOCK)]
            pipe.send([(number, found) for number, found in made if found is not None])
        except (EOFError, OSError):
            return
        block += step
