"""A socket's buffer made as large as the machine allows."""


def attack(told, tries):
    def enlarge():
        ours, _ = socket.socketpair()
        before = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, before * 4)
        return ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > before

    tries.to("SO_SNDBUF", enlarge)
