"""Scenes of values: what is large, deep, cyclic, shared, or replaced by an equal one."""

TEMPLATES = [
    """
def SCENE():
    big = list(range(1000))
    big[$n00] = $v
    big[$n00] = big[$n00]
    del big[$n]
    big.insert($n00, $o)
    big[999:] = []
    big[-1] = -1
    big[::250] = [1.0, True, 1, 'x']
    big += big[:3]
    big.pop()
    return big[:2]
""",
    """
def SCENE():
    table = {n: [n] for n in range(500)}
    table[$n0] = $v
    table[$n1].append($i)
    del table[0]
    table[0] = 'back'
    table.pop(499)
    table.update({1: True, 1.0: $i, 'new': table})
    table.popitem()
    names = {str(n) for n in range(300)}
    names.discard('7')
    names.add('7')
    frozen = frozenset(names)
    nested = (frozen, [names])
    names.clear()
    return len(table)
""",
    """
def SCENE():
    grid = [[0] * 8 for row in range(8)]
    for n in range($n):
        grid[n][n] = $h
        grid[n][-1] += 1
    grid[1] = list(grid[1])
    grid[2] = grid[3]
    grid[3][0] = 'both'
    grid[4].append(grid[4])
    grid.append(grid)
    del grid[0]
    grid[0], grid[1] = grid[1], grid[0]
    grid[1] = tuple(grid[1])
    return grid[0]
""",
    """
def SCENE():
    deep = $v
    for n in range(120):
        deep = [deep] if n % 3 else (deep,) if n % 2 else {n: deep}
        if n < 90 and n % 30:
            continue
        shown = n
    inner = deep
    while type(inner) is not list:
        inner = inner[0] if type(inner) is tuple else list(inner.values())[0]
    inner.append(1)
    inner[0] = $o
    flat = []
    for n in range(98):
        flat = [flat]
    flat.append(1)
    flat = [flat]
    flat = [flat]
    flat = [[flat], 2]
    return None
""",
    """
def SCENE():
    loop = [$i]
    loop.append(loop)
    table = {'loop': loop}
    table['self'] = table
    pair = (loop, table)
    loop.append(pair)
    loop.insert(0, {'pair': pair})
    loop[0]['more'] = [pair, loop]
    space = types.SimpleNamespace(loop=loop, table=table)
    space.me = space
    queue = collections.deque([loop], maxlen=5)
    queue.append(queue)
    ordered = collections.OrderedDict(queue=queue)
    ordered['self'] = ordered
    loop.append(ordered)
    del loop[1]
    loop.clear()
    table.clear()
    return space
""",
    """
def SCENE():
    x = 1
    x = True
    x = 1.0
    x = [1, 1.0, True]
    x[0] = True
    x[1] = 1
    x[2] = 1.0
    y = {1: 1, 0: 0}
    y[1] = True
    y[True] = 1.0
    y[0] = False
    y[False] = -0.0
    z = (0.0, -0.0)
    z = (-0.0, 0.0)
    s = {1}
    s.discard(1); s.add(True)
    s.clear(); s.add(1.0)
    t = [float('nan')]
    t[0] = float('nan')
    t[0] = $v
    u = [[1], [1]]
    u[0] = [True]
    u[1] = u[0]
    u[:] = [[1], [1]]
    u[0] = list(u[0]); u[1] = [1.0]
    w = [()]
    w[0] = []
    w[0] = {}
    w[0] = set()
    w[0] = frozenset()
    w[0] = ''
    w[0] = b''
    w[0] = bytearray()
    w[0] += b'x'
    return $v
""",
    """
def SCENE():
    outer = [[1, 2], {'k': [3]}, ({4},)]
    for n in range($n):
        outer[0] = [1, 2]
        outer[0] = [1, n]
        outer[1] = {'k': [3]}
        outer[1]['k'] = [n]
        outer[2] = ({n},)
        del outer[0]
        outer.insert(0, [1, 2])
        outer[1] = dict(outer[1])
    inner = outer.pop()
    inner[0].add($h)
    inner = (set(inner[0]),)
    swap = [[1], [2]]
    swap.reverse()
    swap[0], swap[1] = swap[1], swap[0]
    swap[0].append(swap.pop())
    return outer
""",
    """
def SCENE():
    held = bytearray(b'abc')
    both = [held, {'b': held}]
    held.append(39)
    held[0:2] = b'\\\\"'
    held += bytes(range(5))
    view = memoryview(held)
    view[0] = 0
    view.release()
    held.clear()
    numbers = array.array('i', [1])
    numbers.append(2)
    queue = collections.deque([held], 2)
    queue.append(1); queue.append(2)
    counts = collections.Counter('aab')
    counts['b'] += 2
    default = collections.defaultdict(list)
    default['x'].append(default)
    default['y']
    ordered = collections.OrderedDict([('a', 1), ('b', [2])])
    ordered.move_to_end('a')
    ordered['b'].append($v)
    keys, items = ordered.keys(), ordered.items()
    ordered['c'] = $i
    proxy = types.MappingProxyType(ordered)
    chain = collections.ChainMap({}, ordered)
    chain['z'] = 1
    text = io.StringIO('x')
    return keys
""",
    """
class SCENE_List(list):
    pass
class SCENE_Dict(dict):
    def __repr__(self):
        return 'D' + dict.__repr__(self)
class SCENE_Tuple(tuple):
    __slots__ = ()
class SCENE_Int(int):
    pass
class SCENE_Str(str):
    def __repr__(self):
        return str.__repr__(self) + '!'
class SCENE_Set(set):
    pass
def SCENE():
    a = SCENE_List([1, [2]])
    a.extra = [a]
    b = SCENE_Dict(k=a)
    c = SCENE_Tuple([a, b])
    a.append(c)
    a[1].append(SCENE_Int(5))
    b['s'] = SCENE_Str('text')
    b[SCENE_Str('k2')] = SCENE_Set({1, 2})
    d = [a, b, c, SCENE_Int(7), SCENE_Set()]
    a[0] = SCENE_Int(1)
    b.me = b
    a.extra = None
    del a[1]
    b.clear()
    setattr(a, 'x y', 1) or a.__dict__.update({1: 2, '__private': 3})
    n = SCENE_Int(3)
    n.list = a
    e = SCENE_Str('..')
    return d
""",
    """
def SCENE():
    text = 'é\\ud800' + $v if False else 'é\\ud800'
    parts = [text * n for n in range($n)]
    parts.append('\\udc00'.join(parts))
    wide = '\\U0001f600' * 5 + "'"
    parts = [wide + '\\x00', (wide,), {wide: text}]
    n = 10 ** 4300
    m = [n, -n, {n: n}]
    n -= 1
    m[0] = n
    n = (1 << 14284) - 1
    m[1] = n + 1
    c = [complex(n, -0.0) for n in (0.0, -1.5)]
    print(text[:1], len(wide))
    return parts
""",
]
