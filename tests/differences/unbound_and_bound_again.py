# Names that go, come back, come in another order, and hold what an except clause takes away.
def work(flag, *rest, key=1, **more):
    if flag:
        late = 1
    early = 2
    late = 3
    del rest
    try:
        raise KeyError(late)
    except KeyError as early:
        del flag
    more = None
    flag = [early for early in "ab"]
    rest = lambda: (flag, key)
    key = [key]
    del flag
    return rest


def main():
    work(0, 1, 2, other=3)
    work(1)(*[]) if False else None
    total = 0
    for n in range(3):
        if n == 1:
            del total
        total = n
    del n
    return locals is None
