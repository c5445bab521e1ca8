"""SIGKILL to every process that the user may reach."""


def attack(told, tries):
    try:
        os.kill(-1, signal.SIGKILL)
    except OSError:
        pass
    try:
        os.kill(0, signal.SIGCONT)
    except OSError:
        pass
    tries.did("kill(-1)")
