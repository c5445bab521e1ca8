#: policy = fields
# 3.8 never readies the types of what __anext__ and asend give: they have no __mro__.
async def gives():
    yield 1


def step(awaited):
    try:
        awaited.send(None)
    except StopIteration as stop:
        return stop.value


def main():
    made = [gives()]
    step(made[0].__anext__())
    return step(made[0].aclose())
