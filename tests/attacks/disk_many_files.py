"""Many files of which none is too large."""


def attack(told, tries):
    def fill():
        for number in range(12 if told["gentle"] else 256):
            with open("file{}".format(number), "wb", buffering=0) as stream:
                if stream.write(b"x" * (4 << 20)) < 4 << 20:
                    return False
        return True

    tries.to("more files than allowed", fill)
