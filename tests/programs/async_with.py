class Lock:
    async def __aenter__(self):
        return 1

    async def __aexit__(self, kind, error, traceback):
        return kind is KeyError


async def run():
    async with Lock() as held:
        pass
    async with Lock():
        raise KeyError("k")


try:
    run().send(None)
except StopIteration:
    pass
