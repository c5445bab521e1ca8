"""Memory as files: memfd, /dev/shm, SysV segments, message queues."""


def memfd():
    number = os.memfd_create("attack") if hasattr(os, "memfd_create") else system_call((319, 279), b"attack", 0)
    return os.write(number, b"x" * (32 << 20)) == 32 << 20


def device():
    path = "/dev/shm/attack"
    try:
        with open(path, "wb") as stream:
            return stream.write(b"x" * (32 << 20)) == 32 << 20
    finally:
        if os.path.exists(path):
            os.unlink(path)


def segment():
    number = system_call((29, 194), 0, 32 << 20, 0o600)
    return system_call((31, 195), number, 0, 0) == 0


def queue():
    number = system_call((240, 180), b"attack", os.O_CREAT | os.O_RDWR, 0o600, 0)
    os.close(number)
    return system_call((241, 181), b"attack") == 0


def attack(told, tries):
    for act in (memfd, device, segment, queue):
        tries.to(act.__name__, act)
