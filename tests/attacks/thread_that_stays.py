"""A thread that is no daemon, and never ends."""


def attack(told, tries):
    tries.did("an endless thread")
    threading.Thread(target=time.sleep, args=(60,)).start()
