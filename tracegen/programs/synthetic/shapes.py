"""Puts a function together: its parameters, its plan (straight, branches, a loop, recursion, try), its return.

Knows nothing of whether it runs: see trial.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance
from .literals import Literals
from .loops import for_loop, search_loop, while_loop
from .productions import SUM
from .scope import Variable, element, value_of
from .statements import Statements
from .wish import Wish


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of ``f``: what it is called, and what it takes."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Shaped:
    """A function as source, and what it takes."""

    code: str
    parameters: tuple[Parameter, ...]
    literals: Literals


def shaped(chance: Chance, wish: Wish) -> Shaped:
    """A new function ``f`` after a wish, not yet tried."""
    literals = Literals(chance)
    s = Statements(chance, literals, wish.result)
    variables = [
        s.scope.new(kind, "str" if kind == "str" else f"given {kind}" if place else "")
        for place, kind in enumerate(wish.kinds)
    ]
    parameters = tuple(Parameter(v.name, v.kind) for v in variables)
    before = _helper(s) if wish.plan == "helper" else []
    with s.block(f"def f({', '.join(p.name for p in parameters)}):"):
        _PLANS[wish.plan](s)
    return Shaped("\n".join(before + s.lines), parameters, literals)


def _kind(s: Statements, group: str) -> str:
    """A kind of a group (list, dict) that there is something of, or that text can be made into."""
    there = sorted({v.kind for v in s.scope.variables if v.kind.startswith(group)})
    if group == "list":
        return s.chance.pick(there) if there else ("list[str]" if s.scope.of("str") else "list[int]")
    if group == "dict":
        return s.chance.pick(there or ["dict[str,int]", "dict[str,str]", "dict[str,int]"])
    return group


def _wanted(s: Statements) -> str:
    """The kind of what the wish wants returned; empty values come about by themselves."""
    group = s.wanted.partition(",")[0]
    exact = {"list of int": "list[int]", "list of str": "list[str]"}.get(group)
    if exact or group in ("str", "int", "bool"):
        return exact or group
    if group == "tuple":
        return s.chance.pick(("tuple", "tuple", "tuple[str]"))
    if group == "other":
        return s.chance.pick(("None", "bytes", "float"))
    if s.wanted == "list":
        return s.chance.pick(("list[tuple]", "list[list[int]]", "list[mixed]"))
    return _kind(s, group)


def _there(s: Statements) -> list[Variable]:
    """The variables of the kind that is wanted."""
    kind = _wanted(s)
    return [v for v in s.scope.variables if v.kind == kind or (v.kind.startswith(kind) and kind in ("tuple", "list"))]


def _straight(s: Statements) -> None:
    s.returns(_wanted(s))


def _assigned(s: Statements) -> None:
    for _ in range(s.chance.weighted([(6, 1), (3, 2), (1, 3)])):
        s.prepare()
    s.returns(_latest(s) or _wanted(s))


def _latest(s: Statements) -> str:
    """The kind of the last variable, in two of three cases, so that it is not written in vain."""
    kind = s.scope.variables[-1].kind
    if s.chance.often(55) and not s.scope.variables[-1].indexes and kind != "table":
        return "str" if kind == "piece" else kind
    return ""


def _changed(s: Statements) -> None:
    containers = [v for v in s.scope.variables if v.kind.startswith(("list", "dict"))]
    if not containers and s.scope.of("str") and s.chance.often(70):
        s.line(f"{s.scope.new('list[str]').name} = list({s.write('subject')})")
    elif not containers or s.chance.often(25):
        s.prepare()
    for _ in range(s.chance.weighted([(6, 1), (4, 2), (1, 3)])):
        s.deed()
    changed = [v for v in s.scope.variables if v.kind.startswith(("list", "dict"))]
    if changed and s.chance.often(60):
        _returned(s, s.scope.choose(changed))
    else:
        s.returns(_wanted(s))


def _branches(s: Statements) -> None:
    if s.chance.often(35):
        s.prepare()
    kind = _wanted(s)
    form = s.chance.weighted([(40, "return"), (22, "else"), (14, "chain"), (12, "change"), (8, "assign"), (4, "deep")])
    with s.block(f"if {s.condition()}:"):
        if form == "change" and not s.deed():
            s.line(s.write("change"))
        elif form == "assign":
            s.prepare()
            s.returns(kind)
        elif form == "deep":
            with s.block(f"if {s.condition()}:"):
                s.returns(kind, 30)
            s.returns(kind)
        elif form != "change":
            s.returns(kind, 30)
    if form == "chain":
        for _ in range(s.chance.between(1, 2)):
            with s.block(f"{s.chance.pick(('if', 'elif'))} {s.condition()}:"):
                s.returns(kind, 30)
    if form == "else":
        with s.block("else:"):
            s.returns(kind, 30)
    else:
        if s.chance.often(20):
            s.prepare()
        s.returns(kind, 30)


def _loop(s: Statements) -> None:
    if s.chance.often(6):
        with s.block(f"if {s.condition()}:"):
            s.returns("str", 80)
    for _ in range(s.chance.weighted([(50, 0), (36, 1), (10, 2)])):
        s.prepare()
    if s.chance.often(75 if s.wanted == "bool" else 10):
        _search(s)
        return
    held = _there(s)
    acc = s.accumulator() if not held or s.chance.often(70) else None
    for_loop(s, acc)
    if s.chance.often(16):
        s.deed()
    _returned(s, acc or s.scope.choose(held))


def _search(s: Statements) -> None:
    """Return early from a loop, with something else behind it."""
    kind = _wanted(s)
    search_loop(s, kind)
    s.returns(kind, 75)


def _while(s: Statements) -> None:
    if s.chance.often(40):
        s.prepare()
    held = _there(s)
    acc = s.accumulator() if not held or s.chance.often(50) else None
    while_loop(s, acc)
    _returned(s, acc or s.scope.choose(held))


def _returned(s: Statements, v: Variable) -> None:
    """Return a variable, or what is made of it, as wanted."""
    v.uses += 1
    name, wanted = v.name, _wanted(s)
    forms: list[tuple[int, str]] = []
    if v.kind == wanted or v.kind.startswith("list" if s.wanted.startswith("list") else wanted):
        forms += [(70, name)]
    if wanted == "str" and v.kind.startswith("list"):
        glue, texts = s.write("glue"), v.kind == "list[str]"
        forms += [(60, f"{glue}.join({name})") if texts else (4, f"{glue}.join(map(str, {name}))")]
    if wanted == "str" and v.kind == "str":
        forms += [(14, s.write("str")), (3, f"{name}.strip()"), (3, f"{name}[:-1]")]
    if wanted == "str" and v.kind == "int":
        forms += [(5, f"str({name})")]
    if s.wanted.startswith("list"):
        if v.kind.startswith("list"):
            forms += [(2, f"sorted({name})"), (5, f"{name}[::-1]")]
        if v.kind.startswith("dict"):
            forms += [
                (6, f"list({name}.{s.chance.pick(('keys', 'values', 'items'))}())"),
                (2, f"sorted({name}.items())"),
            ]
    if wanted == "tuple":
        forms += [(4, f"({name}, {s.write('int', 0, 1)})")]
        if v.kind.startswith("list"):
            forms += [(2, f"tuple({name})")]
    if wanted == "int":
        if v.kind == "int":
            forms += [(5, s.write("int")), (4, f"{name} % {s.write('factor')}")]
        else:
            forms += [(4, f"len({name})"), (2 if v.kind.startswith("dict") else 0, f"max({name}.values(), default=0)")]
    if wanted == "bool":
        there = v.kind == "int"
        forms += [(4, f"{name if there else f'len({name})'} {s.chance.pick(('==', '>', '!='))} {s.write('int', 5, 1)}")]
    s.line(f"return {s.chance.weighted(forms) if forms else s.write(wanted)}")


def _risk(s: Statements) -> tuple[str, str, str]:
    """An expression that may raise, with the exception, and its kind."""
    first = s.scope.variables[0]
    name, kind = first.name, first.kind
    if kind == "str":
        piece = s.write("piece", 0, 1)
        return s.chance.pick(
            (
                (f"{name}.index({piece})", "ValueError", "int"),
                (f"int({name})", "ValueError", "int"),
                (f"{name}[{s.write('near')}]", "IndexError", "str"),
                (f"{name}.split({piece})[1]", "IndexError", "str"),
            )
        )
    if kind in ("list[int]", "list[str]"):
        inner = element(kind)
        return s.chance.pick(
            (
                (f"{name}.index({s.write(inner)})", "ValueError", "int"),
                (f"{name}.pop({s.write('near')})", "IndexError", inner),
                (f"{name}[{s.write('near')}]", "(IndexError, TypeError)", inner),
            )
        )
    if kind.startswith("dict"):
        return f"{name}[{s.write(element(kind))}]", s.chance.pick(("KeyError", "Exception")), value_of(kind)
    if kind == "int":
        return f"{s.write('int', 6, 1)} // {name}", "ZeroDivisionError", "int"
    return f"{name}[{s.literals.small()}]", "IndexError", "int" if kind == "tuple[int]" else kind


def _try(s: Statements) -> None:
    risky, error, kind = _risk(s)
    with s.block("try:"):
        if s.chance.often(50):
            s.line(f"return {risky}")
        else:
            name = s.scope.new(kind, "new").name
            s.line(f"{name} = {risky}")
            s.line(f"return {name}")
    with s.block(f"except {error}:"):
        s.returns(kind, 85)


def _recursion(s: Statements) -> None:
    """``f`` calls itself with less: a shorter text or list, a smaller number."""
    first, *rest = s.scope.variables
    name = first.name
    others = "".join(f", {v.name}" for v in rest)
    if first.kind == "int":
        with s.block(f"if {name} <= {s.chance.pick(('0', '1'))}:"):
            s.line(f"return {s.literal('int')}")
        less = s.chance.pick((f"{name} - 1", f"{name} // 2", f"{name} // 10"))
        s.line(f"return f({less}{others}) + {s.chance.pick((name, '1', f'{name} % 10'))}")
    elif first.kind == "str":
        with s.block(f"if {s.chance.pick((f'not {name}', f'len({name}) < 2', f'len({name}) == 0'))}:"):
            s.line(f"return {s.chance.pick((name, repr('')))}")
        if s.chance.often(50):
            with s.block(f"if {s.condition()}:"):
                s.line(f"return f({name}[1:]{others})")
        piece = s.chance.pick((f"{name}[0]", f"{name}[0].upper()", f"{name}[0] * 2"))
        s.line(f"return {s.chance.pick((f'f({name}[1:]{others}) + {piece}', f'{piece} + f({name}[1:]{others})'))}")
    else:
        with s.block(f"if {s.chance.pick((f'not {name}', f'len({name}) == 0'))}:"):
            s.line(f"return {'0' if first.kind == 'list[int]' else repr('')}")
        s.line(f"return {s.chance.pick((f'{name}[0]', f'{name}[-1]'))} + f({name}[1:]{others})")


def _helped(s: Statements) -> None:
    """``f`` calls its helper, with something that it makes of its arguments."""
    [helper] = [v for v in s.scope.variables if v.kind.startswith("call")]
    if s.chance.often(50):
        s.prepare()
    call = f"{helper.name}({s.write(s.wanted)})"
    s.line(f"return {s.chance.weighted([(3, call), (2, f'{call} + {s.write(s.wanted, SUM)}')])}")


def _helper(s: Statements) -> list[str]:
    """A function in front of ``f``, which may call it."""
    kind = s.wanted
    inner = Statements(s.chance, s.literals, kind)
    name = s.scope.new(f"call[{kind}]").name
    x = inner.scope.new(kind, "element")
    with inner.block(f"def {name}({x.name}):"):
        if s.chance.often(50):
            with inner.block(f"if {inner.condition(x)}:"):
                inner.line(f"return {inner.about(x, kind)}")
        inner.line(f"return {inner.about(x, kind)}")
    return [*inner.lines, ""]


_PLANS = {
    "straight": _straight,
    "assigned": _assigned,
    "changed": _changed,
    "branches": _branches,
    "loop": _loop,
    "while": _while,
    "try": _try,
    "recursion": _recursion,
    "helper": _helped,
}
