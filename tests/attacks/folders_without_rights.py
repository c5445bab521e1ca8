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

    def rights(path):
        mode = os.stat(path).st_mode & 0o7777
        os.chmod(path, 0)
        changed = os.stat(path).st_mode & 0o7777 == 0
        if told["gentle"]:
            os.chmod(path, mode)
        return changed

    def attribute(path):
        os.setxattr(path, "user.attack", b"x")
        return True

    work = os.environ["TMPDIR"]
    for path in (os.path.dirname(work), "/dev/shm"):
        tries.to("rights of " + ("the base" if path != "/dev/shm" else path), rights, path)
        tries.to("an attribute of " + ("the base" if path != "/dev/shm" else path), attribute, path)
