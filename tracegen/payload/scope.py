"""Which code is entered, which may begin a trace, and what is known of it: decided once for each code object.

Shared by both tracers: the C core asks here too.  Writes a ``file`` note for each file that is entered.  Knows nothing
of threads and traces: see recorder.py.
"""

from __future__ import annotations

import os
import sys
from types import CodeType
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import pyfacts, wire


class Selection(NamedTuple):
    """What is entered, and what begins a trace.

    Entered is code in ``files`` (exact names) or below ``roots``, but never the standard library or
    site-packages, unless it is below ``include``; and nothing below ``never``.

    A trace begins, by ``begin``: at the first call of code named ``name`` in ``file`` ("code"), at every
    call of a function of the program that is not below ``omit``, up to ``each`` times a function
    ("functions"), or at any call while the thread records nothing ("outermost").  Under "code" the other
    threads begin theirs at the outermost call.
    """

    begin: str
    file: str = ""
    name: str = ""
    files: Tuple[str, ...] = ()
    roots: Tuple[str, ...] = ()
    include: Tuple[str, ...] = ()
    omit: Tuple[str, ...] = ()
    never: Tuple[str, ...] = ()
    each: int = 1


class Known:
    """What is known of a code object that is entered."""

    __slots__ = ("begins", "calls", "code", "file", "generator", "line", "name", "names", "ops", "spent", "traces")

    def __init__(self, code: CodeType, file: int, begins: bool) -> None:
        self.code = code
        self.file = file
        self.begins = begins
        self.line = max(code.co_firstlineno, 1)
        self.name: str = code.co_qualname if pyfacts.codes_know_their_qualified_name else code.co_name
        self.names = _names_in_order(code)
        self.ops = code.co_code
        self.generator = bool(code.co_flags & _GENERATOR)
        self.calls = 0
        self.traces = 0
        self.spent = False
        """True if its calls begin no trace any more: they are only counted while nothing is recorded."""


# The address, like id(), which raises an audit event each time and is heard by our own hook.
_identity = object.__hash__

_OPTIMIZED, _VARARGS, _VARKEYWORDS = 0x01, 0x04, 0x08
_GENERATOR = 0x20 | 0x80 | 0x200  # generator, coroutine, asynchronous generator


def _names_in_order(code: CodeType) -> Optional[Tuple[str, ...]]:
    """Signature, free variables, then the code's order; None where a dict holds the locals."""
    if not code.co_flags & _OPTIMIZED:
        return None
    plain, keyword_only = code.co_argcount, code.co_kwonlyargcount
    varnames = code.co_varnames
    signature: List[str] = list(varnames[:plain])
    rest = plain + keyword_only
    if code.co_flags & _VARARGS:
        signature.append(varnames[rest])
        rest += 1
    signature += varnames[plain : plain + keyword_only]
    if code.co_flags & _VARKEYWORDS:
        signature.append(varnames[rest])
    return tuple(dict.fromkeys((*signature, *code.co_freevars, *varnames, *code.co_cellvars)))


class Scope:
    """Decides about code objects, and remembers: ``files`` maps a file name to its number, or below 0."""

    def __init__(self, writer: wire.Writer, selection: Selection) -> None:
        self._writer = writer
        self.selection = selection
        self.files: Dict[str, int] = {}
        self.codes: Dict[int, Known] = {}
        self._count = 0
        self._standard = _standard_folders()

    def known(self, code: CodeType) -> Optional[Known]:
        """What is known of a code object; None for code that is not entered."""
        # By identity: equal code objects may come from different files.  We hold the code, so its address stays.
        known = self.codes.get(_identity(code))
        if known is not None:
            return known
        filename = code.co_filename
        if type(filename) is not str:
            return None
        file = self.files.get(filename)
        if file is None:
            file = self.files[filename] = self._number(filename)
        if file < 0:
            return None
        known = self.codes[_identity(code)] = Known(code, file, self._may_begin(code, filename))
        known.spent = self.selection.begin == "functions" and not known.begins
        return known

    def _number(self, filename: str) -> int:
        chosen = self.selection
        path = self._path(filename)
        if _below(path, chosen.never):
            return -1
        if path not in chosen.files:
            inside = _below(path, chosen.roots) and not _below(path, self._standard) and not _installed(path)
            if not inside and not _below(path, chosen.include):
                return -1
        try:
            self._writer.note("file", path=path)
        except wire.Full:
            return -1
        self._count += 1
        return self._count - 1

    def _may_begin(self, code: CodeType, filename: str) -> bool:
        chosen = self.selection
        if chosen.begin == "code":
            return filename == chosen.file and code.co_name == chosen.name
        if chosen.begin == "functions":
            function = code.co_flags & _OPTIMIZED and not code.co_name.startswith("<")
            return bool(function) and not _below(self._path(filename), chosen.omit)
        return True

    def _path(self, filename: str) -> str:
        return filename if filename in self.selection.files or filename[:1] == "<" else os.path.abspath(filename)


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _installed(path: str) -> bool:
    return f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path


def _standard_folders() -> Tuple[str, ...]:
    """Where the standard library lies: the interpreter's, and the one a virtual environment borrows."""
    library = os.path.dirname(os.path.abspath(os.__file__))
    return tuple(dict.fromkeys((library, os.path.realpath(library), os.path.join(sys.base_prefix, "lib"))))
