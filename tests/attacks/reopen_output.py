"""What stdin, stdout and stderr lead to: the host's files, or the other end of its pipes."""


def attack(told, tries):
    for number, mode in ((0, os.O_RDWR), (1, os.O_RDWR), (2, os.O_RDWR)):
        path = "/proc/self/fd/{}".format(number)
        def reopen(path, mode):
            descriptor = os.open(path, mode | os.O_NONBLOCK)
            link = os.readlink("/proc/self/fd/{}".format(descriptor))
            return not link.startswith("pipe:") and link != "/dev/null"

        tries.to("descriptor {} is the host's file".format(number), reopen, path, mode)
