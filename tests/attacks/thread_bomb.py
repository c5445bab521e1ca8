"""More threads than allowed, at once."""


def attack(told, tries):
    end = threading.Event()

    def many():
        threading.stack_size(1 << 16)
        try:
            for _ in range(300):
                threading.Thread(target=end.wait).start()
        except RuntimeError:
            return False
        return True

    tries.to("300 threads", many)
    end.set()
