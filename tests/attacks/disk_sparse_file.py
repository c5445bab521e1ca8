"""A file that says that it is a terabyte long."""


def attack(told, tries):
    def stretch():
        with open("sparse", "wb") as stream:
            stream.truncate(1 << 40)
        return True

    tries.to("1 TiB", stretch)
