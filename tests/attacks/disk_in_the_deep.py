"""Files in folders so deep that no path reaches them."""


def attack(told, tries):
    def fill():
        for _ in range(90):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        for number in range(12 if told["gentle"] else 200):
            with open("file{}".format(number), "wb", buffering=0) as stream:
                if stream.write(b"x" * (4 << 20)) < 4 << 20:
                    return False
        return True

    tries.to("more than allowed in the deep", fill)
