"""Statements with holes for soup.py: what is done to a local of each kind, and what stands around such statements."""

from __future__ import annotations

# On a container n; {v} is a value, {h} a hashable one, {i} a small int, {c} a new container of its kind.
CHANGES: dict[str, list[str]] = {
    "list": [
        *("{n}.append({v})", "{n}.append({v})", "{n}.insert(0, {v})", "{n} and {n}.pop()", "{n} and {n}.pop(0)"),
        *(
            "del {n}[:1]",
            "del {n}[1:3]",
            "{n}[::2] = [{v}] * len({n}[::2])",
            "{n}[1:2] = [{v}, {v}]",
            "{n}.sort(key=str)",
        ),
        *(
            "{n}.reverse()",
            "{n}.clear()",
            "{n}.extend([{v}, {v}])",
            "{n} += [{v}]",
            "{n}[:] = {n}[::-1]",
            "{n} = {n} + [{v}]",
        ),
        *(
            "{n} = list({n})",
            "{n} and {n}.append({n}.pop(0))",
            "del {n}[6:]; {n} *= 2",
            "{n}[:1] = [{v}]",
            "{n}[-1:] = [{v}]",
        ),
        *("{n}[:1] = [list(x) if type(x) is list else x for x in {n}[:1]]", "{n} = [*{n}[:3], {v}]", "del {n}[::2]"),
        *("{n}[1:2] = [True]", "{n}[1:2] = [1]", "{n}[1:2] = [1.0]", "{n}[:2] = [0.0, -0.0]", "{n}[:2] = [-0.0, 0]"),
        *("{n}.append([{v}]); {n}[-1].append({v})", "for x_ in {n}:\n    if type(x_) is list: x_.append({i})"),
        *(
            "for x_ in {n}:\n    if type(x_) is dict: x_[{h}] = {v}",
            "{n}[:1], {n}[1:2] = {n}[1:2], {n}[:1]",
            "{n} += {n}[:2]",
        ),
        *(
            "{n} = [x_ for x_ in {n} if x_ is not None]",
            "{n}.append(({i}, [{v}]))",
            "{n}[0:1] = [{n}[0:1]]",
            "{n}.copy()",
        ),
    ],
    "dict": [
        *("{n}[{h}] = {v}", "{n}[{h}] = {v}", "{n}.pop({h}, None)", "{n}.update({{{h}: {v}}})", "{n}.update(a={v})"),
        *(
            "{n} and {n}.popitem()",
            "{n}[{h}] = {n}.pop({h}, {v})",
            "{n}.setdefault({h}, {v})",
            "{n}.clear()",
            "{n} = dict({n})",
        ),
        *(
            "{n} = dict(reversed(list({n}.items())))",
            "{n}[True] = {v}",
            "{n}[1] = {v}",
            "{n}.pop(1, 0); {n}[True] = {v}",
        ),
        *(
            "{n}[1.0] = {v}",
            "{n}['k'] = {n}.get('k')",
            "{n} = {{**{n}, {h}: {v}}}",
            "{n}['n'] = {{{h}: {v}}}",
            "{n}['l'] = [{v}]",
        ),
        *("if type({n}.get('l')) is list: {n}['l'].append({v})", "if type({n}.get('n')) is dict: {n}['n'][{h}] = {v}"),
        *(
            "if {n}: {n}[next(iter({n}))] = {v}",
            "if {n}: del {n}[next(iter({n}))]",
            "if {n}: {n}[next(reversed({n}))] = {v}",
        ),
        *(
            "if {n}: k_ = next(iter({n})); {n}[k_] = {n}.pop(k_)",
            "{n} = {{k_: {v} for k_ in {n}}}",
            "{n}[0] = {n}.pop(0, 0)",
        ),
        *("{n} = dict.fromkeys({n}, {v})", "while len({n}) > 3: {n}.popitem()", "{n}['l'] = list({n}.get('l') or [])"),
    ],
    "set": [
        *(
            "{n}.add({h})",
            "{n}.add({h})",
            "{n}.discard({h})",
            "{n} and {n}.pop()",
            "{n} |= {{{h}, {h}}}",
            "{n} &= {{{h}, {h}, 1}}",
        ),
        *(
            "{n}.clear(); {n}.update([{h}, {h}])",
            "{n} ^= {{{h}, {h}}}",
            "{n} -= {{{h}}}",
            "{n} = {{*{n}, {h}}}",
            "{n} = set({n})",
        ),
        *(
            "{n}.update(range(8))",
            "{n}.discard(1); {n}.add(True)",
            "{n}.add(1)",
            "{n}.add(1.0)",
            "{n} = {{x_ for x_ in {n}}}",
        ),
        *(
            "x_ = {n}.pop() if {n} else 0; {n}.add(x_)",
            "{n}.add(frozenset([{h}]))",
            "{n}.add(({h}, {h}))",
            "{n}.update(range(40, 0, -8))",
        ),
    ],
    "tuple": [
        *(
            "{n} = ({v},)",
            "{n} = ({v}, {v})",
            "{n} = {n} + ({v},)",
            "{n} = {n}[:2]",
            "{n} = ([{v}], *{n}[:3])",
            "{n} = tuple({n})",
        ),
        *(
            "for x_ in {n}:\n    if type(x_) is list: x_.append({i})",
            "{n} = ()",
            "{n} = ({n}, {i})",
            "{n} = ({{{h}: {v}}}, {n}[:1])",
        ),
    ],
    "bytearray": [
        *(
            "{n}.append({i} & 255)",
            "{n} += b'x\\\\'",
            "del {n}[:1]",
            "{n}.clear()",
            "{n}.reverse()",
            "{n}[:1] = b'\\'\"'",
            "{n} *= 2; del {n}[50:]",
        ),
    ],
    "int": [
        "{n} += 1",
        "{n} = -{n}",
        "{n} ^= 1",
        "{n} = True",
        "{n} = 1",
        "{n} = {i}",
        "{n} <<= 3; {n} %= 10 ** 30",
        "{n} = bool({n})",
    ],
    "float": ["{n} *= 2", "{n} = -{n}", "{n} = 1.0", "{n} = 0.0", "{n} = -0.0", "{n} /= 3", "{n} = {n} * 0"],
    "str": [
        "{n} += 'x'",
        "{n} = {n}.upper()",
        "{n} = {n} + '\\''",
        "{n} = {n}[::-1]",
        "{n} = f'{{{n}[:3]}}\\t{{{n}[:1]!r}}'",
        "{n} = {n}[:1] * 3",
    ],
    "any": [
        "{n} = {v}",
        "{n} = {v}",
        "{n} = {n}",
        "{n} = None",
        "{n} = [{n}]",
        "{n} = [{n}, {n}]",
        "{n} = {{'held': {n}}}",
    ],
}

SAYINGS = [
    "print(type({n}).__name__)",
    "assert type({n}) is not Own, 'never'",
    "print(type({n}) is int,\n    {i},\n    sep='')",
    "helper({i})",
    "helper(\n    [{i},\n     {h}])",
    "{n}",
    "pass",
    "o = lambda q={i}: [q, {i}]",
    "o = (lambda q: q)({i})",
    "o = f'{{{i}!r:>5}} {{SHARED!r:.9}} {{len(TABLE)}}'",
    "o = {i} if {n} is None else {h}",
    "o = sorted([3, 1, 2], key=lambda q: -q)",
]

# w_ is a cell.  3.13.0 crashes when a trace function reads a local that is a cell in one comprehension and none in
# another.
COMPREHENSIONS = [
    "{n} = [x_ for x_ in range(3)]",
    "{n} = [[x_, y_] for x_ in 'ab' for y_ in range(2) if y_]",
    "{n} = {{x_: [x_] for x_ in range(3)}}",
    "{n} = {{x_ % 2 for x_ in range(4)}}",
    "{n} = [x_ for x_ in 'ab' if [y_ for y_ in 'c']]",
    "{n} = list(x_ * 2 for x_ in range(3))",
    "{n} = [helper(x_) for x_ in range(2)]",
    "{n} = [lambda: w_ for w_ in range(2)]; {n}[0]()",
    "{n} = [({v}, x_) for x_ in [[y_ for y_ in range(2)] for z_ in range(2)]]",
    "{n} = any(x_ > 1 for x_ in range(5))",
    "{n} = sum(x_ for x_ in range(3))",
    "{n} = dict((x_, {h}) for x_ in 'ab')",
]
LOOPS = [
    "for i in range(3):",
    "for i, j in enumerate('ab'):",
    "for i in [1, True, 1.0]:",
    "for i in (n for n in range(2)):",
    "for i in {'a': 1, 'b': 2}:",
    "for (i, *j) in [(1, 2, 3), 'xy']:",
]
LOOP_ENDS = [[], [], ["if i == 1: break"], ["if i: continue", "last = i"], ["break"]]
FAILURES = [
    *("raise ValueError('v')", "{}['missing']", "[][1]", "1 / 0", "int('x')", "undefined", "raise Own('o')", "None.a"),
    *("pass", "raise Odd", "raise KeyError from None", "raise ValueError from KeyError('cause')", "assert False, [1]"),
    *("'x'.encode('ascii', 'none')", "next(iter(()))", "[1].remove(2)", "float('x')", "raise Exception('a', [1])"),
]
HANDLERS = ["BaseException as error", "Exception as e", "(ValueError, KeyError, Own, Exception) as a", "BaseException"]
WITHS = [
    "with contextlib.suppress(Exception):",
    "with contextlib.suppress(Exception), contextlib.suppress(KeyError) as entered:",
    "with contextlib.suppress(BaseException) as entered:",
    "with Manager('m', True) as entered:",
]
