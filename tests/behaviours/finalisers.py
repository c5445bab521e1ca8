"""The order in which objects end."""

import gc, sys, weakref
sys.stderr = sys.stdout

class Dies:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("dies", self.name)

class Shows(Dies):
    def __repr__(self):
        return self.name

class Again(Dies):
    def __del__(self):
        print("resurrected", self.name)
        kept.append(self)

kept = []

def rebound(kind):
    x = kind("first")
    print("bound")
    x = kind("second")
    print("rebound")
    del x
    print("deleted")
    y, z = kind("y"), kind("z")
    y = z
    print("swapped")
    held = [kind("item 0"), kind("item 1"), kind("item 2")]
    table = {"key": kind("entry"), "other": [kind("deep")]}
    held.pop(0)
    print("popped")
    held.pop()
    print("popped again")
    table["key"] = 0
    print("replaced")
    table.clear()
    print("cleared")
    held[:] = []
    print("emptied")
    return z

def generator(name):
    one = Dies(name)
    try:
        yield 1
        yield 2
    finally:
        print("finally", name)
        two = Dies(name + " two")
    print("never")

def abandoned():
    steps = generator("abandoned")
    next(steps)
    print("suspended")
    del steps
    print("gone")
    for n in generator("broken off"):
        print("step", n)
        break
    print("left")
    list(zip(generator("zipped"), [1]))
    print("done")

def watched():
    x = Dies("watched")
    ref = weakref.ref(x, lambda _: print("callback"))
    other = weakref.finalize(x, print, "finalize")
    print(ref() is x)
    del x
    print(ref())
    table = weakref.WeakValueDictionary(a=Dies("valued"))
    print(len(table))

def cyclic():
    one, two = Dies("one"), Dies("two")
    one.other, two.other = two, one
    del one, two
    print("collected", gc.collect() > 0)

def raising():
    x = Dies("in a frame that raises")
    raise KeyError(x.name)

def handled():
    try:
        raising()
    except KeyError as error:
        print("handling", error)
        saved = error
    print("handled")
    saved = None
    print("forgotten")

def returning():
    x, y, z = Dies("x"), Shows("y"), [Dies("z")]
    return "returned"

for kind in Dies, Shows, Again:
    rebound(kind)
    print("end of", kind.__name__)
print([x.name for x in kept])
kept.clear()
abandoned()
watched()
cyclic()
handled()
print(returning())
last = Dies("at exit")
