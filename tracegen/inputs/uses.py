"""What the body of a function does with its parameters, as evidence for their forms.

One walk over the tree, in the order of the text; variables that stand for a parameter, an element or a value of one
are followed through assignments and loops.  Runs nothing, and knows nothing of names or annotations.
"""

from __future__ import annotations

import ast

from tracegen.inputs import evidence
from tracegen.inputs.evidence import Row, row
from tracegen.inputs.following import EACH, KEY, TYPES, Followed, Use, called_name
from tracegen.inputs.shapes import Form


class Watch(Followed, ast.NodeVisitor):
    """Walks a body.  ``uses`` are those of the parameters, ``passed`` what was handed to which function."""

    def __init__(self, parameters: list[str]) -> None:
        super().__init__(parameters)
        self.passed: list[tuple[str, int | str, Use]] = []

    # -- Statements.

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind the targets."""
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)) and isinstance(node.value, (ast.Tuple, ast.List)):
                values = [self.use(each) for each in node.value.elts]
                for each, value in zip(target.elts, values, strict=False):
                    self.bind(each, value)
            else:
                self.bind(target, self.use(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """As the operation that it is."""
        self.visit(node.value)
        self.visit(node.target)
        self.binary(node.target, node.op, node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        """``del p[k]`` says what ``p`` is."""
        for each in node.targets:
            if isinstance(each, ast.Subscript):
                self.saw(each.value, evidence.DELETED)
                self.visit(each)

    def visit_For(self, node: ast.For) -> None:
        """Bind the target to the elements, and walk on."""
        self.loop(node.target, node.iter)
        for each in [*node.body, *node.orelse]:
            self.visit(each)

    def loop(self, target: ast.expr, over: ast.expr) -> None:
        """A loop over something, in a statement or a comprehension."""
        self.saw(over, evidence.ITERATED)
        self.visit(over)
        self.bind(target, self.elements(over))

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """Its names are its own."""
        before = dict(self.env)
        for each in node.generators:
            self.loop(each.target, each.iter)
            for test in each.ifs:
                self.visit(test)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)
        self.env = before

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = comprehension  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Its parameters hide names."""
        before = dict(self.env)
        for each in node.args.args:
            self.env[each.arg] = Use()
        self.visit(node.body)
        self.env = before

    # -- Expressions.

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """What is indexed, sliced or looked up in."""
        base = self.use(node.value)
        inner = node.slice
        if base is not None:
            if isinstance(inner, ast.Slice):
                base.saw(evidence.SLICED)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                base.saw(evidence.KEYED)
                base.part(f"[{inner.value}]")
            else:
                base.saw(evidence.INDEXED)
                index = self.use(inner) if isinstance(inner, ast.Name) else None
                looked = index is not None and index is base.parts.get(EACH)
                if (
                    looked
                    or self.form(inner) is Form.STR
                    or (isinstance(inner, ast.Call) and called_name(inner.func) in ("id", "lower", "upper"))
                ):
                    base.saw(evidence.LOOKED_UP)
        for bound in (inner.lower, inner.upper, inner.step) if isinstance(inner, ast.Slice) else (inner,):
            if bound is not None and isinstance(inner, ast.Slice):
                self.saw(bound, evidence.WHOLE)
            elif bound is not None and base is not None and isinstance(bound, ast.Name):
                found = self.use(bound)
                if found is not None:
                    base.part(KEY).like.append(found)
                    found.saw(row("INT STR:.3 / .02"))
                    found.flavours[Form.INDEX] += 1
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """What has which method or attribute."""
        base = self.use(node.value)
        if base is not None:
            if node.attr in evidence.METHODS:
                base.saw(evidence.METHODS[node.attr])
                if node.attr in ("isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower"):
                    base.flavours[Form.CHARACTER] += 1
            elif isinstance(node.value, ast.Name) or not base.rows:
                base.saw(evidence.OBJECT)
            base.attributes.add(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """What is called, and with what."""
        name = called_name(node.func)
        if isinstance(node.func, ast.Name):
            base = self.env.get(node.func.id)
            if base is not None:
                base.saw(evidence.CALLED)
                base.arity = len(node.args)
        for at, given in enumerate(node.args):
            if isinstance(given, ast.Starred):
                self.saw(given.value, evidence.SEQUENCE)
                break
            found = self.use(given)
            if found is not None:
                self.argument(node, name, at, found)
        for keyword in node.keywords:
            found = self.use(keyword.value)
            if found is not None and keyword.arg and isinstance(node.func, ast.Name):
                self.passed.append((node.func.id, keyword.arg, found))
        self.generic_visit(node)

    def argument(self, node: ast.Call, name: str, at: int, found: Use) -> None:
        """A value is an argument of a function or method."""
        if isinstance(node.func, ast.Attribute):
            holder = self.use(node.func.value)
            if at == 0 and name in evidence.ARGUMENTS:
                found.saw(evidence.ARGUMENTS[name])
            if name == "join" and at == 0:
                found.part(EACH).saw(evidence.TEXTUAL)
            if name in ("replace", "center", "ljust", "rjust") and at == 1:
                found.saw(evidence.TEXTUAL)
            if holder is not None and name in ("append", "remove", "index", "count", "add", "insert", "discard"):
                found.member_of += [holder] if at == (name == "insert") else []
            if holder is not None and name in ("get", "pop", "setdefault") and at == 0:
                found.saw(evidence.HASHED)
                holder.part(KEY).like.append(found)
            if name in ("match", "search", "sub", "findall", "fullmatch", "finditer") and at < 3:
                found.saw(evidence.TEXTUAL)
        else:
            self.passed.append((name, at, found))
        if name in ("map", "filter", "reduce") and at < 2:
            found.saw(evidence.CALLED if at == 0 else evidence.ITERATED)
            if at == 1 and ast.unparse(node.args[0]).startswith("str."):
                found.part(EACH).saw(evidence.TEXTUAL)
        elif name in ("bisect_left", "bisect_right", "bisect", "insort") and at == 0:
            found.flavours[Form.SORTED] += 3
        elif name == "isinstance" and at == 0 and len(node.args) == 2:
            wanted = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
            found.tested.update(
                dict.fromkeys(TYPES[each.id] for each in wanted if isinstance(each, ast.Name) and each.id in TYPES)
            )
        elif name in evidence.CALLS and (at == 0 or name in ("range", "zip", "gcd", "max", "min", "pow", "divmod")):
            if name in ("max", "min") and len(node.args) > 1:
                found.saw(evidence.ORDERED)
            else:
                found.saw(evidence.CALLS[name])
            found.flavours[Form.CHARACTER] += 4 if name == "ord" else 0
            found.flavours[Form.NATURAL] += 2 if name in ("range", "chr", "factorial", "sqrt", "isqrt", "log") else 0
            found.flavours[Form.DIGITS] += 2 if name in ("int", "float") else 0
            if name in ("sum", "fsum", "mean"):
                found.part(EACH).saw(evidence.NUMERIC)
            if name == "dict":
                found.part(EACH).saw(evidence.PAIRS)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Both sides of an operator."""
        self.binary(node.left, node.op, node.right)
        self.generic_visit(node)

    def binary(self, left: ast.expr, op: ast.operator, right: ast.expr) -> None:
        """What an operator says about its sides."""
        for one, other in ((left, right), (right, left)):
            found = self.use(one)
            if found is None or isinstance(one, ast.Constant):
                continue
            form, peer = self.form(other), self.use(other)
            if isinstance(op, ast.Add):
                numeric = form in (Form.INT, Form.FLOAT)
                found.saw(evidence.NUMERIC if numeric else row("INT FLOAT:.6 STR LIST:.7 TUPLES:.2 / .01"))
                if form in (Form.STR, Form.LIST, Form.BYTES):
                    found.saw(Row(((form, 1.0),), 0.01))
            elif isinstance(op, ast.Mult):
                found.saw(row("INT FLOAT:.7 STR:.15 LIST:.1 / .01"))
                if form in (Form.STR, Form.LIST):
                    found.saw(evidence.WHOLE)
                    found.flavours[Form.NATURAL] += 1
            elif isinstance(op, ast.Mod) and one is left:
                found.saw(row("INT FLOAT:.3 STR:.05 / .01"))
            elif isinstance(op, (ast.LShift, ast.RShift, ast.BitAnd, ast.BitXor, ast.BitOr)):
                found.saw(row("INT SET:.3 BOOL:.2 DICT:.02 / .01"))
            elif isinstance(op, ast.Sub):
                found.saw(row("INT FLOAT:.7 SET:.05 / .01"))
            elif not isinstance(op, ast.Mod) or self.form(left) is not Form.STR:
                found.saw(evidence.WHOLE if isinstance(op, ast.FloorDiv) else evidence.NUMERIC)
            if peer is not None and peer is not found and isinstance(op, (ast.Add, ast.Sub)):
                found.like.append(peer)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Each pair of a chain."""
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            self.compared(left, op, right)
            left = right
        self.generic_visit(node)

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        """What a comparison says about its sides."""
        one, other = self.use(left), self.use(right)
        if isinstance(op, (ast.In, ast.NotIn)):
            if other is not None and not isinstance(right, ast.Constant):
                other.saw(evidence.MEMBERED)
                if self.form(left) is Form.STR:
                    other.saw(row("STR LIST:.6 DICT:.6 SET:.5 TUPLES:.4 / .01"))
            if one is not None:
                if isinstance(right, ast.Constant) and isinstance(right.value, str):
                    one.saw(evidence.TEXTUAL)
                    one.flavours[Form.CHARACTER] += 1
                elif isinstance(right, (ast.Tuple, ast.List, ast.Set)):
                    for each in right.elts:
                        self.equal(one, each)
                elif other is not None:
                    one.member_of.append(other)
                else:
                    one.saw(evidence.HASHED)
        elif isinstance(op, (ast.Is, ast.IsNot)):
            for found, peer in ((one, right), (other, left)):
                if found is not None and isinstance(peer, ast.Constant) and peer.value is None:
                    found.saw(evidence.MAYBE_NONE)
        elif isinstance(op, (ast.Eq, ast.NotEq)):
            for found, peer in ((one, right), (other, left)):
                if found is not None:
                    self.equal(found, peer)
        else:
            for found, peer in ((one, right), (other, left)):
                if found is not None:
                    form = self.form(peer)
                    found.saw(evidence.NUMERIC if form in (Form.INT, Form.FLOAT) else evidence.ORDERED)
                    if form is Form.STR:
                        found.saw(evidence.TEXTUAL)
            if one is not None and other is not None:
                one.like.append(other)
                other.like.append(one)

    def equal(self, found: Use, peer: ast.expr) -> None:
        """A value is compared with another for being the same."""
        form = self.form(peer)
        if form is not None:
            found.saw(Row(((form, 1.0), (Form.FLOAT if form is Form.INT else form, 0.8)), 0.08))
        if isinstance(peer, ast.Constant) and isinstance(peer.value, str):
            found.texts[peer.value] = None
            if len(peer.value) == 1:
                found.flavours[Form.CHARACTER] += 1
        elif (other := self.use(peer)) is not None and other is not found:
            found.like.append(other)


def watched(node: ast.FunctionDef | ast.AsyncFunctionDef, parameters: list[str]) -> Watch:
    """A walk over a function's body; one that is too deep to be walked ends where it stands."""
    watch = Watch(parameters)
    try:
        for each in node.body:
            watch.visit(each)
    except RecursionError:
        # What was seen before is still true.
        pass
    return watch
