"""Scenes of what suspends: generators, alone and in each other, on this thread and on another."""

TEMPLATES = [
    """
def SCENE_make(n, held):
    try:
        got = yield n
        while got is not None:
            held.append(got)
            try:
                got = yield [n, got]
            except ValueError as error:
                got = yield error
        return held
    finally:
        held.append('closed')
def SCENE():
    held = [$o]
    one = SCENE_make($i, held)
    next(one)
    one.send($v)
    shown = [one, held]
    one.throw(ValueError('thrown'))
    two = SCENE_make(2, held)
    try:
        two.send($h)
    except TypeError:
        pass
    try:
        one.throw(KeyError)
    except KeyError as error:
        kept = error
    next(two)
    two.close()
    two.close()
    try:
        next(two)
    except StopIteration as stop:
        kept = stop.value
    return list(SCENE_make(1, held))
""",
    """
def SCENE_inner(n):
    for i in range(n):
        got = yield i
        if got:
            return [got]
    return 'inner'
def SCENE_outer(n):
    first = yield from SCENE_inner(n)
    second = yield from [first, $v]
    third = yield from SCENE_inner(1)
    return third
def SCENE():
    outer = SCENE_outer($n)
    seen = [next(outer)]
    try:
        while True:
            seen.append(outer.send($i))
    except StopIteration as stop:
        seen = stop.value
    again = SCENE_outer(2)
    next(again)
    try:
        again.throw($e)
    except BaseException as error:
        del error
    last = SCENE_outer(1)
    next(last)
    last.close()
    return seen
""",
    """
def SCENE_gen(log):
    try:
        yield 1
        yield $o
    except GeneratorExit:
        log.append('exit')
        raise
    finally:
        log.append('finally')
def SCENE():
    log = []
    for got in SCENE_gen(log):
        break
    held = [SCENE_gen(log), SCENE_gen(log)]
    next(held[0])
    next(held[1])
    held.clear()
    log.append('after')
    cycle = [SCENE_gen(log)]
    cycle.append(cycle)
    next(cycle[0])
    def drop(items):
        return len(items)
    drop([next(SCENE_gen(log)), 1])
    return log
""",
    """
def SCENE_ticks(n):
    local = [n]
    for i in range(n):
        local.append(i)
        yield local
def SCENE_deeper(gen, levels):
    if levels:
        return SCENE_deeper(gen, levels - 1)
    return next(gen, 'done')
def SCENE():
    gen = SCENE_ticks($n)
    for level in range($n):
        got = SCENE_deeper(gen, level)
    joined(SCENE_deeper, gen, 1)
    after = next(gen, None)
    rest = list(gen)
    return got
""",
    """
def SCENE_recursive(tree):
    if type(tree) is list:
        for branch in tree:
            yield from SCENE_recursive(branch)
    else:
        yield tree
def SCENE():
    leaves = list(SCENE_recursive([1, [2, [$i, []]], [[$h]]]))
    pairs = [(a, b) for a in SCENE_recursive([1, 2]) for b in (c for c in 'xy')]
    squares = (a * a for a in SCENE_recursive([1, [2]]))
    total = sum(squares)
    lazy = (print('lazy', a) for a in [1])
    for nothing in lazy: pass
    return [*leaves, *pairs]
""",
    """
def SCENE_bad():
    yield 1
    raise $e
def SCENE_wraps():
    try:
        yield from SCENE_bad()
    except $c as error:
        yield [error]
    finally:
        done = True
def SCENE():
    seen = []
    try:
        for item in SCENE_wraps():
            seen.append(type(item).__name__)
    except BaseException as error:
        seen.append(type(error).__name__)
    def stops():
        yield next(iter([]))
    try:
        list(stops())
    except RuntimeError as error:
        seen.append(str(error.__cause__))
    def busy():
        yield next(me)
    me = busy()
    try:
        next(me)
    except ValueError as error:
        seen = error
    return seen
""",
    """
@contextlib.contextmanager
def SCENE_managed(log, swallow):
    log.append('in')
    try:
        yield log
    except ValueError as error:
        log.append(type(error).__name__)
        if not swallow:
            raise
    finally:
        log.append('out')
def SCENE():
    log = [$v]
    with SCENE_managed(log, True) as entered:
        raise ValueError($i)
    with SCENE_managed(log, True), SCENE_managed(log, False) as second:
        raise ValueError(entered)
    try:
        with SCENE_managed(log, False):
            raise $e
    except BaseException as error:
        pass
    with contextlib.ExitStack() as stack:
        stack.callback(log.append, 'callback')
        stack.enter_context(SCENE_managed(log, True))
    return log
""",
    """
def SCENE_gen():
    x = $o
    x_ = [x]
    while True:
        y = yield x_
        if y == 1:
            del x
        elif y == 2:
            x = $v
        else:
            try:
                yield from (n for n in [y])
            except ValueError:
                y = None
                return
def SCENE():
    gen = SCENE_gen()
    next(gen)
    for step in [1, 2, 3, None, 4]:
        got = gen.send(step)
    try:
        gen.throw(ValueError)
    except (StopIteration, ValueError) as error:
        got = None
    return [gen]
""",
]
