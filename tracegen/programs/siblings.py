"""The modules of one source together: what their imports find in each other, and statements rewritten to do without.

``util.clamp`` and ``from .util import clamp`` in a function mean a definition of a sibling module; an excerpt has it
among its own, so it is spelled as a bare name, and the import goes.  Knows nothing of what an excerpt keeps.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tracegen.programs.declarations import Definition, Module, Origin
from tracegen.programs.edits import Edit, edited, tree_of
from tracegen.programs.effects import ANY, BUILTINS, Import, imports_of
from tracegen.programs.statements import UNSEEN, Index, Refused
from tracegen.programs.variables import Binding, Guard, Region, Use, Variables, truth

WHOLE = "imports a sibling module as a whole"
INSIDE = "imports a sibling module inside a block or a function"
OUTSIDE = "imports a module that is not in the source"
UNDEFINED = "imports a name that its module does not define"
CONFLICT = "two modules give a name two meanings"


@dataclass(frozen=True, slots=True)
class Target:
    """What a name means: a top-level name of a module, or the module itself if ``name`` is ""."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What a statement takes from a sibling: when the module is loaded, or when a function is called.

    ``taken`` says that its name cannot be used there, since a variable of the function has it.
    """

    target: Target
    at_load: bool
    taken: bool


class Library:
    """The modules of one source, by name; what is found out about each is found out once."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = {module.name: module for module in modules}
        parts = [name.split(".") for name in self.modules]
        self._tops = {each[0] for each in parts}
        self._packages = {".".join(each[:length]) for each in parts for length in range(1, len(each) + 1)}
        self._indices: dict[str, Index] = {}
        self._aliases: dict[tuple[str, str], str | None] = {}
        self._flags: dict[tuple[str, str], bool | None] = {}
        self._linked: dict[tuple[str, int], Linked] = {}

    def index(self, name: str) -> Index:
        """A module's chunks by the names that they bind and change."""
        if name not in self._indices:
            self._indices[name] = Index(self.modules[name])
        return self._indices[name]

    def linked(self, index: Index, number: int) -> Linked:
        """A chunk's references to its module's siblings.  Raises Refused for what cannot be resolved."""
        key = (index.module.name, number)
        if key not in self._linked:
            self._linked[key] = Linked(self, index, number)
        return self._linked[key]

    def own(self, user: Module, wanted: Import) -> bool:
        """Whether an import is of this library's packages, whether or not it finds something."""
        top = wanted.module.partition(".")[0]
        return user.origin is not Origin.INSTALLED and (
            wanted.relative or top in self._tops or self._beside(user, top) in self._packages
        )

    def _beside(self, user: Module, name: str) -> str:
        """The name of what lies beside a script; a module of a package finds nothing so."""
        folder = user.name.rpartition(".")[0]
        return f"{folder}.{name}" if folder not in self.modules else ""

    def sibling(self, user: Module, wanted: Import) -> str | None:
        """The module that an import finds in this library, if what it finds cannot be imported: None otherwise."""
        if user.origin is Origin.INSTALLED:
            return None
        for name in (wanted.module, self._beside(user, wanted.module)):
            if name in self._packages:
                return name
        if self.own(user, wanted):
            raise Refused(OUTSIDE)
        return None

    def target(self, user: Module, wanted: Import) -> Target | None:
        """What an import of a sibling binds its name to; None if it is no sibling's."""
        source = self.sibling(user, wanted)
        if source is None:
            if not wanted.module:
                raise Refused(OUTSIDE)
            return None
        if wanted.name:
            return self.member(source, wanted.name, user.name)
        return Target(source if wanted.renamed else source.removesuffix(wanted.module.removeprefix(wanted.bound)), "")

    def member(self, source: str, name: str, user: str = "") -> Target:
        """What ``name`` of a module means to another module, or to itself."""
        below = f"{source}.{name}"
        if source not in self.modules or source == user:
            if below in self._packages:
                return Target(below, "")
            raise Refused(UNDEFINED)
        there = self.index(source)
        bound = name in there.binders or name in self.exports(source)
        if below in self._packages and not bound:
            return Target(below, "")
        if not (bound or there.of(name) or there.of(ANY)):
            raise Refused(UNDEFINED)
        alias = self.alias(there, name)
        return Target(source, name) if alias is None else Target(alias, "")

    def alias(self, index: Index, name: str) -> str | None:
        """The sibling module that a name of a module stands for, if it does nothing else."""
        key = (index.module.name, name)
        if key not in self._aliases:
            self._aliases[key] = None
            try:
                self._aliases[key] = self._alias(index, name)
            except Refused:
                pass  # told by who needs it
        return self._aliases[key]

    def _alias(self, index: Index, name: str) -> str | None:
        found: set[Target | None] = set()
        for number in index.binders.get(name, ()):
            names = index.names(number)
            if name not in names.imported:
                return None
            found |= {self.target(index.module, each) for each in names.imports if each.bound == name}
        [target] = found if len(found) == 1 else [None]
        return None if target is None or target.name else target.module

    def exports(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """What ``from name import *`` binds, if the module is in the library."""
        if name not in self.modules or name in seen:
            return frozenset()
        index = self.index(name)
        if index.exported is not None:
            return index.exported
        bound = {each for each in index.binders if not each.startswith("_")}
        return frozenset(bound).union(*(self.exports(star.module, seen | {name}) for star in index.stars.values()))

    def flag(self, index: Index, name: str) -> bool | None:
        """What a top-level name says of the platform: ``WINDOWS = os.name == "nt"``."""
        key = (index.module.name, name)
        if key not in self._flags:
            self._flags[key] = None
            numbers = index.of(name)
            if len(numbers) == 1 and not index.chunks[numbers[0]].defines:
                self._flags[key] = self._flag(index, numbers[0], name)
        return self._flags[key]

    def _flag(self, index: Index, number: int, name: str) -> bool | None:
        for each in index.names(number).imports if index.chunks[number].plain else ():
            if each.bound == name and self.own(index.module, each):
                try:
                    target = self.target(index.module, each)
                except Refused:
                    return None
                return self.flag(self.index(target.module), target.name) if target and target.name else None
        [node, *more] = tree_of(index.text(number)).body
        if more or not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            return None
        return truth(node.value, functools.partial(self.flag, index))


class Linked:
    """A chunk that refers to siblings, or has to spell names of its own otherwise.

    ``reaches`` is what it takes from siblings by itself; ``adopted`` are the names of the module that an import in a
    block binds, and nothing else: they are the sibling's own, and the import goes.
    """

    def __init__(self, library: Library, index: Index, number: int) -> None:
        self._library = library
        self._index = index
        self._chunk = index.chunks[number]
        self._number = number
        self._text = index.text(number)
        self._tree = tree_of(self._text)
        self._variables = Variables(self._tree, functools.partial(library.flag, index))
        self._imports: dict[ast.Import | ast.ImportFrom, list[tuple[Binding, Import, Target | None]]] = {}
        self._attributes: list[tuple[Use, ast.Attribute, Target]] = []
        self._made: dict[tuple[tuple[int, str], ...], list[tuple[str, int]]] = {}
        self.reaches: list[Reach] = []
        self.adopted: dict[str, Target] = {}
        self._read()

    def _read(self) -> None:
        module, variables = self._index.module, self._variables
        whole: dict[tuple[int, str], str] = {}
        for binding in variables.bindings:
            if isinstance(binding.node, (ast.Import, ast.ImportFrom)):
                several = self._imports.setdefault(binding.node, [])
                each = list(imports_of(binding.node, module, self._chunk.start - 1))[len(several)]
                needed = self._library.own(module, each) and not binding.place.dead
                if needed and each.name == ANY:
                    raise Refused(INSIDE)
                several.append((binding, each, self._library.target(module, each) if needed else None))
        for several in self._imports.values():
            for binding, each, target in several:
                if target is not None:
                    self._imported(binding, each, target, whole)
        for use in variables.uses:
            home, name = use.home, use.node.id
            alias = whole.get((id(home), name))
            if home is variables.top or (home.region is Region.CLASS and isinstance(use.node.ctx, ast.Load)):
                alias = self._library.alias(self._index, name)
            if alias is not None and not use.place.dead:
                if home.region is Region.CLASS:  # ``util = util``: the module's at first
                    raise Refused(WHOLE)
                self._attribute(use, alias)

    def _imported(self, binding: Binding, wanted: Import, target: Target, whole: dict[tuple[int, str], str]) -> None:
        place, home = binding.place, binding.home
        at_top = home is self._variables.top
        if place.guard is Guard.TRY or (at_top and place.scope is not home):
            raise Refused(INSIDE)
        if place.guard is not Guard.NONE and not place.scope.deferred:
            raise Refused(INSIDE)
        others = self._variables.of(home, binding.name)
        alone = all(self._same(each, target) or (at_top and each.place.dead) for each in others)
        if at_top:
            alone = alone and self._index.binders.get(binding.name) == [self._number]
        if not target.name:
            if not alone or home.region is Region.CLASS:
                raise Refused(INSIDE)
            whole[id(home), binding.name] = target.module
            return
        taken = place.scope.home(target.name) is not self._variables.top
        if target.name == binding.name:
            if at_top:
                taken = False
                if alone:
                    self.adopted[binding.name] = target
            elif home.region is Region.FUNCTION:
                around = home.parent.home(target.name) if home.parent else home
                taken = not alone or around is not self._variables.top
            else:
                taken = place.scope.parent is not None and place.scope.parent.home(target.name).parent is not None
        self.reaches.append(Reach(target, not place.scope.deferred, taken))

    def _same(self, binding: Binding, target: Target) -> bool:
        several = self._imports.get(binding.node, ()) if isinstance(binding.node, (ast.Import, ast.ImportFrom)) else ()
        return any(
            other is binding and (found == target or (found is None and other.place.dead))
            for other, _, found in several
        )

    def _attribute(self, use: Use, alias: str) -> None:
        """A use of a sibling module: only a name that is read of it can be spelled otherwise."""
        for each in use.attributes:
            if each.attr.startswith("__") and (each.attr in BUILTINS or not each.attr.endswith("__")):
                break  # the module's own, or mangled in a class
            target = self._library.member(alias, each.attr)
            if target.name and isinstance(each.ctx, ast.Load) and isinstance(use.node.ctx, ast.Load):
                taken = use.place.scope.home(target.name) is not self._variables.top
                self.reaches.append(Reach(target, not use.place.scope.deferred, taken))
                self._attributes.append((use, each, target))
                return
            alias = target.module
            if target.name:
                break
        raise Refused(WHOLE)

    def lines(self, renames: Mapping[str, str], spelled: Callable[[Target], str]) -> list[tuple[str, int]]:
        """The chunk's lines, each with its line in the module, with names of the module and of siblings respelled.

        Raises Refused if that cannot be done by changing names alone.
        """
        edits = [*self._respelled(renames), *self._replaced(renames, spelled)]
        edits += [Edit(node, spelled(target), use.place.string) for use, node, target in self._attributes]
        key = tuple((id(each.node), each.text) for each in edits)
        if key not in self._made:
            lines = edited(self._text, self._tree, edits)
            if lines is None:
                raise Refused(UNSEEN)
            self._made[key] = [(line, number + self._chunk.start - 1) for line, number in lines]
        return self._made[key]

    def _respelled(self, renames: Mapping[str, str]) -> Iterator[Edit]:
        top = self._variables.top
        for use in self._variables.uses:
            if use.node.id in renames:
                home = use.home
                if home.region is Region.CLASS:  # ``name = name``: the module's at first
                    raise Refused(CONFLICT)
                if home is top:
                    yield Edit(use.node, renames[use.node.id], use.place.string)
        for each in self._variables.bindings:
            if each.name in renames and each.home is top and not isinstance(each.node, ast.Name):
                if isinstance(each.node, Definition) and not each.node.decorator_list:
                    yield Edit(each.node, renames[each.name])
                elif not isinstance(each.node, (ast.Import, ast.ImportFrom)) or not any(self._targets(each.node)):
                    raise Refused(CONFLICT)
        for node in self._variables.globals:
            if renames.keys() & set(node.names):
                yield Edit(node, "global " + ", ".join(renames.get(name, name) for name in node.names))

    def _targets(self, node: ast.Import | ast.ImportFrom) -> list[Target | None]:
        return [target for _, _, target in self._imports[node]]

    def _replaced(self, renames: Mapping[str, str], spelled: Callable[[Target], str]) -> Iterator[Edit]:
        """Import statements of siblings: what they bind is there already, under the same name or another."""
        for node, several in self._imports.items():
            parts: list[str] = []
            if not any(self._library.own(self._index.module, each) for _, each, _ in several):
                continue
            for binding, each, target in several:
                if not self._library.own(self._index.module, each):
                    parts.append(f"import {each.what}")
                elif target is not None and target.name:
                    at_top = binding.home is self._variables.top
                    left = renames.get(binding.name, binding.name) if at_top else binding.name
                    right = spelled(target)
                    if left != right or binding.home.region is Region.CLASS:
                        parts.append(f"{left} = {right}")
            yield Edit(node, "; ".join(parts) or "pass")
