"""Changes of everything that a process has: what of it does the next one inherit?"""

import locale
import random
import resource


def attack(told, tries):
    os.umask(0o777)
    for act in (lambda: os.nice(5), lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})):
        try:
            act()
        except OSError:
            pass
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    signal.alarm(100)
    os.environ["ATTACK"] = "x"
    random.seed(99)
    locale.setlocale(locale.LC_ALL, "C")
    sys.setrecursionlimit(500)
    os.chdir("/")
    tries.did("state")
