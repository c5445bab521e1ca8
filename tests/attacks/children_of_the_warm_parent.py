"""Processes that the warm parent takes for its own: clone with CLONE_PARENT."""


def attack(told, tries):
    for _ in range(3):
        pid = system_call((56, 220), 0x8000 | 17, 0, 0, 0, 0)
        if pid == 0:
            time.sleep(20)
            os._exit(0)
    tries.did("brothers")
