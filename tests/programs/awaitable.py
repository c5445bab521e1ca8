class Pause:
    def __await__(self):
        got = yield "paused"
        return got


async def waits():
    got = await Pause()
    return got


task = waits()
task.send(None)
try:
    task.send("woken")
except StopIteration as stop:
    result = stop.value
task = waits()
task.send(None)
task.close()
