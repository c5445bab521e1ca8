"""Types into the terminal of whoever runs the sandbox."""

import fcntl


def attack(told, tries):
    def push(descriptor):
        fcntl.ioctl(descriptor, 0x5412, b"x")
        return True

    for descriptor in (0, 1, 2):
        tries.to("descriptor {}".format(descriptor), push, descriptor)
    tries.to("/dev/tty", lambda: push(os.open("/dev/tty", os.O_RDWR)))
    tries.to("a terminal of one's own", lambda: os.openpty() is not None and push(os.openpty()[1]))
