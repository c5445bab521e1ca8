"""Keeps every processor busy, in as many processes as there may be."""

def attack(told, tries):
    tries.did("endless loops")
    tries.say()
    for _ in range(40):
        try:
            if not os.fork():
                break
        except OSError:
            break
    while True:
        pass
