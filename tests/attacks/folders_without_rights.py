"""Leaves folders that nobody may enter, and takes rights from those around it."""


def attack(told, tries):
    os.makedirs("closed/inner/more")
    with open("closed/inner/file", "wb") as stream:
        stream.write(b"x")
    os.mkdir("shut", 0)
    os.chmod("closed/inner", 0)
    os.chmod("closed", 0o100)
    os.chmod(".", 0)
    tries.did("folders without rights are left")

    work = os.environ["TMPDIR"]
    for path in (os.path.dirname(work), "/dev/shm"):
        for act, args in ((os.setxattr, (path, "user.attack", b"x")), (os.chmod, (path, 0))):
            try:
                if not told["gentle"]:
                    act(*args)
            except OSError:
                pass
    tries.did("the folders around it are shut")
