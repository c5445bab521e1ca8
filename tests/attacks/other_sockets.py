"""Sockets of families, types and protocols that reach the kernel's corners, or other machines."""


def attack(told, tries):
    kinds = {
        "raw": (2, 3, 1),
        "packet": (17, 3, 3),
        "netlink": (16, 3, 0),
        "netlink, audit": (16, 3, 9),
        "vsock": (40, 1, 0),
        "crypto": (38, 5, 0),
        "bluetooth": (31, 5, 0),
        "tipc": (30, 1, 0),
        "can": (29, 3, 1),
        "SCTP": (2, 1, 132),
        "UDP-Lite": (2, 2, 136),
        "MPTCP": (2, 1, 262),
    }
    for name, kind in kinds.items():
        tries.to(name, lambda kind: socket.socket(*kind).close() is None, kind)
