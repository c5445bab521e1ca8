"""Scenes of failing: exceptions through frames and C functions, handlers, finally, with, and what they leave."""

TEMPLATES = [
    """
def SCENE_low(n):
    kept = [n]
    if n == 0:
        raise $e
    if n == 1:
        return [][n]
    if n == 2:
        return {}[$h]
    if n == 3:
        return int('no')
    return undefined
def SCENE_middle(n):
    try:
        return SCENE_low(n)
    except $c as error:
        if n % 2:
            raise
        raise KeyError(n) from error
    else:
        return 'never'
    finally:
        n = None
def SCENE():
    seen = []
    for n in range(5):
        try:
            SCENE_middle(n)
        except BaseException as error:
            seen.append((type(error).__name__, error.__cause__, error.__context__ is None))
            held = error
    return seen
""",
    """
def SCENE_early():
    for n in range(3):
        try:
            if n == 1:
                return n
            continue
        finally:
            n = [n]
            if n == [0]:
                pass
def SCENE_swallows():
    try:
        raise $e
    finally:
        return $v
def SCENE_loops():
    for n in range(3):
        try:
            raise ValueError(n)
        finally:
            if n < 2:
                continue
            break
    return n
def SCENE():
    return SCENE_early(), SCENE_swallows(), SCENE_loops()
""",
    """
def SCENE():
    e = $v
    try:
        raise $e
    except $c as e:
        shown = e
    except BaseException as other:
        shown = [type(other)]
    try:
        e
    except NameError as error:
        shown = None
    try:
        pass
    except ValueError:
        shown = 1
    else:
        shown = 2
    finally:
        shown = [shown]
    return shown
""",
    """
class SCENE_Manager:
    def __init__(self, fails):
        self.fails = fails
    def __enter__(self):
        if self.fails == 1:
            raise ValueError('enter')
        return self
    def __exit__(self, kind, error, trace):
        if self.fails == 2:
            raise KeyError('exit')
        return self.fails == 3
def SCENE():
    seen = []
    for n in range(5):
        try:
            with SCENE_Manager(n) as entered, \\
                    SCENE_Manager(0):
                seen.append(n)
                raise $e
            seen.append('swallowed')
        except $c as error:
            seen.append(str(n))
        except BaseException:
            seen.append('base')
    return seen
""",
    """
def SCENE_again(error):
    try:
        raise error
    except BaseException as same:
        raise same
def SCENE():
    error = KeyError($v)
    for n in range($n):
        try:
            SCENE_again(error)
        except KeyError as caught:
            info = sys.exc_info()[0], caught.args
    nested = None
    try:
        try:
            raise ValueError
        except ValueError:
            nested = sys.exc_info()[1]
            raise KeyError from None
    except KeyError as outer:
        nested = outer.__context__, outer.__suppress_context__
    return nested, sys.exc_info()
""",
    '''
if sys.version_info >= (3, 11):
    exec(compile(r"""def SCENE():
    seen = []
    try:
        raise ExceptionGroup('group', [ValueError($v), KeyError(1), ExceptionGroup('in', [OSError(2)])])
    except* ValueError as group:
        seen.append(len(group.exceptions))
    except* (KeyError, OSError) as group:
        kept = group
        seen = [seen]
    else:
        seen = None
    finally:
        seen.append('finally')
    try:
        try:
            raise TypeError($i)
        except* ValueError:
            pass
    except TypeError as error:
        error.add_note('note')
        return error
""", '<program>', 'exec'), globals())
else:
    def SCENE():
        return 'old'
''',
    """
class SCENE_Iter:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if not self.n:
            raise $e
        self.n -= 1
        return [self.n]
class SCENE_Bad:
    def __bool__(self):
        raise ValueError('bool')
    def __eq__(self, other):
        raise KeyError('eq')
    def __hash__(self):
        return 1
    def __lt__(self, other):
        return SCENE_Bad()
def SCENE():
    got = None
    for attempt in (lambda: list(SCENE_Iter(2)), lambda: [x for x in SCENE_Iter(1)], lambda: not SCENE_Bad(),
                    lambda: {SCENE_Bad(): 1, SCENE_Bad(): 2}, lambda: sorted([SCENE_Bad(), SCENE_Bad()]),
                    lambda: SCENE_Bad() in [1], lambda: next(SCENE_Iter(0)), lambda: dict([1]), lambda: max(())):
        try:
            got = attempt()
        except StopIteration as stop:
            got = 'stopped'
        except BaseException as error:
            got = [error]
    return got
""",
    """
def SCENE(n=0):
    try:
        try:
            if n:
                raise ValueError(n)
            assert n, [$v,
                       $i]
        except ValueError as inner:
            raise
        finally:
            n += 1
    except AssertionError as failed:
        return SCENE(n), failed
    except ValueError:
        try:
            return 1 / 0
        except ZeroDivisionError:
            return 'zero'
        finally:
            n = [n]
            del n
""",
    """
def SCENE():
    errors = []
    while len(errors) < 3:
        try:
            try:
                errors.append(1)
                raise $e
            except $c:
                errors.append(2)
                if len(errors) > 2: break
                raise
            finally:
                errors.append($o)
        except BaseException as error:
            errors.append(type(error))
            continue
    else:
        errors = tuple(errors)
    raise $e
""",
    """
def SCENE_tail():
    raise $e
def SCENE_none():
    return None
def SCENE_with():
    with contextlib.suppress(KeyError):
        with Manager('x', False):
            yield
            raise KeyError
def SCENE():
    for n in range(3):
        for function in (SCENE_none, SCENE_tail, lambda: None, lambda: list(SCENE_with())):
            try: function()
            except BaseException: pass
    one = SCENE_with()
    next(one)
    try:
        one.throw($e)
    except BaseException as error:
        one = None
    return one
""",
]
