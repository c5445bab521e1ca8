class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


async def run():
    async for n in Countdown(1):
        last = n
    return last


try:
    run().send(None)
except StopIteration:
    pass
