"""Connections to oneself, with full buffers: the kernel makes them as large as they need to be."""


def attack(told, tries):
    held = []

    def fill():
        server = socket.create_server(("127.0.0.1", 0))
        held.append(server)
        total = 0
        while total < 300 << 20 and len(held) < 240:
            client = socket.create_connection(server.getsockname())
            held.extend((client, server.accept()[0]))
            client.setblocking(False)
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                try:
                    total += client.send(b"x" * (1 << 18))
                except BlockingIOError:
                    time.sleep(0.002)
        return total >= 300 << 20

    if tries.to("300 MiB in connections", fill) and not told["gentle"]:
        time.sleep(30)
