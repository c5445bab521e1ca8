"""First code in a traced child: ``python bootstrap.py CONFIG_FD WIRE_FD``, or in a warm parent: ``… CONTROL_FD``.

Loads the payload from its folder under a private name, with builtins of its own: what the program does to
``builtins`` does not reach the tracer.  Then hands over to child.py.  Leaves nothing in ``sys.path``.
"""

import builtins
import importlib.util
import os
import sys
import types
from typing import Iterable

PRIVATE = "_foretrace_payload"
MODULES = ("pyfacts", "wire", "values", "scope", "recorder", "activation", "reference", "tracers", "suite", "child")
WARM = ("confine", "farewell", "warm")
"""What only a warm parent needs."""


def load(folder: str, names: Iterable[str] = MODULES) -> types.ModuleType:
    """The payload's modules, in their order; returns the last one."""
    package = sys.modules.get(PRIVATE) or types.ModuleType(PRIVATE)
    package.__path__ = [folder]
    sys.modules[PRIVATE] = package
    for name in names:
        full = PRIVATE + "." + name
        spec = importlib.util.spec_from_file_location(full, os.path.join(folder, name + ".py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        module.__dict__["__builtins__"] = dict(builtins.__dict__)
        sys.modules[full] = module
        setattr(package, name, module)
        spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    folder = sys.path.pop(0)
    child = load(folder)
    descriptors = [int(each) for each in sys.argv[1:]]
    if len(descriptors) == 1:
        warm = load(folder, WARM)
        # Returns once for each task, in a fork: what follows is the task's life.
        sys.modules[PRIVATE + ".farewell"].live(child.main, warm.serve(descriptors[0]))
    child.main(*descriptors)
