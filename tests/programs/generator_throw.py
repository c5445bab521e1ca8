def patient():
    try:
        yield 1
    except KeyError:
        yield "caught"
    yield None


first = patient()
next(first)
first.throw(KeyError("k"))
try:
    first.throw(ValueError("v"))
except ValueError:
    pass
second = patient()
try:
    second.throw(OSError("not started"))
except OSError:
    pass
