"""Pipes as large as they may be, and full."""

import fcntl


def attack(told, tries):
    held = []

    def fill():
        total = 0
        while total < 96 << 20:
            if len(held) > 110:
                return False
            ours, theirs = os.pipe()
            held.append((ours, theirs))
            os.set_blocking(theirs, False)
            try:
                fcntl.fcntl(theirs, 1031, 1 << 20)
            except OSError:
                pass
            try:
                while True:
                    total += os.write(theirs, b"x" * (1 << 16))
            except BlockingIOError:
                pass
        return True

    tries.to("96 MiB in pipes", fill)
