"""Scenes of calls: closures, arguments, decorators, descriptors, operators, class bodies, recursion, callbacks."""

TEMPLATES = [
    """
def SCENE():
    count = $i
    box = [$v]
    def bump(by=1):
        nonlocal count
        count = [count, by] if type(count) is not list else count[:1]
        return count
    def peek():
        return count, box
    for n in range($n):
        bump(n)
        box.append(n)
        peek()
    del count
    try:
        peek()
    except NameError as error:
        pass
    count = $o
    return peek()
""",
    """
def SCENE(first=$v, *rest, key=$o, **kw):
    def shares():
        return first, rest, kw
    first = [first]
    key = $v
    shares()
    if not rest:
        return SCENE($i, $v, key=2, other=$o)
    del kw
    return shares
""",
    """
def SCENE():
    makers = []
    for n in range($n):
        def make(n=n, *, seen=[]):
            seen.append(n)
            return lambda: (n, seen)
        makers.append(make)
    return [make()() for make in makers]
""",
    """
def SCENE_decorate(*given):
    def wrap(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            result = function(*args, **kwargs)
            return result
        inner.given = given
        return inner
    return wrap
def SCENE():
    @SCENE_decorate($i)
    @SCENE_decorate($o,
                    $i)
    def add(a, b=2, /, c=3):
        return a, b, c
    add.__qualname__ = 'renamed'
    one = add
    add.__name__ = 'named'
    one.__qualname__ = 'again \\' at 0x12'
    return add(1, c=$v)
""",
    '''
class SCENE_Data:
    """Computes."""
    kind = $v
    names = [n for n in 'ab']
    def __get__(self, instance, owner):
        value = (instance is None, 'got')
        return value
    def __set__(self, instance, value):
        instance.hidden = value
    for loop in range(2):
        inside = loop
    del loop
class SCENE_Holder:
    data = SCENE_Data()
    @property
    def half(self):
        return self.whole / 2
    @half.setter
    def half(self, value):
        self.whole = value * 2
    @classmethod
    def make(cls, *args):
        made = cls()
        return made
    @staticmethod
    def plain(x):
        return x
    def __getattr__(self, name):
        if name == 'whole':
            return 7
        raise AttributeError(name)
def SCENE():
    holder = SCENE_Holder.make($i)
    before = holder.half
    holder.half = 4
    holder.data = $v
    seen = holder.data, holder.plain($o)
    try:
        holder.missing
    except AttributeError as error:
        seen = error
    return hasattr(holder, 'more'), getattr(holder, 'less', $i)
''',
    """
class SCENE_V:
    def __init__(self, n):
        self.n = n
    def __add__(self, other):
        return SCENE_V(self.n + other.n)
    def __eq__(self, other):
        return type(other) is SCENE_V and self.n == other.n
    def __hash__(self):
        return hash(self.n)
    def __lt__(self, other):
        return self.n < other.n
    def __bool__(self):
        return self.n > 1
    def __getitem__(self, at):
        if at > 2:
            raise IndexError(at)
        return at * self.n
    def __call__(self, *args):
        return self
    def __iadd__(self, other):
        self.n += 1
        return self
    def __len__(self):
        return 2
    def __contains__(self, item):
        return item == self.n
def SCENE():
    vs = [SCENE_V(n) for n in (3, 1, 2)]
    vs.sort()
    table = {v: v.n for v in vs}
    total = vs[0] + vs[1]
    table[total] = $v
    total += 1
    mixed = {SCENE_V(1), SCENE_V(1), SCENE_V(2)}
    mixed.discard(SCENE_V(2))
    found = SCENE_V(1) in mixed, 5 in total, list(total), max(vs).n
    if total and not SCENE_V(0):
        table.pop(SCENE_V(3), None)
    return total(), min(vs, key=lambda v: -v.n) < total < SCENE_V(9)
""",
    """
def SCENE(n=$n, held=None):
    held = held or [$o]
    if n <= 0:
        held.append(n)
        return held
    mine = [n]
    SCENE(n - 1, mine)
    result = SCENE(n - 2, held) if n < 5 else mine
    del mine
    return result
""",
    """
def SCENE_deep(n):
    local = n
    try:
        if n:
            return SCENE_deep(n - 1) + 1
        raise $e
    finally:
        local = -n
def SCENE():
    try:
        SCENE_deep(50)
    except BaseException as error:
        depth = len(str(type(error)))
    return [depth, $v]
""",
    """
def SCENE():
    log = []
    def seen(x):
        log.append(x)
        return x
    list(map(seen, [$v, $h]))
    sorted([3, 1, 2], key=seen)
    functools.reduce(lambda a, b: a + b, [1, 2, 3])
    any(seen(x) for x in [0, $i])
    re.sub('a', lambda m: seen('b'), 'banana')
    functools.partial(seen, $i)()
    filtered = list(filter(lambda x: x, [seen, 0, None]))
    return filtered, log
""",
    """
SCENE_total = $v
def SCENE():
    global SCENE_total, SCENE_more
    SCENE_total = [SCENE_total]
    SCENE_more = $o
    del SCENE_more
    x: int = 5
    y: 'never'
    def annotated(a: int = $i, *b: str) -> None:
        SCENE_total.append(a)
    annotated()
    return SCENE_total
""",
    """
def SCENE():
    result = []
    class Outer:
        here = $o
        class Inner:
            deep = [here_ for here_ in range(2)]
            def method(self):
                result.append(__class__)
                return type(super().__repr__()).__name__
        def method(self):
            return Outer.Inner().method() and self.here
        __slots__ = ()
        here = [here, 1]
    outer = Outer()
    outer.method()
    Outer.__name__ = 'Renamed'
    shown = [outer, Outer, Outer.method, outer.method]
    Outer.__qualname__ = 'Very.Renamed'
    Outer.__module__ = $h
    again = shown
    Outer.__repr__ = lambda self: 'now'
    return shown, type('Made', (Outer,), {'x': $v})()
""",
    """
class SCENE_Meta(type):
    def __new__(meta, name, bases, namespace, **kw):
        made = super().__new__(meta, name, bases, namespace)
        return made
    def __init__(cls, name, bases, namespace, **kw):
        super().__init__(name, bases, namespace)
    def __prepare__(name, bases, **kw):
        return {'given': kw}
    def __repr__(cls):
        return 'class ' + type.__getattribute__(cls, '__name__')
class SCENE_Base(metaclass=SCENE_Meta, k=$v):
    def __init_subclass__(cls, **kw):
        cls.subs = [*getattr(cls, 'subs', ()), kw]
    def __set_name__(self, owner, name):
        self.name = name
def SCENE():
    class Sub(SCENE_Base, k=1):
        other = SCENE_Base()
    one = Sub()
    several = [Sub, one, SCENE_Base, SCENE_Meta]
    Sub.__name__ = 'Sub\\'s'
    return several
""",
    """
def SCENE():
    source = 'x = $n\\nz = [n for n in range(x)]\\ndef f(y):\\n    return y, x\\nw = f(z)\\ndel x\\n'
    code = compile(source, '<program>', 'exec')
    space = {'__name__': 'inner', 'given': $i}
    try:
        exec(code, space)
    except NameError as error:
        x = error
    own = Recording()
    exec(code.replace(co_name='other'), {}, own) if sys.version_info >= (3, 9) else None
    return sorted(space)[-3:], eval('[q for q in (1, $i)]')
""",
    """
def SCENE():
    space = {'__name__': 'outside'}
    for name in ('/roots/lib.py', '/roots/never/lib.py', '/hidden/lib.py', '<program>', '/roots/omit/lib.py'):
        source = 'def through(f, *args):\\n    kept = f(*args)\\n    return kept\\n'
        exec(compile(source, name, 'exec'), space)
        try:
            space['through'](lambda a: [a, name], $v)
            space['through'](space['through'], helper, $i)
        except Exception as error:
            pass
    return $o
""",
    '''
if sys.version_info >= (3, 10):
    exec(compile(r"""def SCENE(given=($v, {'k': [$i, 2]}, [1, 2, 3])):
    found = []
    for each in given:
        match each:
            case {'k': [x, *rest], **others}:
                found.append(rest)
            case [1, second, *_] if second:
                found = [second]
            case int() | str() as plain:
                found.append(plain)
            case None | True:
                pass
            case _:
                found = None or []
    return found
""", '<program>', 'exec'), globals())
else:
    def SCENE():
        return 'old'
''',
    """
def SCENE():
    sys_ = $v
    gen = [1]
    a, (b, *c), d = 1, (2, $i, $v), $o
    (a, b), c = (b, a), d
    x = y = z = [a]
    x += [b]; y = y + [c]; del z
    print(*x, sep='-') if type(a) is bool else None
    if (n := len(x)) > 1 and (m := n * 2):
        x[0], x[-1] = x[-1], x[0]
    t = (a if b else
         c,
         [q
          for q in range(2)
          if q])
    f = (f'{a}'
         f'{b!r:>3}')
    while n:
        n -= 1
        if n == 1:
            continue
        elif n > 5:
            break
    else:
        u = [x, y]
    return 1 < len(x) < 3 < 4
""",
]
