def steps():
    yield 1
    return "done"


def early(stop):
    if stop:
        return
    yield 1


stream = steps()
next(stream)
try:
    next(stream)
except StopIteration as stop:
    value = stop.value
list(early(True))
