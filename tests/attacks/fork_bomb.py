"""More processes than allowed, at once."""


def attack(told, tries):
    children = []

    def fork():
        pid = os.fork()
        if not pid:
            signal.pause()
            os._exit(0)
        children.append(pid)

    def many():
        while len(children) < 300:
            fork()
        return True

    tries.to("300 processes", many)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
