"""Scenes of objects that change while they are shown, or change how they are shown."""

TEMPLATES = [
    """
class SCENE_Node:
    def __init__(self, holder):
        self.holder = holder
        self.next = self
    def __repr__(self):
        return f'Node({self.holder!r})'
def SCENE():
    holder = [$v]
    node = SCENE_Node(holder)
    holder.append(node)
    table = {'node': node, 'holder': holder}
    holder.append(table)
    pair = (node, holder)
    node.holder = pair
    both = [[node], [holder], {'t': table}]
    queue = collections.deque([both])
    both.append(queue)
    holder[0] = both
    del holder[1:]
    node.holder = {1: both}
    return pair
""",
    """
class SCENE_Changes:
    def __init__(self, held):
        self.held = held
        self.count = 0
    def __repr__(self):
        self.count += 1
        if len(self.held) < 6:
            self.held.append(self.count)
        else:
            del self.held[$n:]
        return f'changes {len(self.held)}'
class SCENE_Clears(SCENE_Changes):
    def __repr__(self):
        self.held.clear()
        return 'clears'
class SCENE_Table(SCENE_Changes):
    def __repr__(self):
        self.held[len(self.held) % 4] = [self.count]
        self.held.pop(2, None)
        self.count += 1
        return str(self.count)
def SCENE():
    held = [1, 2]
    held.append(SCENE_Changes(held))
    held.insert(1, 'first')
    other = [held, {'held': held}]
    x = 1
    more = ['a', SCENE_Clears(held), 'b', $v]
    y = 2
    table = {'x': 1}
    table['t'] = SCENE_Table(table)
    z = [table, held]
    more.append(SCENE_Clears(more))
    w = 3
    wrapped = ([more], table)
    more[:0] = [$o]
    return w
""",
    """
class SCENE_Counts:
    asked = []
    def __init__(self, name):
        self.name = name
    def __repr__(self):
        self.asked.append(self.name)
        return f'{self.name}{len(self.asked)}'
def SCENE():
    a = SCENE_Counts('a')
    b = [SCENE_Counts('b'), SCENE_Counts('c')]
    c = {'k': b, a: 1}
    d = (a, b)
    b[0] = 5
    c['k'] = list(b)
    e = frozenset([1])
    del a
    f = {'x': (1, [2, (3, SCENE_Counts('d'))])}
    f['x'][1][1] [1].name = 'dd'
    b.append(b)
    del c, d
    for g in b[:2]:
        pass
    return f
""",
    """
class SCENE_P:
    def __repr__(self):
        return 'P'
class SCENE_Q(SCENE_P):
    def __repr__(self):
        if self.bad:
            raise $e
        return 'Q'
    bad = False
def SCENE():
    p = SCENE_P()
    q = SCENE_Q()
    both = [p, q, {q: p}]
    p.__class__ = SCENE_Q
    SCENE_Q.bad = True
    x = 1
    q.bad = False
    SCENE_Q.__name__ = 'Broken'
    SCENE_Q.bad = False
    del SCENE_Q.__repr__
    both[0] = p
    SCENE_P.__repr__ = lambda self: 5
    SCENE_P.__repr__ = None
    SCENE_P.__repr__ = object.__repr__
    p.__dict__ = {'new': [p]}
    SCENE_Q.__repr__ = lambda self: f'{self.new!r}'
    return both
""",
    """
def SCENE_cells():
    count = 0
    class Counts:
        def __repr__(self):
            nonlocal count
            count += 1
            return f'cell{count}'
    return Counts, lambda: count
def SCENE():
    kind, read = SCENE_cells()
    one = kind()
    several = [one, [one], {'o': one}]
    seen = read()
    two = (one, 1)
    del one
    several.pop()
    seen = [read()]
    return several
""",
    """
def SCENE():
    def first(): pass
    first.__qualname__ = 'SCENE.<locals>.other'
    held = [first, first.__get__(1), len, [].append]
    first.__qualname__ = "quote'd\\nline"
    held[1:2] = [first.__call__]
    first.__name__ = 'unseen'
    first.attribute = held
    gen = unheard()
    gen.__qualname__ = 'gen é'
    held.append(gen)
    gen.__name__ = 'unseen'
    module = types.ModuleType('first')
    space = {'m': module}
    module.__name__ = 'second'
    del module.__name__
    module.__name__ = $v
    module.__dict__.clear()
    class Local: pass
    held[:] = [Local, Local.__init__, Local.__dict__]
    Local.__qualname__ = 'changed'
    Local.__module__ = 'elsewhere'
    Local.__module__ = 5
    del Local.__module__
    return held
""",
    """
class SCENE_Again:
    def __repr__(self):
        return repr(self)
def SCENE():
    # Shown by the tracer alone: near the recursion limit the reference is known to differ.
    again = {'again': [SCENE_Again()]}
    x = $v
    del again
    return x
""",
]
