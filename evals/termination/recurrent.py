"""Recurrent sets: states of a loop that are reached once, let the loop go on, and lead to states of the same set.

A set is a conjunction of ``a >= b`` (also ``>``, ``<``, ``<=``, ``==``) and ``a % m == r`` over the loop's integers,
where a and b are linear.  The checker finds everything else in the syntax tree and proves it; its grammar is closed:

* the loop is a ``while`` of the function ``f``, its test ``True`` or an ``and`` of comparisons of linear expressions;
* its body is made of ``pass``, ``x = e``, ``x += e``, ``x -= e`` and ``x *= constant`` with linear e, ``if`` with any
  number of branches on comparisons, ``and``, ``or``, ``not`` and ``x % constant`` of them, ``continue``, and
  ``xs.append(e)`` of a list that the body binds no other way; ``break`` and ``return`` only where no state of the set
  comes;
* every name in it but such a list is an integer, no bool and no float, when the loop is reached.

What is proved: a run of the machine comes to the loop in a state of the set; the set implies the test; every path
through the body leads from the set into the set.  Integers are unbounded, as Python's are.  Anything else is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evals.termination.lasso import observed
from evals.termination.linear import Linear, contradict, follows
from evals.termination.machine import FUNCTION, Machine, Program
from evals.termination.operations import Raised, Unproven

PATHS = 64
REACHED = 5_000
"""Steps within which a run must come to the loop."""


class Refused(Exception):
    """Why a set proves nothing."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """The fact ``expression % modulus == rest``."""

    expression: Linear
    modulus: int
    rest: int


@dataclass(frozen=True, slots=True)
class _Path:
    """What a path through the body assumes (each ``>= 0``), and the names' values at its end."""

    assumed: tuple[Linear, ...]
    values: dict[str, Linear]


def prove(program: Program, line: int, members: Sequence[str]) -> None:
    """Prove that the loop at ``line`` is reached in the set and never left.  Raises Refused, saying what fails."""
    function = program.functions[FUNCTION]
    loops = [node for node in ast.walk(function) if isinstance(node, ast.While) and node.lineno == line]
    if len(loops) != 1:
        raise Refused(f"line {line} of {FUNCTION} has no loop to prove")
    [loop] = loops
    if not members:
        raise Refused("the set is empty of facts")
    facts, remainders = _set(members)
    lists = _lists(loop)
    names = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name)} - lists
    names |= {name for fact in facts for name, _ in fact.terms}
    names |= {name for each in remainders for name, _ in each.expression.terms}
    _reach(program, loop, names, lists, facts, remainders)
    _implied(loop.test, facts, remainders)
    start = _Path(tuple(facts), {name: Linear.name(name) for name in names})
    for number, path in enumerate(_block(loop.body, start)):
        if number == PATHS:
            raise Refused("too many paths through the body")
        _closed(path, facts, remainders)


def _closed(path: _Path, facts: Sequence[Linear], remainders: Sequence[Remainder]) -> None:
    for fact in facts:
        if not follows(path.assumed, fact.replaced(path.values)):
            raise Refused(f"the body leads out of the set: {_text(fact)} >= 0 is not kept")
    for each in remainders:
        change = each.expression.replaced(path.values).minus(each.expression)
        if change.constant % each.modulus or any(times % each.modulus for _, times in change.terms):
            raise Refused(f"the body leads out of the set: {_text(each.expression)} % {each.modulus} is not kept")


def _reach(
    program: Program,
    loop: ast.While,
    names: set[str],
    lists: set[str],
    facts: Sequence[Linear],
    remainders: Sequence[Remainder],
) -> None:
    """Run up to a state of the set at the loop."""
    why = ["the loop is never reached"]

    def seen(machine: Machine) -> bool:
        here = machine.stack[-1]
        if here.statement is not loop:
            return False
        held = {name: here.locals[name] for name in sorted(names) if name in here.locals}
        odd = [name for name, value in held.items() if type(value) is not int]
        missing = [name for name in sorted(names) if name not in held]
        if odd or missing:
            why[0] = f"{(odd or missing)[0]} is no integer when the loop is reached"
            return False
        if any(type(here.locals.get(name)) is not list for name in lists):
            why[0] = "what is appended to is no list"
            return False
        numbers = {name: value for name, value in held.items() if isinstance(value, int)}
        inside = all(fact.at(numbers) >= 0 for fact in facts)
        inside = inside and all(each.expression.at(numbers) % each.modulus == each.rest for each in remainders)
        if not inside:
            why[0] = "the loop is reached, but never in the set"
        return inside

    try:
        if observed(program, seen, REACHED) is not None:
            raise Refused(why[0])
    except (Unproven, Raised) as error:
        raise Refused(f"{why[0]}: {error}") from None


def _implied(test: ast.expr, facts: Sequence[Linear], remainders: Sequence[Remainder]) -> None:
    """Prove that the test holds in all of the set."""
    if isinstance(test, ast.Constant) and test.value is True:
        return
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for each in test.values:
            _implied(each, facts, remainders)
        return
    for left, kind, right in _comparisons(test):
        difference = left.minus(right)
        if isinstance(kind, ast.NotEq):
            apart = follows(facts, difference.add(-1)) or follows(facts, difference.times(-1).add(-1))
            proved = apart or any(_differs(difference, each) for each in remainders)
        else:
            proved = all(follows(facts, fact) for fact in _facts(difference, kind))
        if not proved:
            raise Refused(f"the set does not imply the test: {ast.unparse(test)}")


def _differs(difference: Linear, known: Remainder) -> bool:
    """Whether a remainder shows that a difference is not 0."""
    rest = difference.minus(known.expression)
    return not rest.terms and (known.rest + rest.constant) % known.modulus != 0


def _block(body: Sequence[ast.stmt], path: _Path) -> Iterator[_Path]:
    """The paths to the body's end, or to a ``continue``; none that no state of the set takes."""
    for place, node in enumerate(body):
        if isinstance(node, ast.Continue):
            break
        if isinstance(node, (ast.Break, ast.Return)):
            raise Refused(f"line {node.lineno}: the loop can be left")
        if isinstance(node, ast.If):
            # What follows an `if` follows both its branches: the rest of the body stands behind each.
            for branch, holds in ((node.body, True), (node.orelse, False)):
                for assumed in _cases(node.test, path.values, holds):
                    taken = _Path((*path.assumed, *assumed), path.values)
                    if not contradict(taken.assumed):
                        yield from _block([*branch, *body[place + 1 :]], taken)
            return
        path = _Path(path.assumed, _after(node, path.values))
    yield path


def _after(node: ast.stmt, values: dict[str, Linear]) -> dict[str, Linear]:
    """The names' values behind a plain statement."""
    if isinstance(node, ast.Pass):
        return values
    if isinstance(node, ast.Expr) and _appended(node):
        assert isinstance(node.value, ast.Call)
        _linear(node.value.args[0])
        return values
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return {**values, node.targets[0].id: _linear(node.value).replaced(values)}
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        whole = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return {**values, node.target.id: _linear(whole).replaced(values)}
    raise Refused(f"line {node.lineno}: such a statement is not in the grammar: {ast.unparse(node)}")


def _cases(test: ast.expr, values: dict[str, Linear], holds: bool) -> list[tuple[Linear, ...]]:
    """What may be assumed where a branch's test holds, or does not: one of these.  An empty one assumes nothing."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _cases(test.operand, values, not holds)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is holds:
            found: list[tuple[Linear, ...]] = [()]
            for each in test.values:
                found = [(*one, *more) for one in found for more in _cases(each, values, holds)]
                _few(found)
            return found
        return _few([case for each in test.values for case in _cases(each, values, holds)])
    if _is_remainder_test(test):
        return [()]
    parts = [(left.replaced(values).minus(right.replaced(values)), kind) for left, kind, right in _comparisons(test)]
    if holds:
        return [
            tuple(
                fact
                for difference, kind in parts
                if not isinstance(kind, ast.NotEq)
                for fact in _facts(difference, kind)
            )
        ]
    return [case for difference, kind in parts for case in _denied(difference, kind)]


def _few(cases: list[tuple[Linear, ...]]) -> list[tuple[Linear, ...]]:
    if len(cases) > PATHS:
        raise Refused("too many paths through the body")
    return cases


def _facts(difference: Linear, kind: ast.cmpop) -> list[Linear]:
    """What a comparison of a difference with 0 says, as facts ``>= 0``."""
    negative = difference.times(-1)
    if isinstance(kind, ast.GtE):
        return [difference]
    if isinstance(kind, ast.Gt):
        return [difference.add(-1)]
    if isinstance(kind, ast.LtE):
        return [negative]
    if isinstance(kind, ast.Lt):
        return [negative.add(-1)]
    if isinstance(kind, ast.Eq):
        return [difference, negative]
    raise Refused(f"{type(kind).__name__} is not in the grammar")


def _denied(difference: Linear, kind: ast.cmpop) -> list[tuple[Linear, ...]]:
    if isinstance(kind, ast.Eq):
        return [(difference.add(-1),), (difference.times(-1).add(-1),)]
    if isinstance(kind, ast.NotEq):
        return [(difference, difference.times(-1))]
    [fact] = _facts(difference, kind)
    return [(fact.times(-1).add(-1),)]


def _comparisons(test: ast.expr) -> list[tuple[Linear, ast.cmpop, Linear]]:
    if not isinstance(test, ast.Compare):
        raise Refused(f"such a test is not in the grammar: {ast.unparse(test)}")
    sides = [_linear(each) for each in (test.left, *test.comparators)]
    return [(sides[place], kind, sides[place + 1]) for place, kind in enumerate(test.ops)]


def _is_remainder_test(test: ast.expr) -> bool:
    """Whether it is ``e % m == r`` (or another comparison), of which nothing is assumed, and which cannot raise."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.left, ast.BinOp):
        return False
    if not isinstance(test.left.op, ast.Mod) or not _is_number(test.left.right) or not _is_number(test.comparators[0]):
        return False
    _linear(test.left.left)
    return _number(test.left.right) > 0 and isinstance(
        test.ops[0], (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    )


def _linear(node: ast.expr) -> Linear:
    """A linear expression over integers.  Raises Refused for anything else."""
    if _is_number(node):
        return Linear((), _number(node))
    if isinstance(node, ast.Name):
        return Linear.name(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _linear(node.operand).times(-1)
    if isinstance(node, ast.BinOp):
        left, right = _linear(node.left), _linear(node.right)
        if isinstance(node.op, ast.Add):
            return left.plus(right)
        if isinstance(node.op, ast.Sub):
            return left.minus(right)
        if isinstance(node.op, ast.Mult) and not (left.terms and right.terms):
            return left.times(right.constant) if not right.terms else right.times(left.constant)
    raise Refused(f"such an expression is not in the grammar: {ast.unparse(node)}")


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _number(node: ast.expr) -> int:
    assert isinstance(node, ast.Constant) and isinstance(node.value, int)
    return node.value


def _appended(node: ast.stmt) -> str | None:
    """The list that ``xs.append(e)`` appends to."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
        return None
    if (
        not isinstance(call.func, ast.Attribute)
        or call.func.attr != "append"
        or not isinstance(call.func.value, ast.Name)
    ):
        return None
    return call.func.value.id


def _lists(loop: ast.While) -> set[str]:
    """The names that are appended to, and used in no other way; used otherwise too, they would have to be integers."""
    appended = [name for node in ast.walk(loop) if isinstance(node, ast.stmt) and (name := _appended(node))]
    named = [node.id for node in ast.walk(loop) if isinstance(node, ast.Name)]
    return {name for name in appended if named.count(name) == appended.count(name)}


def _set(members: Sequence[str]) -> tuple[list[Linear], list[Remainder]]:
    facts: list[Linear] = []
    remainders: list[Remainder] = []
    for text in members:
        try:
            node = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Refused(f"the set does not parse: {text!r}") from None
        if _is_remainder_test(node):
            assert isinstance(node, ast.Compare) and isinstance(node.left, ast.BinOp)
            if not isinstance(node.ops[0], ast.Eq):
                raise Refused(f"a remainder in the set must be ==: {text!r}")
            rest = _number(node.comparators[0])
            remainders.append(Remainder(_linear(node.left.left), _number(node.left.right), rest))
        else:
            facts += [fact for a, kind, b in _comparisons(node) for fact in _facts(a.minus(b), kind)]
    return facts, remainders


def _text(fact: Linear) -> str:
    return " ".join([*(f"{times:+d}*{name}" for name, times in fact.terms), f"{fact.constant:+d}"])
