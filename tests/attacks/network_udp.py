"""A datagram to a server of the host, and its answer."""


def attack(told, tries):
    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.settimeout(0.3)
            own.sendto(b"attack", ("127.0.0.1", told["udp"]))
            return own.recv(16) == b"served"

    tries.to("127.0.0.1", ask)
