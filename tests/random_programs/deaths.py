"""Scenes of threads and of endings: what dies is heard, and threads are joined where they start.

Up to 3.12 ``f_locals`` is a dict that keeps what a local held until the next event, and that is written back to the
cells behind a trace function: the reference makes a death late, and undoes what a repr did to a closure that is being
shown.  So only from 3.13 on does anything here die as a local, or change such a closure.  A generator that is a local,
or that the frames of a caught exception hold, and that may still be closed, is one of a hidden file, ``unheard()``.
"""

TEMPLATES = [
    """
class SCENE_Mortal:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        last = self.name
        SHARED.append(last) if len(SHARED) < 9 else SHARED.clear()
def SCENE():
    held = [SCENE_Mortal($n), SCENE_Mortal('b'), SCENE_Mortal([1])]
    SCENE_Mortal('temporary')
    held.pop()
    x = 1
    held[0] = $v
    table = {'m': SCENE_Mortal('value')}
    table['m'] = None
    table['n'] = [SCENE_Mortal('nested')]
    table['n'] = list(table['n'])
    table.clear()
    y = len(held)
    held[:] = []
    return y
""",
    """
class SCENE_Quiet:
    def __init__(self, name):
        self.name = name
    def __repr__(self):
        return f'Quiet({self.name!r})'
    def __del__(self):
        print('died', self.name)
def SCENE():
    held = [[SCENE_Quiet($i)], (SCENE_Quiet('t'), $v), {'k': SCENE_Quiet('d')}]
    held[0][0] = 5
    print('set')
    held[0] = [SCENE_Quiet('again')]
    print('list')
    held[1] = ()
    print('tuple')
    held[2]['k'] = SCENE_Quiet('other')
    held[2] = {'k': 1}
    print('dict')
    held[:1] = []
    print('end')
    return held
""",
    """
class SCENE_Target:
    pass
def SCENE():
    held = [SCENE_Target(), {'t': SCENE_Target()}, (SCENE_Target(),)]
    refs = [weakref.ref(held[0]), weakref.ref(held[1]['t'], lambda ref: print('gone')), weakref.ref(held[2][0])]
    alive = [ref() is not None for ref in refs]
    held[0] = $v
    alive = [ref() is not None for ref in refs]
    held[1].clear()
    alive = [ref() is not None for ref in refs]
    held.pop()
    alive = [ref() is not None for ref in refs]
    proxy = weakref.WeakValueDictionary()
    held.append([SCENE_Target()])
    proxy['x'] = held[-1][0]
    del held[-1][:]
    return len(proxy), alive
""",
    """
class SCENE_Node:
    def __del__(self):
        print('collected')
def SCENE():
    def make():
        node = SCENE_Node()
        node.me = node
        return [1]
    make()
    gc.collect()
    after = $v
    def suspended():
        try:
            yield 1
        finally:
            print('finally')
    def tie():
        loop = [suspended()]
        next(loop[0])
        loop.append(loop)
    tie()
    gc.collect()
    return after
""",
    """
def SCENE_work(n, out):
    for i in range(n):
        out.append(i)
    if n == 2:
        return SCENE_work(1, [out])
    local = $o
    return local
def SCENE():
    out = [$v]
    for n in range($n):
        joined(SCENE_work, n, out)
    joined(SCENE_work, 1, None)
    count = [0]
    def bump():
        for i in range(3):
            count[0] += 1
    for each in range(2):
        joined(bump)
    return count
""",
    """
class SCENE_Mortal:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        last = self.name
        print('died', last)
def SCENE_gen(log):
    try:
        yield log
    finally:
        log.append('closed')
def SCENE():
    log = [$v]
    if sys.version_info >= (3, 13):
        x = SCENE_Mortal($i)
        x = SCENE_Mortal('second')
        del x
        gen = SCENE_gen(log)
        next(gen)
        gen = None
        y = [SCENE_Mortal('in'), SCENE_gen(log)]
        next(y[1])
        y = (y, $o)
        del y
    return log
""",
    """
def SCENE():
    asked, log = 0, [$v]
    class Asks:
        def __repr__(self):
            nonlocal asked
            asked += 1
            return f'asks {asked}'
    if sys.version_info >= (3, 13):
        one = Asks()
        log.append(one)
        def inner(more):
            nonlocal asked
            asked = -10
            return [one, more]
        inner($h)
        two = (asked, Asks())
        del one
    return log
""",
    """
def SCENE_run(result):
    result.append($v)
    joined(helper, $i)
    raise SystemExit
def SCENE():
    result = [$o]
    joined(SCENE_run, result)
    local = threading.local()
    local.x = 1
    lock = threading.Lock()
    with lock:
        locked = lock.locked()
    return result
""",
    """
def SCENE_outer(n):
    kept = SCENE_inner(n)
    return [kept]
def SCENE_inner(n):
    if n:
        SCENE_outer(n - 1)
    yielded = list(SCENE_gen(n))
    return yielded
def SCENE_gen(n):
    for i in range(n):
        yield SCENE_leaf(i)
def SCENE_leaf(i):
    return i, $h
def SCENE():
    for n in range($n):
        SCENE_outer(n)
    held = [SCENE_gen(2), SCENE_gen(3)]
    for gen in held:
        next(gen)
    SCENE_leaf($v)
    for gen in held:
        SCENE_leaf(next(gen, None))
    held.clear()
    return SCENE_inner(1)
""",
    """
def SCENE():
    import builtins
    kept = builtins.repr, builtins.len, builtins.type
    try:
        builtins.repr = lambda value: 'patched'
        builtins.len = None
        held = [$o, {'k': ($v,)}]
        held.append(repr(held))
        builtins.type = $v
        held[0] = 1
    finally:
        builtins.repr, builtins.len, builtins.type = kept
    return held
""",
]
