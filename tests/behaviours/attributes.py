"""Objects that notice when somebody looks at their attributes."""

import functools
import sys
import threading
import types


def partials():
    inner = functools.partial(print, 1)
    nested = functools.partial(inner, 2)
    return nested.func is print, nested.args


def positions():
    code = partials.__code__
    found = code.co_positions() if sys.version_info >= (3, 11) else ()
    return len(list(found)) > 0


class Computed:
    def __getattr__(self, name):
        print("asked for", name)
        raise AttributeError(name)

    @property
    def __dict__(self):
        print("asked for its dict")
        return {"x": 1}


class Meta(type):
    def __getattribute__(cls, name):
        print("the class is asked for", name)
        return type.__getattribute__(cls, name)


class Watched(metaclass=Meta):
    def __getattribute__(self, name):
        print("asked for", name)
        return object.__getattribute__(self, name)


class Shared(threading.local):
    def __init__(self):
        print("initialised")


class Lazy(types.ModuleType):
    def __getattr__(self, name):
        print("the module is asked for", name)
        raise AttributeError(name)


def main():
    computed, watched, lazy = Computed(), Watched(), Lazy("lazy")
    watched.one = 1
    shared = Shared()
    shared.value = 5
    seen = []

    def elsewhere():
        mine = shared
        print("started")
        seen.append(hasattr(mine, "value"))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    proxy = types.MappingProxyType({"a": 1})
    return seen, lazy.__name__, dict(proxy)


print(partials(), positions())
print(main())
