"""A daemon that is never there: it forks and ends, again and again, faster than a list of processes is read."""


def attack(told, tries):
    tries.did("eight hopping daemons")
    for _ in range(8):
        if not os.fork():
            os.setsid()
            until = time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    if os.fork():
                        os._exit(0)
                except OSError:
                    pass
            os._exit(0)
