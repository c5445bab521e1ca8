"""Frames, locals, exceptions, tracebacks, warnings."""

import asyncio, gc, sys, traceback, warnings
sys.stderr = sys.stdout
warnings.simplefilter("always")

def dictionary():
    a = 1
    d = locals()
    a = 2
    b = [3]
    c = d is locals() if sys.version_info < (3, 13) else None
    before = dict(d)
    e = 5
    print(sorted(d), d["a"], c, sorted(before))
    d["a"] = 100
    f = 6
    return a, d["a"]

def reading():
    here = sys._getframe()
    x = 1
    first = here.f_locals.get("x")
    x = 2
    return first, here.f_lineno, here.f_trace, here.f_trace_lines, here.f_trace_opcodes, here.f_back.f_code.co_name

class Space:
    one = 1
    keys = sorted(locals())
    locals()["two"] = 2
    three = two + one

def generator():
    x = 0
    try:
        while True:
            x = yield x
            if x == 3:
                raise ValueError("three")
    except ValueError:
        print(sys.exc_info()[1], traceback.format_exc())
        yield -1
        print(sys.exc_info()[0])

def exceptions():
    print(sys.exc_info())
    try:
        {}["missing"]
    except KeyError:
        kind, value, tb = sys.exc_info()
        print(kind, value, tb.tb_lineno, tb.tb_frame is sys._getframe())
        try:
            raise TypeError("second") from value
        except TypeError as error:
            print(traceback.format_exc())
            print(error.__cause__ is value, error.__context__ is value)
        print(sys.exc_info()[1] is value)
    print(sys.exc_info())
    try:
        print(sys.exc_info())
    finally:
        print(sys.exc_info())

def identities():
    a, b = [], []
    word = "ab" * 3
    text = ""
    for n in range(5):
        text += str(n) * 3
        same = text
        text += "x"
    data = bytearray()
    data += b"xyz"
    pair = a, b
    print(a is a, a is b, pair[0] is a, word is word, text, same, len({id(a), id(b), id(pair)}), bytes(data))
    kept = id(a)
    a.append(1)
    print(id(a) == kept, 1000 is 10 ** 3, "".join(["a", "b"]) is "ab")

async def never():
    pass

async def sleeps(n):
    await asyncio.sleep(0)
    return n

async def together():
    async for n in agen():
        print("async", n)
    return await asyncio.gather(*[sleeps(n) for n in range(3)])

async def agen():
    try:
        yield 1
        yield 2
    finally:
        print("closed")

def warned():
    never()
    print("not awaited")
    warnings.warn("look")
    open(__file__)
    print("not closed")

class Failing:
    def __del__(self):
        raise ValueError("ignored")

def unraisable():
    seen = []
    sys.unraisablehook = lambda info: seen.append((info.exc_type, str(info.exc_value), info.exc_traceback.tb_lineno))
    x = Failing()
    x = None
    print(seen)

def comprehensions():
    x = 5
    return [x * y for x in range(3) for y in [x]], {x for _ in "a"}, list(n + x for n in range(2)), x

print(dictionary(), reading(), Space.keys, Space.three)
steps = generator()
print(next(steps), steps.send(2), steps.send(3), next(steps, "end"), steps.gi_frame)
exceptions()
identities()
print(asyncio.run(together()))
warned()
unraisable()
print(comprehensions())
print(sys._getframe().f_trace, sys.exc_info(), sorted(name for name in globals() if name[0] != "_"))
def fails():
    for n in range(2):
        steps = (1 // (1 - m) for m in range(n + 1))
        list(steps)
try:
    fails()
except ZeroDivisionError:
    print(traceback.format_exc())
fails()
