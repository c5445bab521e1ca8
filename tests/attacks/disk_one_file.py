"""One file, larger than all may be together."""


def attack(told, tries):
    def fill():
        with open("large", "wb", buffering=0) as stream:
            for _ in range(48):
                if stream.write(b"x" * (1 << 20)) < 1 << 20:
                    return False
        return True

    tries.to("48 MiB in a file", fill)
