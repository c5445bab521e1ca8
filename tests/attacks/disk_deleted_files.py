"""Files that are open and have no name: no walk through folders finds them."""


def attack(told, tries):
    held = []

    def fill():
        for _ in range(12 if told["gentle"] else 200):
            descriptor = os.open("file", os.O_CREAT | os.O_WRONLY)
            held.append(descriptor)
            os.unlink("file")
            if os.write(descriptor, b"x" * (4 << 20)) < 4 << 20:
                return False
        return True

    tries.to("more than allowed in files without a name", fill)
