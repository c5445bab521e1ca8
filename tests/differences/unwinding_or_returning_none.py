# A return of None, an unwinding, a generator that yields None, a with that swallows, a return in a finally.
import contextlib


def plain():
    return None


def raises():
    raise KeyError


def from_c():
    [].pop()


def gives():
    with contextlib.suppress(KeyError):
        yield
    yield


def swallows():
    try:
        raise ValueError
    finally:
        return None


def loops():
    for n in range(2):
        try:
            if n:
                raise KeyError
            continue
        except KeyError:
            return
        finally:
            n = None


async def waits():
    await other()


async def other():
    raise KeyError


def main():
    for function in (plain, raises, from_c, swallows, loops, lambda: waits().send(None)):
        try:
            function()
        except (KeyError, IndexError) as error:
            pass
    one = gives()
    next(one)
    one.throw(KeyError())
    two = gives()
    next(two)
    try:
        two.throw(ValueError())
    except ValueError:
        pass
    return None
