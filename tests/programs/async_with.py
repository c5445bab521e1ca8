class Lock:
    async def __aenter__(self):
        return 1

    async def __aexit__(self, kind, error, traceback):
        return kind is KeyError


class Pause:
    def __await__(self):
        yield


async def swallowed():
    async with Lock() as held:
        raise KeyError("k")


async def cancelled():
    async with Lock(): await Pause()


try:
    swallowed().send(None)
except StopIteration:
    pass
task = cancelled()
task.send(None)
try:
    task.throw(ValueError("v"))
except ValueError:
    pass
