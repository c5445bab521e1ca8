"""Disk taken in one call, beyond a file's end, where its size does not show."""


def attack(told, tries):
    def take():
        with open("taken", "wb") as stream:
            system_call((285, 47), stream.fileno(), 1, 0, 96 << 20)
        return os.stat("taken").st_blocks >= 90 << 11

    tries.to("96 MiB", take)
