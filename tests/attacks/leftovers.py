"""Leaves something for the next task wherever anything can be written."""

import tempfile


def attack(told, tries):
    def leave(folder):
        with open(os.path.join(folder, "left"), "wb") as stream:
            stream.write(b"x")
        if told["gentle"]:
            os.unlink(os.path.join(folder, "left"))
        return True

    work = os.environ["TMPDIR"]
    folders = {tempfile.gettempdir(), os.path.expanduser("~"), work, os.path.dirname(work), "/tmp", "/dev/shm"}
    for folder in folders:
        try:
            leave(folder)
        except OSError:
            pass
    tries.did("files are left")
    for folder in ("/var/tmp", "/run", "/var/lock", "/dev/mqueue"):
        tries.to(folder, leave, folder)
    tries.to("a SysV segment", lambda: system_call((31, 195), system_call((29, 194), 0, 4096, 0o1600), 0, 0) == 0)
    tries.to("a SysV semaphore", lambda: system_call((66, 191), system_call((64, 190), 0, 1, 0o1600), 0, 0, 0) == 0)
