"""A child in the background holds stdout and stderr open."""


def attack(told, tries):
    tries.did("a child that holds stdout")
    if not os.fork():
        os.setsid()
        time.sleep(20)
        os._exit(0)
