"""Reference counts of the program's objects, after many lines."""

import gc, sys

class Plain:
    pass

class Shown:
    def __repr__(self):
        return "Shown(%d)" % len(vars(self))

class Slotted:
    __slots__ = ("x",)

class Number(int):
    pass

def show(name, *values):
    print(name, *[sys.getrefcount(value) for value in values])

def locals_of_every_kind():
    plain, shown, slotted, number = Plain(), Shown(), Slotted(), Number(5)
    items, table, group, pair = [plain, [shown]], {"plain": plain, 1: {}}, {shown}, (plain, [])
    frozen, array = frozenset([shown]), bytearray(b"x")
    def inner():
        return plain
    for n in range(5):
        items.append([n])
        table[n] = items
        plain.n = shown
        inner()
    show("locals", plain, shown, slotted, number, items, table, group, pair, frozen, array, inner)
    show("inside", items[1], items[-1], table[1], pair[1], inner.__closure__, inner.__closure__[0])
    show("classes", Plain, Shown, Slotted, Number)
    alias = items
    del table
    show("after del", plain, shown, items)
    items = None
    show("after rebinding", plain, shown, alias)
    return alias

def generating(item):
    try:
        yield item
        show("in a generator", item)
        yield [item]
    finally:
        show("in a finally", item)

def arguments(one, *rest, key, **others):
    rest[0].append(others)
    show("arguments", one, rest, rest[0], key, others)

def caught():
    item = Plain()
    for _ in range(3):
        try:
            raise ValueError(item)
        except ValueError as error:
            show("in a handler", item, error, error.args)
    show("after a handler", item)
    return item

kept = locals_of_every_kind()
show("returned", kept, kept[0])
one = Plain()
steps = generating(one)
next(steps)
show("suspended", one)
show("yielded", next(steps))
steps.close()
show("closed", one)
arguments(one, [], {}, key=Shown(), other=[])
show("raised", caught())

class Body:
    inside = Plain()
    things = [inside]
    for thing in things:
        show("in a class body", inside, things)

show("of a class", Body.inside, Body.things)

def referrers():
    target = [Plain()]
    number = 0
    print("referrers", sorted(type(found).__name__ for found in gc.get_referrers(target) if type(found) is list))
    print("referrers of an item", [found is target for found in gc.get_referrers(target[0])])

def counted():
    before = list(map(type, gc.get_objects()))
    made = [Plain() for _ in range(10)]
    made.append([made])
    after = list(map(type, gc.get_objects()))
    print("objects", [after.count(kind) - before.count(kind) for kind in (Plain, Shown, list, set)])
    del made
    print("collected", gc.collect(), gc.collect(), gc.garbage)

gc.collect()
referrers()
counted()
counted()
