"""Scenes of awaiting: coroutines run by hand and by asyncio, asynchronous generators and comprehensions."""

TEMPLATES = [
    """
class SCENE_Awaits:
    def __await__(self):
        got = yield $v
        return [got]
async def SCENE_add(a, b):
    one = await SCENE_Awaits()
    two = [await SCENE_Awaits() for n in range(2)]
    return a, b, one, two
async def SCENE_co(n):
    try:
        total = await SCENE_add(n, $i)
        return total
    finally:
        n = None
def SCENE():
    co = SCENE_co(1)
    sent = co.send(None)
    try:
        while True:
            sent = co.send($h)
    except StopIteration as stop:
        result = stop.value
    other = SCENE_co(2)
    other.send(None)
    try:
        other.throw($e)
    except BaseException as error:
        result = [type(error).__name__]
    third = SCENE_co(3)
    third.send(None)
    third.close()
    never = SCENE_co(4)
    never.close()
    return result
""",
    """
async def SCENE_numbers(n):
    try:
        for i in range(n):
            yield i
            await asyncio.sleep(0)
    finally:
        n = 'closed'
class SCENE_Manager:
    async def __aenter__(self):
        return self
    async def __aexit__(self, *given):
        await asyncio.sleep(0)
        return $i == 1
async def SCENE_work(log, name):
    async with SCENE_Manager() as entered:
        log.append(name)
        await asyncio.sleep(0)
    async for x in SCENE_numbers(2):
        log.append([name, x])
    return name
async def SCENE_main(log):
    await SCENE_work(log, 'first')
    squares = [x * x async for x in SCENE_numbers(3) if x]
    table = {x: [y async for y in SCENE_numbers(x)] async for x in SCENE_numbers(2)}
    await asyncio.gather(SCENE_work(log, 'a'), SCENE_work(log, 'b'))
    try:
        async with SCENE_Manager():
            raise $e
    except BaseException as error:
        log.append(type(error).__name__)
    gen = SCENE_numbers(3)
    await gen.__anext__()
    await gen.asend(None)
    await gen.aclose()
    return squares
def SCENE():
    log = [$v]
    asyncio.run(SCENE_main(log))
    return log
""",
    """
async def SCENE_agen(held):
    try:
        got = yield held
        held.append(got)
        yield [got]
    except ValueError as error:
        yield error
def SCENE_step(step):
    try:
        step.send(None)
    except StopIteration as stop:
        return stop.value
    except StopAsyncIteration:
        return 'over'
def SCENE():
    held = [$o]
    agen = SCENE_agen(held)
    one = SCENE_step(agen.__anext__())
    two = SCENE_step(agen.asend($v))
    three = SCENE_step(agen.__anext__())
    again = SCENE_agen([])
    SCENE_step(again.__anext__())
    four = SCENE_step(again.athrow(ValueError('x')))
    SCENE_step(again.aclose())
    return [one, two, three]
""",
    """
@types.coroutine
def SCENE_old():
    got = yield [1]
    return got
async def SCENE_new(n):
    with contextlib.suppress(KeyError):
        async def inner():
            return await SCENE_old()
        if n:
            return await inner()
        await SCENE_old()
        raise KeyError(n)
def SCENE():
    results = []
    for n in range($n):
        co = SCENE_new(n)
        co.send(None)
        try:
            co.send($i) if n != 2 else co.throw(KeyError, None)
        except StopIteration as stop:
            results.append(stop.value)
        except Exception as error:
            results.append(str(error))
    return results
""".replace("co.throw(KeyError, None)", "co.throw(KeyError())"),
]
