def broken():
    yield 1
    raise ValueError("broken")


def stops():
    yield 1
    raise StopIteration


for make in broken, stops:
    try:
        for number in make():
            pass
    except (ValueError, RuntimeError) as error:
        seen = error
