"""The host's file, which everybody may write: by its content, rights, times, attributes, length and name."""


def attack(told, tries):
    path = told["canary"]
    changed = os.stat(path) if told["gentle"] else None

    def rights():
        os.chmod(path, 0o642)
        return os.stat(path).st_mode & 0o777 == 0o642

    def times():
        os.utime(path, (1, 1))
        return os.stat(path).st_mtime == 1

    def content():
        with open(path, "r+b") as stream:
            return stream.write(b"X") == 1

    def attribute():
        os.setxattr(path, "user.attack", b"x")
        return True

    def length():
        os.truncate(path, 1)
        return True

    def name():
        os.rename(path, path + ".moved")
        os.rename(path + ".moved", path)
        return True

    def hidden_name():
        os.rename(path, "canary")
        os.rename("canary", path)
        return True

    for act in (rights, times, content, attribute, length, name, hidden_name):
        tries.to(act.__name__, act)
    tries.to("owner", lambda: os.chown(path, os.getuid(), os.getgid()) is None)
    tries.to("a new file", write_and_remove, os.path.join(told["home"], "new"))
    tries.to("a new folder", lambda: os.mkdir(os.path.join(told["home"], "made")) is None)
    tries.to("through an open file", lambda: os.open("/proc/self/fd/0", os.O_RDWR) and False)
    assert changed is None or changed.st_size > 0
