"""The two tracers as interchangeable parts: the reference in Python, and the core in C (native/).

Both write the same bytes.  Knows nothing of which is wanted, or of where a library comes from: see tracegen/native.py.
"""

from __future__ import annotations

import importlib.util
from importlib.machinery import ExtensionFileLoader
from types import CodeType
from typing import Any, Dict, NamedTuple

from . import pyfacts
from .recorder import Limits, Recorder
from .reference import Tracer
from .scope import Scope, Selection
from .wire import Buffer, Full, Writer

LIBRARY = "tracer"
"""The name that the library's init function goes by."""


class Parts(NamedTuple):
    """A tracer's name, and how its parts are made: ``Writer(buffer)``, ``Recorder(writer, selection, limits, node="")``
    and ``Tracer(recorder, policy)``, each as the reference has it.  ``execute(code, globals)`` runs a module's code."""

    name: str
    Writer: Any
    Recorder: Any
    Tracer: Any
    execute: Any


def reference() -> Parts:
    """The tracer that says what is right."""
    return Parts("reference", Writer, Recorder, Tracer, exec)


def native(path: str) -> Parts:
    """The tracer in a shared library that was built for this interpreter.  Raises ImportError."""
    spec = importlib.util.spec_from_file_location(LIBRARY, path, loader=ExtensionFileLoader(LIBRARY, path))
    assert spec is not None and spec.loader is not None
    library: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)

    def make_writer(buffer: Buffer) -> Any:
        return library.Writer(buffer, Full)

    def make_recorder(writer: Any, selection: Selection, limits: Limits, node: str = "") -> Any:
        scope = Scope(writer, selection)

        def known(code: CodeType) -> Any:
            found = scope.known(code)
            if found is None:
                return None
            return found.file, found.line, found.begins, found.generator, found.spent, found.name, found.names

        return library.Recorder(writer, known, scope.files, selection.begin, selection.each, tuple(limits), node)

    def make_tracer(made: Any, policy: str) -> Any:
        return library.Tracer(made, policy, pyfacts.flags_of_instructions())

    return Parts("native", make_writer, make_recorder, make_tracer, library.execute)


_loaded: Dict[str, Parts] = {}


def parts(library: str) -> Parts:
    """Those of a library, or of the reference if its path is empty; loaded once, also for a warm parent's forks."""
    if library not in _loaded:
        _loaded[library] = native(library) if library else reference()
    return _loaded[library]
