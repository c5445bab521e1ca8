"""Limits, priorities and processors of the warm parent, of the victim, and of the user's other processes."""

import resource


def attack(told, tries):
    for name, pid in (("the warm parent", os.getppid()), ("the victim", told["victim"])):
        def limit(pid):
            resource.prlimit(pid, resource.RLIMIT_CORE, resource.prlimit(pid, resource.RLIMIT_CORE))
            return True

        tries.to("limits of " + name, limit, pid)
        tries.to("processors of " + name, lambda pid: os.sched_setaffinity(pid, os.sched_getaffinity(0)) is None, pid)
        tries.to("priority of " + name, lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 1) is None, pid)
        tries.to("scheduler of " + name, lambda pid: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)) is None, pid)
        tries.to("disk priority of " + name, lambda pid: system_call((251, 30), 1, pid, 2 << 13 | 4) == 0, pid)
    if not told["gentle"]:
        tries.to("priority of the user", lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19) is None)
