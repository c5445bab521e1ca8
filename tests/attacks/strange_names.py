"""Leaves files whose names are hard to say."""


def attack(told, tries):
    names = [b"new\nline", b"\xff\xfe", "\u20ac".encode("utf-8"), b"x" * 255, b"-rf", b" ", b"\x1b[2J", b"..."]
    for name in names:
        with open(name, "wb") as stream:
            stream.write(b"x")
        os.makedirs(os.path.join(b"folder", name))
    tries.did("{} strange names are left".format(len(names)))
