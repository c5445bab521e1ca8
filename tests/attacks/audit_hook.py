"""A hook that says no to everything."""


def attack(told, tries):
    tries.did("an audit hook")
    tries.say()

    def no(*_):
        raise RuntimeError("no")

    sys.addaudithook(no)
    open("x")
