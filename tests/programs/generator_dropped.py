def numbers():
    try:
        yield 1
    finally:
        done = True


for number in numbers():
    break
held = numbers()
next(held)
# `held` is still suspended at the end: the close by the interpreter's own end is no part of the trace.
after = number
