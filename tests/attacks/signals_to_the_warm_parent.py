"""Every signal to the warm parent."""


def attack(told, tries):
    parent = os.getppid()
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        try:
            os.kill(parent, number)
        except OSError:
            pass
    for number in range(1, 65):
        try:
            os.kill(parent, number)
        except OSError:
            pass
    tries.did("64 signals to the warm parent")
