"""What an interpreter needs of the file system to run: asked of it, never guessed."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from dataclasses import dataclass

from tracegen.settings import CannotRun

_ASK = """
import json, sys, sysconfig
prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
print(json.dumps([sys.executable, *prefixes, *sysconfig.get_paths().values()]))
"""
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Needs:
    """``executable``: the absolute path that starts it.  ``folders``: what it reads, outside of /usr; absolute, as it
    names them, and as they are called without symbolic links.  ``links``: symbolic links on the way to it that lie in
    none of those, with what they lead to: what lies beside them is not needed."""

    executable: str
    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


@functools.cache
def needs(python: str) -> Needs:
    """What this interpreter reads.  Raises CannotRun if it does not answer, or reads what is not to be shown."""
    try:
        answer = subprocess.run([python, "-I", "-c", _ASK], capture_output=True, text=True, timeout=SECONDS, check=True)
        itself, *said = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise CannotRun(f"{python}: does not work as a Python interpreter") from None
    executable = os.path.abspath(_found(python))
    if os.path.realpath(executable) != os.path.realpath(itself):
        # A script that starts it, as pyenv's shims are, needs more than the interpreter does.
        executable = os.path.abspath(itself)
    wanted = {os.path.abspath(path) for path in said}
    # A virtual environment's interpreter is a link to a link to another one's.
    links = []
    at = executable
    while os.path.islink(at):
        links.append((at, os.readlink(at)))
        at = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
    wanted.add(os.path.dirname(at))
    wanted |= {os.path.realpath(path) for path in wanted}
    outside = sorted(path for path in wanted if os.path.isdir(path) and not _is_below(path, "/usr"))
    folders = tuple(p for p in outside if not any(_is_below(p, q) for q in outside if q != p))
    for folder in folders:
        if _is_below(os.path.realpath(os.path.expanduser("~")), folder):
            raise CannotRun(
                f"{python}: reads all of {folder}, which its programs would see: give one that lies elsewhere"
            )
    shown = [*folders, "/usr"]
    return Needs(executable, folders, tuple(link for link in links if not any(_is_below(link[0], p) for p in shown)))


def _found(python: str) -> str:
    if os.sep in python:
        return python
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, python)
        if os.access(path, os.X_OK):
            return path
    return python


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
