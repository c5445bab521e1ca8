"""Many sockets whose buffers are full, in many processes."""


def attack(told, tries):
    ready, done = os.pipe()
    children = []
    for _ in range(16):
        pid = os.fork()
        if not pid:
            held, total = [], 0
            try:
                for _ in range(110):
                    pair = socket.socketpair()
                    held.append(pair)
                    for end in pair:
                        end.setblocking(False)
                        try:
                            while True:
                                total += end.send(b"x" * (1 << 16))
                        except BlockingIOError:
                            pass
            finally:
                os.write(done, b"x" if total > 16 << 20 else b"-")
            time.sleep(30)
            os._exit(0)
        children.append(pid)
    tries.to("256 MiB in sockets", lambda: b"-" not in [os.read(ready, 1) for _ in children])
    time.sleep(0 if told["gentle"] else 30)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
