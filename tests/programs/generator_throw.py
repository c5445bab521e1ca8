def patient():
    try:
        yield 1
    except KeyError:
        yield "caught"


def stubborn():
    while True:
        try:
            yield
        except ValueError:
            pass


first = patient()
next(first)
first.throw(KeyError("k"))
try:
    first.throw(OSError("o"))
except OSError:
    pass
unstarted = patient()
try:
    unstarted.throw(OSError("not started"))
except OSError:
    pass
second = stubborn()
next(second)
# Caught, and back at the same `yield`: a return of None that is no unwinding.
second.throw(ValueError)
