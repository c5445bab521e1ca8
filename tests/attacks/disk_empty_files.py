"""Files without content: an inode each."""


def attack(told, tries):
    def fill():
        for number in range(3000 if told["gentle"] else 300000):
            os.close(os.open("file{}".format(number), os.O_CREAT | os.O_WRONLY))
        return True

    tries.to("more files than allowed", fill)
