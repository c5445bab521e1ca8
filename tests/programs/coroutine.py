async def inner(n):
    return n + 1


async def outer():
    one = await inner(0)
    return await inner(one)


task = outer()
try:
    task.send(None)
except StopIteration as stop:
    result = stop.value
