"""One program and how it is to be traced: the generator's result, and a file of tests/differences.

A program has a ``main``; the harness runs the module and then ``main`` (differential.py).  How it is to be traced
stands in comments on top, so that a program is one text, and a difference one file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

FILE = "<program>"
"""The file name that programs are compiled under."""

HEAD = "#: "

IMPORTS = """\
import abc, array, asyncio, collections, contextlib, dataclasses, datetime, decimal, enum, fractions, functools, gc
import io, itertools, math, pathlib, re, string, sys, threading, types, uuid, weakref
"""


class Conduct(NamedTuple):
    """How a program is to be traced: what `Values`, `Limits`, `Selection` and the wire are given."""

    policy: str = "repr"
    begin: str = "outermost"
    name: str = ""
    each: int = 1
    events: int = 10_000
    bytes: int = 1_000_000
    characters: int = 65_536
    depth: int = 1_000
    steps_lane: int = 24 << 14
    text_lane: int = 1 << 22
    notes_lane: int = 1 << 16
    traced: str = "main"
    """Whether the ``module`` is traced too, or ``main`` alone."""


class Program(NamedTuple):
    """A source text and how it is to be traced."""

    source: str
    conduct: Conduct


def written(program: Program) -> str:
    """A program as one text: what its conduct has of its own, then its source."""
    pairs = [
        f"{HEAD}{name} = {given}\n"
        for name, given in program.conduct._asdict().items()
        if given != Conduct._field_defaults[name]
    ]
    return "".join(pairs) + program.source


def read(text: str) -> Program:
    """The inverse of `written`.  Other comments may stand between the lines of the head."""
    given: dict[str, Any] = {}
    lines = text.splitlines(keepends=True)
    for line in lines:
        if not line.startswith("#"):
            break
        if line.startswith(HEAD):
            name, _, value = line[len(HEAD) :].strip().partition(" = ")
            given[name] = type(Conduct._field_defaults[name])(value)
    source = "".join(line for line in lines if not line.startswith(HEAD))
    return Program(source, Conduct()._replace(**given))


def indented(lines: list[str], levels: int = 1) -> list[str]:
    """Lines as the body of a block; what stands inside a string is not to be spread over lines."""
    return ["    " * levels + line for line in lines] or ["    " * levels + "pass"]


def block(head: str, body: list[str]) -> list[str]:
    """A compound statement."""
    return [head, *indented(body)]
