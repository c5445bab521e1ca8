"""Becomes nobody behind Landlock, then the interpreter: ``python -I -S launch.py PAYLOAD SAID INTERPRETER…``.

Runs by its path in this project's own interpreter, before anything of the program's does: standard library only.
"""

from __future__ import annotations

import json
import os
import sys


def main(payload: str, said: str, argv: list[str]) -> None:
    """Take all rights away but those that the warm parent needs, and go on as ``argv``."""
    sys.path.insert(0, payload)
    import confine  # type: ignore[import-not-found]

    told = json.loads(said)
    rules = confine.ruleset(told["reads"], told["writes"])
    if told["uid"] is not None:
        os.setgroups([])
        os.setresgid(told["uid"], told["uid"], told["uid"])
        os.setresuid(told["uid"], told["uid"], told["uid"])
    confine.no_new_privileges()
    confine.restrict(rules)
    os.close(rules)
    confine.filter_calls(confine.filter_of(os.uname().machine, sockets=False))
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
