def average():
    total = 0
    for count in (1, 2):
        got = yield total
        total += got
    return total


running = average()
next(running)
running.send(4)
try:
    running.send(6)
except StopIteration as stop:
    result = stop.value
