"""Servers of the host: by an abstract name, and by a path in /tmp."""


def attack(told, tries):
    def ask(address):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as own:
            own.settimeout(2)
            own.connect(address)
            own.sendall(b"attack")
            return own.recv(16) == b"served"

    tries.to("abstract", ask, "\0" + told["abstract"])
    tries.to("a path", ask, told["path"])
