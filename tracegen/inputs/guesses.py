"""Evidence to shapes: a parameter's annotation, docstring type, name, default and uses, weighed.

Does not know how a shape is spelled, nor how evidence is gathered: see `uses`, `names`, `annotations`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from tracegen.inputs import shapes
from tracegen.inputs.annotations import shape_of, shape_of_class
from tracegen.inputs.definitions import Definitions
from tracegen.inputs.docstrings import mentioned_types
from tracegen.inputs.evidence import PRIOR, TINY, Row
from tracegen.inputs.families import FAMILY, family, form_of_literal, row_of, softly
from tracegen.inputs.following import EACH, KEY, VALUE, Use
from tracegen.inputs.names import VAGUE, shape_of_name
from tracegen.inputs.shapes import ANY, Form, Shape, choice, listed, mapped, union
from tracegen.inputs.signature import Kind, Parameter, Signature, function_in, parameters_of, parsed
from tracegen.inputs.uses import Watch, watched

NAMED, NAMED_VAGUELY, DEFAULTED = 0.06, 0.35, 0.03
"""How likely a value is of another form than its name, a vague name, or its default says."""

LEAST = 0.02
"""A form that is less likely than this share is left to the tail that tries anything."""

DEEPEST = 4
MOST_KEYS = 12


@dataclass(frozen=True, slots=True)
class Guess:
    """``shape`` is what a parameter most likely takes, ``told``: whether an annotation or a docstring says so."""

    shape: Shape
    told: bool = False


class Guesser:
    """Guesses the shapes of a signature's parameters; reads its source once."""

    def __init__(
        self, signature: Signature, known: Definitions, documented: Mapping[str, str], alike: Mapping[str, Shape]
    ) -> None:
        self.known = known
        self.documented = documented
        self.alike = alike
        self.mentioned = mentioned_types(signature.docstring, [each.name for each in signature.parameters])
        tree = parsed(signature.source)
        self.node = function_in(tree, signature.function) if tree is not None else None
        names = [each.name for each in signature.parameters]
        self.watch = watched(self.node, names) if self.node is not None else Watch(names)
        self.own = signature.function.rpartition(".")[0]
        for name, place, use in self.watch.passed:
            self._hop(name, place, use, signature.function)

    def _hop(self, helper: str, place: int | str, use: Use, caller: str) -> None:
        """Give a value the uses that a helper of the module makes of it; its annotation counts as one."""
        node = self.known.functions.get(helper)
        if node is None or node is self.node or helper == caller:
            return
        parameters = parameters_of(node)
        for at, each in enumerate(parameters):
            if place in (at, each.name) or (each.kind is Kind.VAR_POSITIONAL and isinstance(place, int) and place > at):
                shape = shape_of(each.annotation, self.known)
                if shape == ANY:
                    inner = watched(node, [each.name]).uses[each.name]
                    use.rows += inner.rows
                    use.flavours += inner.flavours
                    use.texts.update(inner.texts)
                    for name, part in inner.parts.items():
                        use.part(name).rows += part.rows
                else:
                    use.saw(row_of(shape, 0.01))

    def guess(self, parameter: Parameter) -> Guess:
        """The shape of a parameter; of ``*args`` that of each, of ``**kwargs`` a record of what it is passed on as."""
        use = self.watch.uses.get(parameter.name) or Use()
        alike = self.alike.get(parameter.name)
        if parameter.kind is Kind.VAR_KEYWORD:
            return Guess(self.keywords(parameter.name, use))
        if parameter.kind is Kind.VAR_POSITIONAL:
            shape = shape_of(parameter.annotation, self.known)
            if shape == ANY:
                shape = alike or self.mixture(
                    self.weighed(use.part(EACH), parameter.name.rstrip("s")), use.part(EACH), None, 1
                )
            return Guess(shape)
        found = self._guess(parameter, use)
        return found if alike is None or alike == ANY else Guess(union({alike: 3, found.shape: 1}), found.told)

    def keywords(self, name: str, use: Use) -> Shape:
        """What may be given by names of the caller's choice: what the helper takes, or the body looks up."""
        looked_up = [part[1:-1] for part in map(str, use.parts) if part.startswith("[")]
        taken: dict[str, Shape] = {key: shape_of_name(key) or ANY for key in looked_up if key.isidentifier()}
        for node in ast.walk(self.node) if self.node is not None else []:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            given = {each.arg for each in node.keywords}
            if any(each.arg is None and ast.unparse(each.value) == name for each in node.keywords):
                for each in self._taken_by(node.func.id):
                    if each.default is not None and each.name not in given:
                        taken[each.name] = self._optional(each)
        return Shape(Form.RECORD, tuple(taken.values()), tuple(taken))

    def _taken_by(self, name: str) -> tuple[Parameter, ...]:
        """What a function or a class of the module takes."""
        if name in self.known.functions:
            return parameters_of(self.known.functions[name])
        return self.known.classes[name].fields if name in self.known.classes else ()

    def _optional(self, each: Parameter) -> Shape:
        shape = shape_of(each.annotation, self.known)
        form = form_of_literal(each.default or "")
        if shape != ANY:
            return shape
        return Shape(form) if form is not None and form is not Form.NONE else shape_of_name(each.name) or ANY

    def _guess(self, parameter: Parameter, use: Use) -> Guess:
        if parameter.name == "self" and self.own in self.known.classes:
            return Guess(shape_of_class(self.own, self.known))
        for text in (parameter.annotation, self.documented.get(parameter.name)):
            shape = shape_of(text, self.known)
            if shape != ANY:
                return Guess(self.refined(shape, use, parameter.name), told=True)
        told = shape_of(self.mentioned.get(parameter.name), self.known)
        if told != ANY:
            use.saw(row_of(told if family(told) is not Form.CALLABLE else Shape(Form.CALLABLE), 0.1))
        weights = self.weighed(use, parameter.name, parameter.default)
        shape = self.mixture(weights, use, parameter.name, 0)
        if weights[Form.STR] < 0.9 and self._is_member(use):
            shape = union({Shape(Form.MEMBER, (shape,)): 1, shape: 1})
        return Guess(shape)

    def _is_member(self, use: Use) -> bool:
        """Whether a value is sought in a parameter, or compared with an element of one."""
        holders = [each for each in self.watch.uses.values() if each is not use]
        parts = [part for each in holders for part in each.parts.values()]
        return any(each in holders for each in use.member_of) or any(each in parts for each in use.like)

    # -- What is told, made more precise.

    def refined(self, shape: Shape, use: Use, name: str) -> Shape:
        """An annotation's shape, where it leaves something open filled in from the code."""
        if shape.form is Form.UNION:
            parts: dict[Shape, float] = {}
            for part, weight in zip(shape.parts, shape.weights, strict=True):
                part = self.refined(part, use, name)
                parts[part] = parts.get(part, 0) + weight
            return union(parts)
        if shape.form in (Form.INT, Form.STR) or (shape.parts and all(part == ANY for part in shape.parts)):
            return self.of_form(shape.form, use, name, 0)
        if shape.form is Form.LIST and use.flavours[Form.SORTED]:
            return Shape(Form.SORTED, shape.parts)
        return shape

    # -- What is inferred.

    def weighed(self, use: Use, name: str | None, default: str | None = None, hops: int = 1) -> dict[Form, float]:
        """The likelihood of each form, all evidence multiplied."""
        weights = dict(PRIOR)
        if not self.known.having(frozenset(use.attributes)):
            weights[Form.CALL] = TINY
        named = shape_of_name(name) if name else None
        if named is not None and name:
            row_of(named, NAMED_VAGUELY if name in VAGUE else NAMED).times(weights)
        for row in use.rows + [row for each in use.same for row in each.rows]:
            row.times(weights)
        if default is not None:
            told = form_of_literal(default)
            if told is Form.NONE:
                weights[Form.NONE] = 0.25 * max(weights.values())
            elif told is not None:
                Row(
                    ((told, 1.0), (Form.FLOAT if told is Form.INT else told, 1.0 if told is not Form.INT else 0.2)),
                    DEFAULTED,
                ).times(weights)
        if hops:
            for peer in use.like[:4]:
                softly(self.weighed(peer, self.name_of(peer), None, hops - 1), weights)
            for holder in use.member_of[:4]:
                self._as_member(holder, weights, hops)
        self._by_parts(use, weights)
        total = sum(weights.values())
        for form in use.tested:
            weights[form] = max(weights[form], 0.15 * total)
        total = sum(weights.values())
        return {form: weight / total for form, weight in weights.items()}

    def name_of(self, use: Use) -> str | None:
        """The parameter that a use is of."""
        return next((name for name, each in self.watch.uses.items() if each is use), None)

    def _as_member(self, holder: Use, weights: dict[Form, float], hops: int) -> None:
        around = self.weighed(holder, self.name_of(holder), None, hops - 1)
        named = shape_of_name(self.name_of(holder) or "")
        inside = self.weighed(holder.part(EACH), None, None, 0)
        if around[Form.STR] > 0.5:
            Row(((Form.STR, 1.0),), 0.05).times(weights)
        elif around[Form.DICT] > 0.5:
            Row(((Form.STR, 1.0), (Form.INT, 0.6)), 0.05).times(weights)
        elif named is not None and named.form is Form.LIST and named.parts[0] != ANY:
            row_of(named.parts[0], 0.1).times(weights)
        else:
            softly(inside, weights)

    def _by_parts(self, use: Use, weights: dict[Form, float]) -> None:
        """Let the elements speak: characters are a text's, numbers and lists are not."""
        if EACH not in use.parts:
            return
        inner = dict(PRIOR)
        for row in use.parts[EACH].rows:
            row.times(inner)
        total = sum(inner.values())
        textual = inner[Form.STR] / total
        if use.parts[EACH].rows:
            weights[Form.STR] *= max(0.02, textual)
            weights[Form.BYTES] *= max(0.02, inner[Form.INT] / total)
        if use.parts[EACH].flavours[Form.CHARACTER]:
            Row(((Form.STR, 1.0),), 0.25).times(weights)

    def mixture(self, weights: Mapping[Form, float], use: Use, name: str | None, depth: int) -> Shape:
        """The shapes of the likely forms."""
        parts: dict[Shape, float] = {}
        for form, weight in weights.items():
            if weight >= LEAST:
                shape = self.of_form(form, use, name, depth)
                parts[shape] = parts.get(shape, 0) + weight
        return union(parts)

    def of_form(self, form: Form, use: Use, name: str | None, depth: int) -> Shape:
        """The shape of a form, its parts guessed from what was seen of them."""
        named = shape_of_name(name) if name else None
        if named is not None and family(named) is not FAMILY.get(form, form):
            named = None
        if form is Form.INT:
            if named is not None and named.form not in (Form.NATURAL, Form.INT):
                return union({named: 12, shapes.INT: 1})
            if use.flavours[Form.INDEX]:
                return union({shapes.INDEX: 12, shapes.INT: 1})
            natural = (named is not None and named.form is Form.NATURAL) or use.flavours[Form.NATURAL]
            return union({shapes.NATURAL: 9, shapes.INT: 1}) if natural else shapes.INT
        if form is Form.STR:
            return self._text(use, named)
        if form is Form.CALL:
            names = self.known.having(frozenset(use.attributes))
            return union({shape_of_class(each, self.known): 1.0 for each in names[:3]}) if names else ANY
        if form is Form.CALLABLE:
            return Shape(Form.CALLABLE, arity=use.arity)
        if form in (Form.LIST, Form.TUPLES, Form.SET, Form.FROZENSET, Form.ITERATOR):
            return self._sequence(form, use, named, depth)
        if form is Form.DICT:
            return self._dict(use, named, depth)
        return Shape(form)

    def _text(self, use: Use, named: Shape | None) -> Shape:
        parts = {shapes.STR: 2.0}
        for flavour, votes in use.flavours.items():
            if flavour in (Form.CHARACTER, Form.DIGITS, Form.PATH):
                parts[Shape(flavour)] = float(votes)
        if named is not None and named.form is not Form.STR:
            parts[named] = parts.get(named, 0) + 5
        if use.texts:
            parts[choice(*(repr(text) for text in use.texts))] = 3.0
        return union(parts)

    def _part(self, use: Use, name: str, named: Shape | None, at: int, depth: int) -> Shape:
        """The shape of elements, keys or values: what was seen of them, else what the container's name says."""
        part = use.parts.get(name)
        told = named.parts[at] if named is not None and len(named.parts) > at else None
        if part is not None and (part.rows or part.parts or part.like or part.name) and depth < DEEPEST:
            weights = self.weighed(part, part.name)
            if told is not None and told != ANY:
                row_of(told, 0.15).times(weights)
                total = sum(weights.values())
                weights = {form: weight / total for form, weight in weights.items()}
            return self.mixture(
                {form: weights[form] for form in weights if weights[form] > 0.1}, part, part.name, depth + 1
            )
        return ANY if told is None else told

    def _sequence(self, form: Form, use: Use, named: Shape | None, depth: int) -> Shape:
        places = [place for place in use.parts if isinstance(place, int)]
        if places and EACH not in use.parts and form in (Form.LIST, Form.TUPLES):
            width = max(places) + 1
            members = (self._place(use, place, depth) for place in range(min(width, 8)))
            return Shape(Form.TUPLE, tuple(members))
        inner = self._part(use, EACH, named, 0, depth)
        if inner == ANY and form is Form.SET:
            inner = union({shapes.INT: 1, shapes.STR: 1})
        if form is Form.LIST and use.flavours[Form.SORTED]:
            return Shape(Form.SORTED, (inner,))
        if form is Form.LIST and inner.form is Form.LIST and inner.parts[0].form is not Form.LIST:
            return union({Shape(Form.MATRIX, inner.parts): 2, listed(inner): 1})
        return Shape(form, (inner,))

    def _place(self, use: Use, place: int, depth: int) -> Shape:
        part = use.parts.get(place)
        if part is None or not (part.rows or part.name) or depth >= DEEPEST:
            return ANY
        return self.mixture(self.weighed(part, part.name), part, part.name, depth + 1)

    def _dict(self, use: Use, named: Shape | None, depth: int) -> Shape:
        keys = [str(name)[1:-1] for name in use.parts if str(name).startswith("[")][:MOST_KEYS]
        if keys:
            values = (self._part(use, f"[{key}]", None, 0, depth) for key in keys)
            values = (
                shape_of_name(key) or shape if shape == ANY else shape for key, shape in zip(keys, values, strict=True)
            )
            return Shape(Form.RECORD, tuple(values), tuple(keys))
        key = self._part(use, KEY, named, 0, depth)
        if key == ANY and EACH in use.parts:
            key = self._part(use, EACH, None, 0, depth)
        value = self._part(use, VALUE, named, 1, depth)
        if value == ANY and EACH in use.parts and KEY in use.parts:
            value = self._part(use, EACH, named, 1, depth)
        return mapped(union({shapes.STR: 3, shapes.INT: 1}) if key == ANY else key, value)
