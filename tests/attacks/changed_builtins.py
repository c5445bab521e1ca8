"""Other functions under the names that everybody uses."""

import builtins
import io


def attack(told, tries):
    real = os.write
    tries.did("builtins")
    tries.say()

    def wrong(*_, **__):
        raise RuntimeError("changed")

    for name in dir(builtins):
        if name.islower() and not name.startswith("_") and name != "wrong":
            setattr(builtins, name, wrong)
    for name in ("dumps", "loads", "load"):
        setattr(json, name, wrong)
    os.write = os.read = os.close = os._exit = os.kill = wrong
    io.open = wrong
    assert real
