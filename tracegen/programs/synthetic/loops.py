"""Writes loops: over a container, over its indexes, over a range; and while loops, each with something that runs out.

Knows nothing of what comes before or after a loop: see shapes.py.
"""

from __future__ import annotations

from .scope import Variable, element, value_of
from .statements import Statements


def _sources(s: Statements, acc: Variable | None, *starts: str) -> list[Variable]:
    return [v for v in s.scope.variables if v.kind.startswith(starts) and not v.indexes and v is not acc]


def header(s: Statements, acc: Variable | None) -> tuple[str, list[tuple[str, str, str]], Variable | None]:
    """The head of a for loop; the variables it binds as (kind, role, indexes); what it runs over, if a variable.

    The head has ``{}`` for the names.
    """
    sequences = _sources(s, acc, "str", "list", "tuple[")
    dicts = _sources(s, acc, "dict")
    numbers = [v for v in s.scope.of("int") if not v.indexes and v is not acc]
    forms = [(9 if numbers else 0, "times"), (3, "literal"), (1, "few")]
    if sequences:
        forms += [(62, "each"), (24, "indexes"), (6, "enumerate"), (9, "part"), (7, "down"), (4, "step"), (5, "made")]
        forms += [(2, "reversed"), (6 if len(sequences) > 1 else 0, "zip")]
    if dicts:
        forms += [(110, "items"), (40, "keys"), (8, "values"), (4, "key list")]
    form = s.chance.weighted(forms)
    if form == "literal":
        return f"for {{}} in {s.write('quoted_marks')}:", [("piece", "piece", "")], None
    if form == "few":
        return f"for {{}} in range({s.literals.small() + 1}):", [("int", "index", "")], None
    if form == "times":
        n = s.scope.choose(numbers)
        shape = s.chance.weighted(
            [(8, "range({})"), (2, "range(1, {})"), (2, "range(1, {} + 1)"), (1, "range({}, 0, -1)")]
        )
        return f"for {{}} in {shape.format(n.name)}:", [("int", "index", "")], None
    if form in ("items", "keys", "values", "key list"):
        d = s.scope.choose(dicts)
        key, value = (element(d.kind), "key", ""), (value_of(d.kind), "value", "")
        if form == "items":
            return f"for {{}}, {{}} in {d.name}.items():", [key, value], d
        if form == "values":
            return f"for {{}} in {d.name}.values():", [value], d
        text = s.chance.pick((d.name, d.name, f"{d.name}.keys()")) if form == "keys" else f"list({d.name})"
        return f"for {{}} in {text}:", [key], d if form == "keys" else None
    v = s.scope.choose(sequences)
    return _over(s, form, v, sequences)


def _over(
    s: Statements, form: str, v: Variable, sequences: list[Variable]
) -> tuple[str, list[tuple[str, str, str]], Variable | None]:
    role = {"list[str]": "word", "str": "piece"}.get(v.kind, "element")
    each, index = (element(v.kind), role, ""), ("int", "index", v.name)
    if form == "each":
        return f"for {{}} in {v.name}:", [each], v
    if form == "indexes":
        return f"for {{}} in range(len({v.name})):", [index], None
    if form == "enumerate":
        return f"for {{}}, {{}} in enumerate({v.name}):", [index, each], v
    if form == "part":
        shape = s.chance.pick(
            ("range(len({}) - 1)", "range(1, len({}))", "range(len({}) // 2)", "range(1, len({}) - 1)")
        )
        return f"for {{}} in {shape.format(v.name)}:", [index], None
    if form == "down":
        return f"for {{}} in range(len({v.name}) - 1, -1, -1):", [index], None
    if form == "step":
        return f"for {{}} in range({s.chance.pick(('0', '0', '1'))}, len({v.name}), 2):", [index], None
    if form == "reversed":
        return f"for {{}} in reversed({v.name}):", [each], v
    if form == "zip":
        other = s.scope.choose([w for w in sequences if w is not v])
        second = (element(other.kind), "element", "")
        return f"for {{}}, {{}} in zip({v.name}, {other.name}):", [each, second], v
    if v.kind == "str":
        words = s.chance.pick((".split()", ".splitlines()", ".lower()", ".strip()"))
        kind = ("str", "word", "") if "spl" in words else each
        return f"for {{}} in {v.name}{words}:", [kind], None
    shape = s.chance.pick(("{}[1:]", "{}[:-1]", "sorted({})", "{}[:]", "{}[::-1]", "{}.copy()"))
    return f"for {{}} in {shape.format(v.name) if v.kind.startswith('list') else v.name}:", [each], None


def for_loop(s: Statements, acc: Variable | None, level: int = 0) -> None:
    """A for loop that gathers into ``acc``, or changes what is there; it may return early."""
    head, binds, source = header(s, acc)
    there = len(s.scope.variables)
    was_fixed = source.fixed if source is not None else False
    if source is not None:
        source.fixed = True
    # The names are bound before the block begins; they go when it ends.
    variables = [s.scope.new(kind, role, indexes, fixed=True) for kind, role, indexes in binds]
    x = variables[-1]
    x.kind = x.kind or "int"
    with s.block(head.format(*(v.name for v in variables))):
        loop_body(s, acc, x, level)
    if source is not None:
        source.fixed = was_fixed
    s.scope.leave(there)


def search_loop(s: Statements, kind: str) -> None:
    """A for loop that returns what it finds."""
    head, binds, _ = header(s, None)
    there = len(s.scope.variables)
    variables = [s.scope.new(kind, role, indexes, fixed=True) for kind, role, indexes in binds]
    with s.block(head.format(*(v.name for v in variables))):
        for _ in range(s.chance.weighted([(5, 1), (1, 2)])):
            with s.block(f"if {s.condition(variables[-1])}:"):
                s.returns(kind, 45)
    s.scope.leave(there)


def loop_body(s: Statements, acc: Variable | None, x: Variable, level: int) -> None:
    """What a loop does with each element."""
    nested = 3 if level == 0 else 0
    form = s.chance.weighted(
        [(26, "plain"), (34, "if"), (14, "else"), (14, "let"), (14, "two"), (nested, "nested"), (4, "break"),
         (2, "continue"), (5, "return"), (1, "try")]
    )  # fmt: skip
    if form == "let":
        changed = s.let(x.kind if x.kind in ("str", "int", "list[int]") else "str")
        x = changed
    if form == "nested":
        for_loop(s, acc, level + 1)
        return
    if form in ("break", "continue", "return"):
        with s.block(f"if {s.condition(x)}:"):
            if form == "return":
                s.returns("bool" if acc is None else acc.kind, 70)
            else:
                s.line(form)
    if form == "try":
        _try_in_loop(s, acc, x)
    elif form in ("if", "else"):
        with s.block(f"if {s.condition(x)}:"):
            act(s, acc, x)
        if form == "else":
            clause = f"elif {s.condition(x)}:" if s.chance.often(15) else "else:"
            with s.block(clause):
                act(s, acc, x)
    else:
        act(s, acc, x)
        if form == "two":
            act(s, acc, x)


def _try_in_loop(s: Statements, acc: Variable | None, x: Variable) -> None:
    with s.block("try:"):
        number = f"int({x.name})" if x.kind in ("str", "piece") else f"{s.write('number', 5)} // {x.name}"
        if acc is not None and acc.kind.startswith("list"):
            s.line(f"{acc.name}.append({number})")
        else:
            s.line(f"{s.scope.new('int', 'new').name} = {number}")
            act(s, acc, x)
    with s.block(f"except {s.chance.pick(('ValueError', 'Exception', '(ValueError, TypeError, ZeroDivisionError)'))}:"):
        if s.chance.often(50):
            s.line(s.chance.pick(("continue", "pass")))
        else:
            act(s, acc, x)


def act(s: Statements, acc: Variable | None, x: Variable) -> None:
    """Gather, if there is something to gather in; else change something."""
    if acc is not None and s.chance.often(88):
        s.gather(acc, x)
    elif x.indexes and s.chance.often(60):
        sequence = next((v for v in s.scope.variables if v.name == x.indexes), None)
        if sequence is None or not sequence.kind.startswith("list[") or sequence.fixed:
            s.line(s.write("change"))
            return
        place, last = f"{sequence.name}[{x.name}]", f"{sequence.name}[-1]"
        new = s.about(x, element(sequence.kind))
        forms = [(10, f"{place} = {new}"), (3, f"{place}, {last} = {last}, {place}"), (3, f"{place} += {new}")]
        s.line(s.chance.weighted(forms))
    elif s.chance.often(75) or not s.deed():
        s.line(s.write("change"))


def while_loop(s: Statements, acc: Variable | None) -> None:
    """A while loop in which something runs out."""
    lists = [v for v in s.scope.may_change() if v.kind.startswith("list") and v is not acc]
    dicts = [v for v in s.scope.may_change() if v.kind.startswith("dict") and v is not acc]
    texts = [v for v in s.scope.of("str", own=True) if v is not acc]
    numbers = [v for v in s.scope.of("int", own=True) if v is not acc]
    forms = [
        (8 if lists or texts else 0, "index"),
        (8 if numbers else 0, "count down"),
        (5 if numbers else 1, "digits"),
    ]
    forms += [(24 if lists else 0, "empty"), (6 if lists else 0, "shrink"), (5 if lists else 0, "member")]
    forms += [(24 if dicts else 0, "items")]
    forms += [(12 if texts else 0, "strip"), (10 if texts else 0, "find"), (6 if texts else 0, "cut"), (3, "forever")]
    form = s.chance.weighted(forms)
    if form == "index":
        _by_index(s, acc, s.scope.choose(lists + texts))
    elif form == "count down":
        n = s.scope.choose(numbers)
        with s.block(f"while {n.name} > {s.chance.pick(('0', '0', '1'))}:"):
            loop_body(s, acc, n, 1) if acc else s.line(s.write("change"))
            s.line(f"{n.name} {s.chance.pick(('-= 1', '-= 2', '//= 2'))}")
    elif form == "digits":
        _digits(s, acc, numbers)
    elif form in ("empty", "shrink", "member"):
        _by_emptying(s, acc, s.scope.choose(lists), form)
    elif form == "items":
        _by_items(s, acc, s.scope.choose(dicts))
    elif form == "forever":
        n = s.scope.new("int")
        s.line(f"{n.name} = {s.chance.between(2, 6)}")
        with s.block("while True:"):
            n.fixed = True
            act(s, acc, n)
            s.line(f"{n.name} -= 1")
            with s.block(f"if {n.name} <= 0:"):
                s.line("break")
    else:
        _by_cutting(s, acc, s.scope.choose(texts), form)


def _by_index(s: Statements, acc: Variable | None, v: Variable) -> None:
    i = s.scope.new("int", "index", v.name, fixed=True)
    s.line(f"{i.name} = 0")
    was, v.fixed = v.fixed, True
    with s.block(f"while {i.name} < len({v.name}){s.chance.pick(('', '', '', ' - 1'))}:"):
        if s.chance.often(15):
            with s.block(f"if {s.condition(i)}:"):
                s.line("break")
            act(s, acc, i)
        else:
            loop_body(s, acc, i, 1) if acc else s.line(s.write("change"))
        s.line(f"{i.name} += {s.chance.pick(('1', '1', '1', '2'))}")
    v.fixed = was


def _digits(s: Statements, acc: Variable | None, numbers: list[Variable]) -> None:
    if numbers:
        name = s.scope.choose(numbers).name
    else:
        name = s.scope.new("int").name
        s.line(f"{name} = {s.write('int', 0, 1)}")
    with s.block(f"while {name} > 0:"):
        digit = s.scope.new("int", "element", fixed=True)
        s.line(f"{digit.name} = {name} % 10")
        act(s, acc, digit)
        s.line(f"{name} //= 10")


def _by_emptying(s: Statements, acc: Variable | None, v: Variable, form: str) -> None:
    """The list is popped at each turn; nothing else may change it meanwhile."""
    v.fixed = True
    kind = element(v.kind)
    if form == "member":
        member = s.write(kind, 5, 1)
        with s.block(f"while {member} in {v.name}:"):
            s.line(f"{v.name}.remove({member})")
            if acc is not None and s.chance.often(60):
                s.gather(acc, None)
    else:
        test = f"len({v.name}) > {s.literals.small()}" if form == "shrink" or s.chance.often(35) else v.name
        with s.block(f"while {test}:"):
            x = s.scope.new(kind, "element" if kind != "str" else "word", fixed=True)
            s.line(f"{x.name} = {v.name}.pop({s.chance.pick(('', '', '0', '-1'))})")
            if form == "empty" or s.chance.often(50):
                act(s, acc, x)
    v.fixed = False


def _by_items(s: Statements, acc: Variable | None, v: Variable) -> None:
    """One item leaves the dict at each turn."""
    v.fixed = True
    with s.block(f"while {s.chance.pick((v.name, f'len({v.name}) > {s.literals.small()}'))}:"):
        key = s.scope.new(element(v.kind), "key", fixed=True)
        value = s.scope.new(value_of(v.kind), "value", fixed=True)
        s.line(f"{key.name}, {value.name} = {v.name}.popitem()")
        act(s, acc, value)
    v.fixed = False


def _by_cutting(s: Statements, acc: Variable | None, v: Variable, form: str) -> None:
    """A piece of the text is cut off at each turn, or searched for behind the last place."""
    piece = s.write("lasting")
    v.fixed = True
    if form == "strip":
        end = s.chance.often(30)
        with s.block(f"while {v.name}.{'endswith' if end else 'startswith'}({piece}):"):
            cut = f"[:-len({piece})]" if end else f"[len({piece}):]"
            s.line(f"{v.name} = {v.name}{cut}")
            if acc is not None and s.chance.often(60):
                s.gather(acc, None)
    elif form == "cut":
        with s.block(f"while {piece} in {v.name}:"):
            s.line(f"{v.name} = {v.name}.replace({piece}, {chr(39) * 2}, 1)")
            if acc is not None and s.chance.often(50):
                s.gather(acc, None)
    else:
        i = s.scope.new("int", "index", v.name, fixed=True)
        s.line(f"{i.name} = {v.name}.find({piece})")
        with s.block(f"while {i.name} != -1:"):
            act(s, acc, i)
            s.line(f"{i.name} = {v.name}.find({piece}, {i.name} + 1)")
    v.fixed = False
