"""A user of its own for each sandbox that root starts: nobody's, and no other sandbox's at the same time.

Processes are counted, and may be ended, by user.  A user is taken by binding an abstract socket that is called after
it: the kernel gives it back when its holder dies, whatever it dies of.
"""

from __future__ import annotations

import socket

from tracegen.settings import CannotRun

UID = 64100
"""The user that a program behind bubblewrap is, whoever starts it and in whichever worker."""
OUTER_UIDS = range(64101, 65500)
"""Users of the sandboxes that root starts, as the machine knows them."""


class User:
    """One of `OUTER_UIDS`, held until it is closed.  Raises CannotRun if none is free."""

    def __init__(self) -> None:
        self._held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for uid in OUTER_UIDS:
            try:
                self._held.bind(f"\0foretrace-user-{uid}")
            except OSError:
                continue
            self.uid = uid
            return
        self._held.close()
        raise CannotRun(f"all {len(OUTER_UIDS)} users for sandboxes are in use")

    def close(self) -> None:
        """Give it back; nothing of the user's must run any more."""
        self._held.close()
