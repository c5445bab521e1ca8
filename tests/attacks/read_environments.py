"""A token in the environment of whoever runs the sandbox, and of every process that is in sight."""


def attack(told, tries):
    tries.to("own environment", lambda: told["token"] in str(dict(os.environ)))

    def found(pid):
        return told["token"].encode("ascii") in read("/proc/{}/environ".format(pid))

    for pid in (1, os.getppid(), told["driver"], told["victim"]):
        tries.to("another's environment", found, pid)
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        pids = []
    for pid in pids:
        tries.to("any environment", found, pid)
