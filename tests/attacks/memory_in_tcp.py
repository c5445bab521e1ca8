"""Few connections to oneself, with full buffers: the kernel makes them as large as they need to be."""


def attack(told, tries):
    held = []

    def fill():
        server = socket.create_server(("127.0.0.1", 0))
        held.append(server)
        total = 0
        while total < 128 << 20 and len(held) < 200:
            client = socket.create_connection(server.getsockname())
            held.extend((client, server.accept()[0]))
            client.setblocking(False)
            # Reading a little makes the receiver's window grow.
            quiet = 0
            while quiet < 20:
                try:
                    total += client.send(b"x" * (1 << 18))
                    quiet = 0
                except BlockingIOError:
                    quiet += 1
                    held[-1].setblocking(False)
                    try:
                        total -= len(held[-1].recv(1 << 14)) if quiet < 10 else 0
                    except BlockingIOError:
                        pass
        return total >= 128 << 20

    tries.to("128 MiB in connections", fill)
    time.sleep(0 if told["gentle"] else 30)
