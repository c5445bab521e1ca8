"""Every process forks for ever, and none ends by itself."""


def attack(told, tries):
    tries.did("forks for ever")
    tries.say()
    while True:
        try:
            os.fork()
        except OSError:
            pass
