"""More memory than allowed, in one process."""


def attack(told, tries):
    tries.to("512 MiB", lambda: len([b"x" * (8 << 20) for _ in range(64)]) == 64)
