"""Files that have no name and are on their way from a socket to itself."""

import array


def attack(told, tries):
    def fill():
        ours, theirs = socket.socketpair()
        for _ in range(12 if told["gentle"] else 100):
            descriptor = os.open("file", os.O_CREAT | os.O_WRONLY)
            os.unlink("file")
            # First away with it, then the content: nobody else has it.
            again = os.dup(descriptor)
            ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [again]).tobytes())])
            os.close(again)
            wrote = os.write(descriptor, b"x" * (4 << 20))
            os.close(descriptor)
            if wrote < 4 << 20:
                return False
        return True

    tries.to("more than allowed in files in flight", fill)
