"""Outlives the task: a session and a parent of its own, and tampers with what comes after."""


def attack(told, tries):
    tries.did("a daemon")
    work = os.environ["TMPDIR"]
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for path in (os.path.join(work, "daemon"), os.path.join(os.path.dirname(work), "daemon")):
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                except OSError:
                    pass
            os.write(1, b"daemon")
        os._exit(0)
