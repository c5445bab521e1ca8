"""Signals to a process of the host with the same user, to who runs the sandbox, and to all of its user."""


def attack(told, tries):
    for name, pid in (("the victim", told["victim"]), ("the driver", told["driver"])):
        tries.to(name, lambda pid: os.kill(pid, signal.SIGCONT) is None, pid)
        tries.to(name + "'s group", lambda pid: os.killpg(os.getpgid(pid), signal.SIGCONT) is None, pid)
        tries.to(name + "'s thread", lambda pid: system_call((234, 131), pid, pid, signal.SIGCONT) == 0, pid)
        tries.to(name + ", by descriptor", lambda pid: system_call((424, 424), system_call((434, 434), pid, 0), signal.SIGCONT, 0, 0) == 0, pid)
