async def numbers(to):
    for n in range(to):
        yield n
    yield


async def collect():
    stream = numbers(2)
    first = await stream.__anext__()
    rest = [n async for n in stream]
    return first, rest


try:
    collect().send(None)
except StopIteration as stop:
    result = stop.value
