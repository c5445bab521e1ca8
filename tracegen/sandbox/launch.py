"""Becomes nobody behind Landlock, then the interpreter: ``python -I -S launch.py PAYLOAD SAID INTERPRETER…``.

Stays outside as the keeper of what it started: its descendants cannot leave it, and when the warm parent is gone,
whatever it died of, the keeper ends the rest.  Runs by its path in this project's own interpreter, before anything of
the program's does: standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

PATIENCE = 5.0
"""Seconds within which what is left must be gone."""


def main(payload: str, said: str, argv: list[str]) -> None:
    """Start ``argv`` with all rights taken away but those that the warm parent needs, and outlive it."""
    sys.path.insert(0, payload)
    import confine  # type: ignore[import-not-found]

    told = json.loads(said)
    confine.adopt_orphans()
    pid = os.fork()
    if not pid:
        _become(confine, told, argv)
    # The control socket's other end must not stay open with us.
    os.closerange(3, 1024)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(pid, 0)
    _end_the_rest(told["uid"])
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _become(confine: Any, told: dict[str, Any], argv: list[str]) -> None:
    try:
        rules = confine.ruleset(told["reads"], told["writes"], told["abi"], tcp=False)
        if told["uid"] is not None:
            os.setgroups([])
            os.setresgid(told["uid"], told["uid"], told["uid"])
            os.setresuid(told["uid"], told["uid"], told["uid"])
        confine.no_new_privileges()
        confine.restrict(rules)
        os.close(rules)
        os.execv(argv[0], argv)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(125)


def _end_the_rest(uid: int | None) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if uid is not None:
            _end_all_of(uid)
        else:
            # Whose parent ends becomes our child.
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
                for each in children.read().split():
                    _kill(int(each))
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def _end_all_of(uid: int) -> None:
    """End all processes of a user that is the sandbox's alone; none of them forks its way out of that."""
    pid = os.fork()
    if not pid:
        try:
            os.setresuid(uid, uid, uid)
            _kill(-1)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
