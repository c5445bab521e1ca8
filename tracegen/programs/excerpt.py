"""The smallest text that defines a function: its own statement, and all that this needs of its module.

A name that a kept chunk (statements.py) loads keeps every chunk that binds or changes it.  What is not importable where
programs run is taken over from the sibling modules too, into one namespace: a name of two meanings gets two spellings.
Reads and never runs; a name that only a running program can compute (``globals()[…]``) is not seen: the caller asks for
it by ``also``.  Knows nothing of arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tracegen.programs.declarations import Found
from tracegen.programs.effects import ANY, BUILTINS, Import
from tracegen.programs.layout import Piece, gap, import_lines, ordered, without_dots
from tracegen.programs.siblings import CONFLICT, INSIDE, OUTSIDE, UNDEFINED, WHOLE, Library, Target
from tracegen.programs.spelling import Spelling
from tracegen.programs.statements import UNSEEN, Index, Refused

__all__ = ["CONFLICT", "INSIDE", "OUTSIDE", "UNDEFINED", "UNSEEN", "WHOLE", "Excerpt", "Library", "excerpt"]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A program that defines ``function`` (``f`` or ``Class.method``), and where its lines stand.

    ``line_of`` gives (module, line) for each line of the text, empty lines between statements left out;
    ``body_lines`` are the lines of the text at which the function's own statements begin (`Found.statements`).
    """

    text: str
    function: str
    line_of: Mapping[int, tuple[str, int]]
    body_lines: frozenset[int]


def excerpt(found: Found, library: Library, also: frozenset[str] = frozenset()) -> Excerpt | str:
    """The text that defines a function of the library, or the reason why there is none.

    ``also`` are top-level names that it must define besides: those that a run of a first excerpt missed.
    """
    gathering = _Gathering(library)
    try:
        gathering.want(found.module, found.qualname.partition(".")[0])
        gathering.run()
        for name in sorted(also):
            gathering.want_besides(found.module, name)
        gathering.run()
        return gathering.written(found)
    except Refused as refusal:
        return str(refusal)
    except (RecursionError, MemoryError):
        return UNSEEN


class _Gathering:
    """What one excerpt keeps: chunks, and the names of the import statements among them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.kept: dict[str, set[int]] = {}
        self.names: dict[tuple[str, int], dict[str, Import]] = {}
        self.inlined: dict[tuple[str, str], Target] = {}
        self.needs: dict[str, dict[str, bool]] = {}
        self.wanted: dict[str, set[str]] = {}
        self.taken: set[Target] = set()
        self.adopted: set[tuple[str, int, str]] = set()
        self.spelling = Spelling(self.inlined)
        self._waiting: list[tuple[str, str]] = []

    def want(self, module: str, name: str) -> None:
        """Define a name of a module."""
        names = self.wanted.setdefault(module, set())
        if name not in names:
            names.add(name)
            self._waiting.append((module, name))

    def want_besides(self, module: str, name: str) -> None:
        """Define a name in the module, or in those that are taken over if it is one of theirs."""
        for each in (module, *self.wanted):
            if self.library.index(each).of(name):
                self.want(each, name)
                return

    def run(self) -> None:
        """Keep what the wanted names need, until nothing more is needed."""
        while self._waiting:
            module, name = self._waiting.pop()
            index = self.library.index(module)
            places = index.of(name)
            if name not in index.binders and name not in BUILTINS:
                self._from_elsewhere(index, name)
            for number in places:
                if index.chunks[number].plain:
                    self._keep_import(index, number, name)
                else:
                    self._keep(index, number)

    def _keep(self, index: Index, number: int) -> None:
        name = index.module.name
        kept = self.kept.setdefault(name, set())
        if number in kept:
            return
        kept.add(number)
        names = index.names(number)
        if not index.chunks[number].plain:
            if self._is_linked(index, number):
                self._link(index, number)
            # In an order of its own: which reason is found first, and which sibling, is the same in every run.
            for load in sorted(names.loads | (names.perhaps & index.binders.keys())):
                self.want(name, load)

    def _is_linked(self, index: Index, number: int) -> bool:
        names = index.names(number)
        return any(self.library.own(index.module, each) for each in names.imports) or any(
            self.library.alias(index, each) is not None for each in names.loads | names.perhaps
        )

    def _link(self, index: Index, number: int) -> None:
        """Keep what a statement takes from siblings by itself: ``util.clamp``, or an import in a block or function."""
        user = index.module.name
        linked = self.library.linked(index, number)
        for bound, target in linked.adopted.items():
            self.inlined[user, bound] = target
            self.adopted.add((user, number, bound))
        for reach in linked.reaches:
            self._need(user, reach.target, reach.at_load)
            if reach.taken:
                self.taken.add(reach.target)

    def _need(self, user: str, target: Target, at_load: bool) -> None:
        needs = self.needs.setdefault(user, {})
        needs[target.module] = needs.get(target.module, False) or at_load
        self.want(target.module, target.name)

    def _keep_import(self, index: Index, number: int, name: str) -> None:
        for each in index.names(number).imports:
            if each.bound == name:
                self._use(index, number, each)

    def _from_elsewhere(self, index: Index, name: str) -> None:
        """A name that nothing binds: a star import may, or what reaches into ``globals()``."""
        for number, star in index.stars.items():
            if index.chunks[number].plain and name in self.library.exports(star.module):
                self._use(index, number, replace(star, name=name, bound=name))
                return
        for number, star in index.stars.items():
            if not index.chunks[number].plain:
                self._keep(index, number)
                continue
            source = self.library.sibling(index.module, star)
            if source is None:
                self._use(index, number, star)
            elif source in self.library.modules and self.library.index(source).of(ANY):
                self._use(index, number, replace(star, name=name, bound=name))
        for number in index.of(ANY):
            if not index.chunks[number].plain:
                self._keep(index, number)

    def _use(self, index: Index, number: int, wanted: Import) -> None:
        """Keep one name of an import; what cannot be imported is defined in its sibling module, and taken over."""
        user = index.module.name
        self._keep(index, number)
        self.names.setdefault((user, number), {})[wanted.bound] = wanted
        target = self.library.target(index.module, wanted)
        if target is not None:
            self.inlined[user, wanted.bound] = target
            if target.name:
                self._need(user, target, True)
            elif self.library.alias(index, wanted.bound) is None:
                raise Refused(WHOLE)  # not always the module: it comes by a star import, or is bound anew

    def written(self, found: Found) -> Excerpt:
        """The excerpt.  Raises Refused where two modules do not go into one."""
        top = Target(found.module, found.qualname.partition(".")[0])
        self.spelling.unshared({module: self._rebound(module) for module in self.kept})
        pieces = self._pieces(found.module)
        self.spelling.settle(top, pieces, self.taken, self._builtins())
        if self.spelling.renamed:
            pieces = self._pieces(found.module)
        text: list[str] = []
        line_of: dict[int, tuple[str, int]] = {}
        body = set()
        statements = set(found.statements)
        previous = None
        for piece in pieces:
            text += ["\n"] * gap(previous, piece)
            for line, number in piece.lines:
                text.append(line)
                line_of[len(text)] = (piece.module, number)
                if piece.module == found.module and number in statements and not piece.imports:
                    body.add(len(text))
            previous = piece
        return Excerpt("".join(text), found.qualname, line_of, frozenset(body))

    def _pieces(self, root: str) -> list[Piece]:
        """In the order of the text: a module's after those of the modules that it needs, imports above all."""
        order = ordered(root, self.needs)
        docstring: list[Piece] = []
        imports: list[Piece] = []
        rest: list[Piece] = []
        seen: set[str] = set()
        for name in order:
            index = self.library.index(name)
            leading = True
            for number in sorted(self.kept.get(name, ())):
                piece = self._piece(index, number)
                leading = leading and piece.imports
                if number == index.docstring:
                    docstring.append(piece)
                elif not piece.imports or len(order) == 1:
                    rest.append(piece)
                elif piece.text not in seen:
                    (imports if leading else rest).append(piece)
                    seen.add(piece.text)
        futures = [(name, self.library.index(name).future) for name in (root, *order)]
        for name, line in [(name, line) for name, line in futures if line is not None][:1]:
            text = "from __future__ import annotations\n"
            imports.insert(0, Piece(name, ((text, line),), {}, 0, True, False))
        return [piece for piece in [*docstring[-1:], *imports, *rest] if piece.lines]

    def _piece(self, index: Index, number: int) -> Piece:
        """A chunk as it is shown: an import statement cut down to the names that are needed."""
        module, chunk, names = index.module, index.chunks[number], index.names(number)
        blanks = 0
        while chunk.first - blanks >= 2 and not index.lines[chunk.first - blanks - 2].strip():
            blanks += 1
        lines = [(index.lines[line - 1], line) for line in range(chunk.first, chunk.last + 1)]
        lines[0] = (lines[0][0].lstrip("\x0c"), lines[0][1])
        spelled = self.spelling.of
        if not chunk.plain:
            loaded = names.binds | names.loads | names.perhaps
            renames = self.spelling.renames(module.name, loaded)
            changed: Iterable[tuple[str, int]]
            if renames or self._is_linked(index, number):
                above = lines[: chunk.start - chunk.first]
                changed = (*above, *self.library.linked(index, number).lines(renames, spelled))
            else:
                changed = without_dots(lines, chunk.first, names.imports)
            binds = {renames.get(name, name): meaning for name, meaning in self._meanings(index, number).items()}
            return Piece(module.name, tuple(changed), binds, blanks, False, chunk.defines)
        used = self.names.get((module.name, number), {})
        used = {ANY: used[ANY]} if ANY in used else used
        own = {name: self.inlined[module.name, name] for name in used if (module.name, name) in self.inlined}
        left = {name: spelled(Target(module.name, name)) for name in used}
        aliases = {name: target for name, target in own.items() if target.name and left[name] != spelled(target)}
        imports = [self._spelled(each, left[name]) for name, each in used.items() if name not in own]
        binds = {left[name]: f"= {target.module}:{target.name}" for name, target in aliases.items()}
        binds |= {left[name]: each.meaning for name, each in used.items() if name not in own}
        if set(imports) != set(names.imports) or names.imports[0].relative:
            needed = sorted(imports, key=lambda each: (each.line, each.column, each.what))
            lines = [(line, chunk.start) for line in import_lines(needed)]
            lines += [(f"{left[name]} = {spelled(target)}\n", chunk.start) for name, target in aliases.items()]
        return Piece(module.name, tuple(lines), binds, blanks, not aliases, False)

    def _spelled(self, wanted: Import, name: str) -> Import:
        """An import under another name.  Raises Refused for ``import a.b``, which binds ``a``."""
        if name == wanted.bound:
            return wanted
        if not wanted.name and not wanted.renamed and "." in wanted.module:
            raise Refused(CONFLICT)
        return replace(wanted, bound=name, renamed=True)

    def _meanings(self, index: Index, number: int) -> dict[str, str]:
        """What the names that a chunk binds mean: the same in two modules only if it is an import of the same."""
        names, module = index.names(number), index.module.name
        meanings = {name: f"{module}:{name}" for name in names.binds if (module, number, name) not in self.adopted}
        for name in names.imported & meanings.keys():
            imported = [each for each in names.imports if each.bound == name]
            if len({each.meaning for each in imported}) == 1 and not self.library.own(index.module, imported[0]):
                meanings[name] = imported[0].meaning
        return meanings

    def _builtins(self) -> dict[str, frozenset[str]]:
        """The names that each module takes for builtins.

        What is neither bound nor a builtin is there for type checkers only, or raises NameError.
        """
        taken = {module: {name for user, name in self.inlined if user == module} for module in self.kept}
        return {
            module: (BUILTINS & self._loads(module)) - self.library.index(module).binders.keys() - taken[module]
            for module in self.kept
        }

    def _loads(self, module: str) -> frozenset[str]:
        index = self.library.index(module)
        return frozenset[str]().union(*(index.names(number).loads for number in self.kept[module]))

    def _rebound(self, module: str) -> frozenset[str]:
        index = self.library.index(module)
        return frozenset[str]().union(*(index.names(number).rebound for number in self.kept[module]))
