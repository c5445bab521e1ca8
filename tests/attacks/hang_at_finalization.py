"""An object whose end does not end."""


class Endless:
    def __del__(self):
        while True:
            time.sleep(1)


def attack(told, tries):
    tries.did("__del__")
    sys.modules["kept"] = Endless()
