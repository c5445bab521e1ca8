"""The depth at which recursion fails."""

import sys
sys.setrecursionlimit(300)

def down(n):
    try:
        return down(n + 1)
    except RecursionError:
        return n

class Node:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return "Node(%d)" % self.n

    def down(self, n):
        self.n = n
        try:
            return self.down(n + 1)
        except RecursionError:
            return n, self.n

class Lasting:
    def __repr__(self):
        return repr(self)

class Nested:
    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return "<%r>" % (self.inner,)

def even(n):
    try:
        return odd(n + 1)
    except RecursionError:
        return n

def odd(n):
    items = [n]
    return even(items[0] + 1)

def generating(n):
    try:
        yield from generating(n + 1)
    except RecursionError:
        yield n

def plain(n):
    yield n
    for m in plain(n + 1):
        yield m

def unhandled(n):
    deepest[0] = n
    unhandled(n + 1)

def repr_near_the_limit():
    value = None
    for _ in range(400):
        value = Nested(value)
    try:
        return len(repr(value))
    except RecursionError as error:
        return type(error).__name__

def through_c(n):
    try:
        return max([n + 1], key=through_c) and deepest[0]
    except RecursionError:
        deepest[0] = n
        return n

deepest = [0]
for _ in range(3):
    print(down(0), Node(0).down(0), even(0), list(generating(0)))
    try:
        for reached in plain(0):
            pass
    except RecursionError:
        print(reached)
    try:
        unhandled(0)
    except RecursionError as error:
        print(deepest, error)
    through_c(0)
    print(deepest)
try:
    repr(Lasting())
except RecursionError as error:
    print(error)
print(repr_near_the_limit())
for limit in 60, 120, 1000:
    sys.setrecursionlimit(limit)
    print(limit, down(0), Node(0).down(0), sys.getrecursionlimit())
