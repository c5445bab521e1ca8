"""A small deterministic machine for a subset of Python: functions, ``if``, ``while``, ``for``, plain values.

It takes a step before each statement and each test of a loop, as CPython reports LINE events, and shows its whole
stack at each.  Anything outside of the subset is refused, not guessed: exceptions are never caught, nothing is
imported, no attribute but a listed method is read.  That it agrees with CPython is tested.  Knows nothing of
certificates: see lasso.py.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from evals.termination import operations
from evals.termination.operations import Raised, Unproven

DEPTH = 40
"""Activations on the stack.  Endless recursion raises RecursionError in Python: it is neither a halt nor a loop."""
STEPS = 20_000
FUNCTION = "f"
REFUSED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Global, ast.Nonlocal, ast.Yield),
    *(ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Import, ast.ImportFrom, ast.Match),
)
"""What changes, wherever it stands in a function, what its names or the function itself mean."""


class _Flow(Enum):
    NEXT = auto()
    BREAK = auto()
    CONTINUE = auto()
    RETURN = auto()


@dataclass(slots=True)
class Activation:
    """A function at work: its next statement and its locals.

    ``whole``: nothing of that statement is half done, unless it is a call that is all of the statement's value.
    ``iterators`` are the ``for`` loops and comprehensions around it, which have hidden state.
    """

    function: str
    locals: dict[str, object]
    statement: ast.stmt
    whole: bool = True
    iterators: int = 0
    returned: object = None


@dataclass(frozen=True, slots=True)
class Program:
    """The functions of a module, which holds nothing else, and the arguments of the call of ``f``."""

    functions: Mapping[str, ast.FunctionDef]
    arguments: tuple[object, ...]

    @classmethod
    def of(cls, code: str, arguments: str) -> Program:
        """Read a program.  Raises Unproven for one that the machine does not run."""
        try:
            module = ast.parse(code)
            compile(module, "<program>", "exec", dont_inherit=True)  # what only the compiler finds: `break` alone
            call = ast.parse(f"f({arguments}\n)", mode="eval").body
            if not isinstance(call, ast.Call) or call.keywords or ast.unparse(call.func) != FUNCTION:
                raise Unproven("the input is not a plain argument list")
            given = tuple(ast.literal_eval(each) for each in call.args)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
            raise Unproven(f"does not parse: {error}") from None
        functions: dict[str, ast.FunctionDef] = {}
        for node in module.body:
            if not isinstance(node, ast.FunctionDef) or node.decorator_list or node.name in functions:
                raise Unproven(f"line {node.lineno}: the module holds more than plain functions")
            odd = [each for each in ast.walk(node) if isinstance(each, REFUSED) and each is not node]
            if odd:
                raise Unproven(f"{type(odd[0]).__name__} in {node.name} is not in the machine's subset")
            spec = node.args
            if node.returns or any(each.annotation for each in spec.args):
                raise Unproven(f"line {node.lineno}: {node.name} has annotations")
            if spec.vararg or spec.kwarg or spec.kwonlyargs or spec.posonlyargs or spec.defaults:
                raise Unproven(f"line {node.lineno}: {node.name} takes more than plain arguments")
            functions[node.name] = node
        if FUNCTION not in functions:
            raise Unproven(f"no function {FUNCTION}")
        operations.bounded(*given)
        return cls(functions, given)


class Machine:
    """Runs a program once; ``seen`` is called before each step with the machine, whose stack is as it stands then."""

    def __init__(self, program: Program, seen: Callable[[Machine], None], steps: int = STEPS) -> None:
        self.program = program
        self.stack: list[Activation] = []
        self.steps = 0
        self._seen, self._most = seen, steps
        self._names = {name: _bound(node) for name, node in program.functions.items()}

    def run(self) -> object:
        """What the call of ``f`` returns.  Raises Unproven, or Raised for an exception of the program's."""
        try:
            return self._call(FUNCTION, self.program.arguments)
        except RecursionError:
            raise Unproven("nested too deeply") from None

    def _call(self, name: str, given: Sequence[object]) -> object:
        function = self.program.functions[name]
        names = [each.arg for each in function.args.args]
        if len(names) != len(given):
            raise Raised(f"TypeError: {name}() takes {len(names)} arguments")
        if len(self.stack) == DEPTH:
            raise Unproven(f"more than {DEPTH} activations")
        self.stack.append(Activation(name, dict(zip(names, given, strict=True)), function.body[0]))
        self._block(function.body)
        return self.stack.pop().returned

    def _step(self, statement: ast.stmt) -> Activation:
        here = self.stack[-1]
        here.statement, here.whole = statement, True
        if self.steps == self._most:
            raise Unproven(f"more than {self._most} steps")
        self._seen(self)
        self.steps += 1
        return here

    def _block(self, body: Iterable[ast.stmt]) -> _Flow:
        for statement in body:
            flow = self._statement(statement)
            if flow is not _Flow.NEXT:
                return flow
        return _Flow.NEXT

    def _statement(self, node: ast.stmt) -> _Flow:
        if isinstance(node, ast.While):
            return self._while(node)
        if isinstance(node, ast.For):
            return self._for(node)
        here = self._step(node)
        if isinstance(node, ast.If):
            return self._block(node.body if self._value(node.test) else node.orelse)
        if isinstance(node, ast.Return):
            here.returned = self._value(node.value) if node.value else None
            return _Flow.RETURN
        if isinstance(node, ast.Assign):
            value = self._value(node.value)
            for target in node.targets:
                self._assign(target, value)
        elif isinstance(node, ast.AugAssign):
            self._augment(node)
        elif isinstance(node, ast.Expr):
            self._value(node.value)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._delete(target)
        elif isinstance(node, ast.Break):
            return _Flow.BREAK
        elif isinstance(node, ast.Continue):
            return _Flow.CONTINUE
        elif not isinstance(node, ast.Pass):
            raise Unproven(f"line {node.lineno}: {type(node).__name__} is not in the machine's subset")
        return _Flow.NEXT

    def _while(self, node: ast.While) -> _Flow:
        while True:
            self._step(node)
            if not self._value(node.test):
                return self._block(node.orelse)
            flow = self._block(node.body)
            if flow is _Flow.RETURN:
                return flow
            if flow is _Flow.BREAK:
                return _Flow.NEXT

    def _for(self, node: ast.For) -> _Flow:
        here = self._step(node)
        items = self._iterator(self._value(node.iter))
        here.iterators += 1
        while True:
            found, item = self._next(items)
            if not found:
                here.iterators -= 1
                return self._block(node.orelse)
            self._assign(node.target, item)
            flow = self._block(node.body)
            if flow is _Flow.RETURN or flow is _Flow.BREAK:
                here.iterators -= 1
                return flow if flow is _Flow.RETURN else _Flow.NEXT
            self._step(node)

    def _iterator(self, many: object) -> Iterable[object]:
        try:
            return iter(many)  # type: ignore[call-overload, no-any-return]
        except TypeError as error:
            raise Raised(f"TypeError: {error}") from None

    def _next(self, items: Iterable[object]) -> tuple[bool, object]:
        try:
            return True, next(items)  # type: ignore[call-overload]
        except StopIteration:
            return False, None
        except RuntimeError as error:
            raise Raised(f"RuntimeError: {error}") from None

    def _assign(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            self.stack[-1].locals[target.id] = value
        elif isinstance(target, ast.Tuple):
            operations.bounded(value)
            items = list(self._iterator(value))
            if len(items) != len(target.elts):
                raise Raised("ValueError: as many values as names are wanted")
            for each, item in zip(target.elts, items, strict=True):
                self._assign(each, item)
        elif isinstance(target, ast.Subscript):
            many, key = self._value(target.value), self._value(target.slice)
            operations.store(many, key, value)
        else:
            raise Unproven(f"line {target.lineno}: such a target is not in the machine's subset")

    def _augment(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            left = self._named(node.target)
            self.stack[-1].locals[node.target.id] = operations.binary(node.op, left, self._value(node.value), True)
        elif isinstance(node.target, ast.Subscript):
            many, key = self._value(node.target.value), self._value(node.target.slice)
            left = operations.subscript(many, key)
            operations.store(many, key, operations.binary(node.op, left, self._value(node.value), True))
        else:
            raise Unproven(f"line {node.lineno}: such a target is not in the machine's subset")

    def _delete(self, target: ast.expr) -> None:
        if not isinstance(target, ast.Subscript):
            raise Unproven(f"line {target.lineno}: such a `del` is not in the machine's subset")
        operations.remove(self._value(target.value), self._value(target.slice))

    def _named(self, node: ast.Name) -> object:
        here = self.stack[-1]
        if node.id in here.locals:
            return here.locals[node.id]
        if node.id in self._names[here.function]:
            raise Raised(f"UnboundLocalError: {node.id}")
        raise Unproven(f"line {node.lineno}: the name {node.id} is not in the machine's subset")

    def _value(self, node: ast.expr) -> object:
        if isinstance(node, ast.Constant):
            operations.bounded(node.value)
            return node.value
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.BinOp):
            return operations.binary(node.op, self._value(node.left), self._value(node.right))
        if isinstance(node, ast.UnaryOp):
            return operations.unary(node.op, self._value(node.operand))
        if isinstance(node, ast.BoolOp):
            value: object = None
            for each in node.values:
                value = self._value(each)
                if bool(value) is isinstance(node.op, ast.Or):
                    break
            return value
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.IfExp):
            return self._value(node.body if self._value(node.test) else node.orelse)
        if isinstance(node, ast.List):
            return [self._value(each) for each in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple(self._value(each) for each in node.elts)
        if isinstance(node, ast.Dict) and None not in node.keys:
            entries = zip(node.keys, node.values, strict=True)
            return operations.table([(self._value(key), self._value(value)) for key, value in entries if key])
        if isinstance(node, ast.Subscript):
            return operations.subscript(self._value(node.value), self._value(node.slice))
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            return slice(*(self._value(each) if each else None for each in parts))
        if isinstance(node, ast.Call) and not node.keywords:
            return self._called(node)
        raise Unproven(f"line {node.lineno}: {type(node).__name__} is not in the machine's subset")

    def _compare(self, node: ast.Compare) -> object:
        left, found = self._value(node.left), None
        for kind, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator)
            found = operations.compared(kind, left, right)
            if not found:
                break
            left = right
        return found

    def _called(self, node: ast.Call) -> object:
        here = self.stack[-1]
        if isinstance(node.func, ast.Attribute):
            receiver = self._value(node.func.value)
            return operations.method(receiver, node.func.attr, [self._value(each) for each in node.args])
        if not isinstance(node.func, ast.Name) or node.func.id in self._names[here.function]:
            raise Unproven(f"line {node.lineno}: such a call is not in the machine's subset")
        given = [self._value(each) for each in node.args]
        if node.func.id not in self.program.functions:
            return operations.builtin(node.func.id, given)
        here.whole = _is_all_of(here.statement, node)
        return self._call(node.func.id, given)


def _is_all_of(statement: ast.stmt, call: ast.Call) -> bool:
    """Whether behind this call nothing is left to do for a statement but to return, drop or name what it gives."""
    if isinstance(statement, (ast.Return, ast.Expr)):
        return statement.value is call
    if isinstance(statement, ast.Assign):
        return statement.value is call and all(isinstance(target, ast.Name) for target in statement.targets)
    return False


def _bound(function: ast.FunctionDef) -> frozenset[str]:
    """The names that are local in a function."""
    stored = {
        each.id for each in ast.walk(function) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)
    }
    return frozenset(stored | {each.arg for each in function.args.args})
