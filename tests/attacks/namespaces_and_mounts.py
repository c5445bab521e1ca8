"""New namespaces, in which one is root and may mount."""


def attack(told, tries):
    libc = ctypes.CDLL(None, use_errno=True)

    def done(number):
        if number < 0:
            raise OSError(ctypes.get_errno(), "refused")
        return True

    for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("net", 0x40000000), ("time", 0x80)):
        tries.to("unshare " + name, in_child, lambda flag: done(libc.unshare(flag)), flag)
    tries.to("clone", in_child, lambda: system_call((56, 220), 0x10000000 | 17, 0, 0, 0, 0) == 0 or True)
    tries.to("clone3", lambda: reached(system_call, (435, 435), 0, 88) or None)
    own = os.open("/proc/self/ns/net", os.O_RDONLY) if os.path.exists("/proc/self/ns/net") and os.access("/proc/self/ns/net", os.R_OK) else -1
    tries.to("setns", in_child, lambda: done(libc.setns(own, 0)))
    folder = os.getcwd().encode("utf-8")
    tries.to("chroot", in_child, lambda: os.chroot("/") is None)
    tries.to("pivot_root", lambda: reached(system_call, (155, 41), b"/nowhere", b"/nowhere") or None)
    tries.to("mount", lambda: reached(system_call, (165, 40), b"none", b"/nowhere/at/all", b"tmpfs", 0, 0) or None)
    tries.to("umount", lambda: reached(system_call, (166, 39), b"/nowhere/at/all", 2) or None)
    for name, numbers in (("fsopen", (430, 430)), ("open_tree", (428, 428)), ("move_mount", (429, 429)), ("mount_setattr", (442, 442))):
        tries.to(name, lambda numbers: reached(system_call, numbers, 99, 0, 0, 0, 0) or None, numbers)
    assert folder
