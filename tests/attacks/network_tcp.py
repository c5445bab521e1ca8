"""A server of the host, on its loopback."""


def attack(told, tries):
    def ask(address):
        with socket.create_connection((address, told["tcp"]), 2) as connection:
            connection.sendall(b"attack")
            return connection.recv(16) == b"served"

    for address in ("127.0.0.1", "localhost"):
        tries.to(address, ask, address)
