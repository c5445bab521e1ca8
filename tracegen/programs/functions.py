"""Functions of strangers' modules: arguments invented for each, the telling ones kept, one program and trace apiece.

A function is cut out of its module with what it needs (excerpt.py), tried with many argument lists (inputs/,
exploration.py), and run again by itself with each one that is kept, twice and in two sandboxes: a program whose two
traces differ is no program.  Knows nothing of shards (supervisor.py) or of how a call is traced (calls.py).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import pyarrow as pa

from tracegen import inputs
from tracegen.crosshair_pass import solved
from tracegen.inputs import Kind, Signature, candidates
from tracegen.programs import discovery
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.programs.discovery import Found
from tracegen.programs.excerpt import Excerpt, Library, excerpt
from tracegen.programs.exploration import Seen, chosen, explore, seen_alone
from tracegen.programs.filing import Filing
from tracegen.programs.workplace import Workplace
from tracegen.proposals import Endpoint, OddAnswer, propose
from tracegen.sandbox import Sandbox
from tracegen.settings import CannotRun, NoSandbox
from tracegen.trace import Ending
from tracegen.work import Done, Part

FOUND, TRACED, COVERED = "functions.found", "functions.with a trace", "functions.permille of their lines covered"
LONGEST = 500
"""Lines: what needs half of its package is no program that a model is shown."""
NAME_ERRORS = frozenset({"NameError", "UnboundLocalError"})

_KINDS = {
    discovery.Kind.POSITIONAL_ONLY: Kind.POSITIONAL,
    discovery.Kind.POSITIONAL_OR_KEYWORD: Kind.EITHER,
    discovery.Kind.VAR_POSITIONAL: Kind.VAR_POSITIONAL,
    discovery.Kind.KEYWORD_ONLY: Kind.KEYWORD,
    discovery.Kind.VAR_KEYWORD: Kind.VAR_KEYWORD,
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function as its program: ``code`` defines ``function``, ``body`` are the lines of its statements there.

    ``refused``: why there is no program of it, or "".  ``harvested``: argument lists that somebody gave.
    """

    key: str
    code: str
    function: str
    body: tuple[int, ...]
    listed: bool
    parameters: tuple[inputs.Parameter, ...]
    docstring: str | None
    source: str
    harvested: tuple[str, ...] = ()
    refused: str = ""

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        said = asdict(self) | {"parameters": [repr(each) for each in self.parameters]}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode("ascii")).hexdigest()

    @property
    def signature(self) -> Signature:
        """What arguments are invented from."""
        return Signature(self.function, self.parameters, self.docstring, self.source, self.code)

    def call(self, arguments: str) -> Call:
        """The program that calls it so.  Raises CannotRun for what is no argument list."""
        return Call(
            program_id=self.key,
            code=self.code,
            function=self.function,
            arguments=arguments,
            filename="<program>",
            shown="program.py",
            module="program",
            listed=self.listed,
        )


def read_functions(
    sources: Sequence[str],
    python: str,
    harvested: Mapping[str, tuple[str, ...]],
    dropped: Counter[str],
    longest: int = LONGEST,
) -> list[Function]:
    """The functions of files, folders and installed modules, each with what it needs.

    ``longest``: lines that a program may have.  ``harvested``: argument lists by function, ``module:name``.  Counts in
    ``dropped`` what is no function to be called.  Raises CannotRun for a source that is not there, and if there are no
    functions in any.
    """
    modules: dict[str, discovery.Module] = {}
    for source in sources:
        for each in discovery.modules(source, python, dropped):
            if modules.setdefault(each.name, each).path != each.path:
                dropped["files of a name that another has"] += 1
    library = Library(modules.values())
    found = {}
    for module in modules.values():
        for declared in discovery.functions(module, dropped):
            key = f"{module.name}:{declared.qualname}"
            found[key] = _function(key, declared, module, library, harvested.get(key, ()), longest)
    if not found:
        raise CannotRun(f"{', '.join(sources)}: no functions in it that could be called")
    unknown = next((key for key in harvested if key not in found), None)
    if unknown is not None:
        raise CannotRun(f"--calls: {unknown}: no such function in {', '.join(sources)}")
    return list(found.values())


def _function(
    key: str, found: Found, module: discovery.Module, library: Library, harvested: tuple[str, ...], longest: int
) -> Function:
    made = excerpt(found, library)
    if isinstance(made, Excerpt) and made.text.count("\n") > longest:
        made = "its program is too long"
    refused = made if isinstance(made, str) else "is a coroutine" if found.is_async else ""
    cut = made if isinstance(made, Excerpt) else Excerpt("", found.qualname, {}, frozenset())
    return Function(
        key=key,
        code=cut.text,
        function=cut.function,
        body=tuple(sorted(cut.body_lines)),
        listed=found.is_generator,
        parameters=tuple(
            inputs.Parameter(each.name, _KINDS[each.kind], each.annotation, each.default) for each in found.parameters
        ),
        docstring=found.docstring,
        source="".join(module.text.splitlines(keepends=True)[found.first - 1 : found.last]),
        harvested=harvested,
        refused=refused,
    )


def shares(counts: Mapping[str, int]) -> str:
    """What became of the functions, for people."""
    found, traced = counts.get(FOUND, 0), counts.get(TRACED, 0)
    covered = counts.get(COVERED, 0) / 10 / max(traced, 1)
    return f"{found} found, {traced} with traces ({traced / max(found, 1):.0%}); of their lines {covered:.0f} % reached"


@dataclass(frozen=True, slots=True)
class FunctionsWork:
    """How functions become rows.  ``tried``: argument lists for each function; ``kept``: at most so many of them.

    ``crosshair``: seconds that crosshair has for a function whose lines are not all reached; 0 leaves it out.
    ``endpoint``: a language model that proposes inputs too.  With either, two runs may differ.
    """

    place: Workplace
    tried: int = 60
    kept: int = 8
    crosshair: float = 0.0
    endpoint: Endpoint | None = None

    @property
    def kind(self) -> str:
        """What a manifest says."""
        return "functions"

    @property
    def identity(self) -> Mapping[str, object]:
        """All options that change rows."""
        return {**self.place.identity, "tried": self.tried, "kept": self.kept} | {
            "crosshair": self.crosshair,
            "model": self.endpoint.model if self.endpoint else None,
        }

    @contextmanager
    def opened(self, slot: int) -> Iterator[FunctionsBench]:
        """Two sandboxes: what is the same in both is the program's own."""
        with self.place.sandbox() as one, self.place.sandbox() as other:
            if self.crosshair:
                # Is it there at all?  Better asked now than after an hour.
                solved("def f(n: int): return n\n", "f", 1.0, self.place.settings, one.run)
            yield FunctionsBench(self, one, other)


@dataclass(frozen=True, slots=True)
class FunctionsBench:
    """Two sandboxes with functions to run in them."""

    work: FunctionsWork
    one: Sandbox
    other: Sandbox

    def make(self, items: Sequence[Function], done: Done) -> Part:
        """One shard."""
        filing = Filing(self.work.place.scrubber)
        for function in items:
            filing.counts[FOUND] += 1
            if function.refused:
                filing.drop(Counter([f"functions: {function.refused}"]))
            elif kept := self._traced(function, filing, done):
                lines = frozenset(function.body)
                reached = lines & frozenset().union(*(each.lines for each in kept))
                filing.counts[TRACED] += 1
                filing.counts[COVERED] += round(1000 * len(reached) / len(lines)) if lines else 1000
            done()
        return filing.part()

    def _traced(self, function: Function, filing: Filing, done: Done) -> list[Seen]:
        """File the traces of the inputs that are worth one; returns what they show."""
        tried = self._inputs(function, filing)
        try:
            seen = self._seen(function, tried, filing)
        except NoSandbox:
            raise
        except CannotRun as error:
            filing.drop(Counter(["functions whose program does not load"]))
            filing.say(function.key, str(error))
            return []
        kept: list[Seen] = []
        for each in chosen([each for each in seen if each.outcome not in NAME_ERRORS], self.work.kept):
            done(item=False)
            try:
                alone = self._alone(function.call(each.arguments), filing)
            except NoSandbox:
                raise
            except CannotRun as error:
                filing.drop(Counter(["inputs that cannot be run by themselves"]))
                filing.say(function.key, str(error))
                continue
            if alone is None:
                continue
            table, shown = alone
            # What other inputs had left behind made it telling, and by itself it is one more of the same.
            if any((shown.path, shown.outcome) == (other.path, other.outcome) for other in kept):
                filing.drop(Counter(["shows nothing new by itself"]))
            else:
                filing.add(table, stopped=False)
                kept.append(shown)
        return kept

    def _seen(self, function: Function, tried: list[str], filing: Filing) -> list[Seen]:
        """What the inputs show that end, all tried in one process.  Raises CannotRun if the program does not load."""
        settings = self.work.place.settings
        seen = explore(function.call(""), tried, settings, self.one.run)
        if self.work.crosshair and not frozenset(function.body) <= frozenset().union(*(each.lines for each in seen)):
            more = solved(function.code, function.function, self.work.crosshair, settings, self.one.run)
            more = [each for each in more if each not in tried]
            filing.counts["inputs.of crosshair"] += len(more)
            seen += explore(function.call(""), more, settings, self.one.run) if more else []
            tried += more
        filing.counts["inputs.tried"] += len(tried)
        filing.counts["inputs.ended"] += len(seen)
        filing.counts["inputs.returned"] += sum(each.returned for each in seen)
        return seen

    def _inputs(self, function: Function, filing: Filing) -> list[str]:
        """What is tried, the likeliest first."""
        work = self.work
        seed = work.place.settings.seed
        found = [each.arguments for each in candidates(function.signature, work.tried, seed, function.harvested)]
        if work.endpoint is not None:
            try:
                proposed = propose(work.endpoint, function.signature, work.kept, seed)
            except OddAnswer as error:
                filing.drop(Counter(["proposals: an answer without a text"]))
                filing.say(function.key, str(error))
            else:
                found += [each.arguments for each in proposed.candidates]
                filing.counts["inputs.of the model"] += len(proposed.candidates)
                filing.drop(Counter({f"proposals: {why.value}": number for why, number in proposed.dropped.items()}))
        # A model's and a person's argument lists are texts that may be anything.
        unread = set(function.harvested) - set(found)
        filing.drop(Counter({"calls that are no argument lists": len(unread)}))
        return list(dict.fromkeys(found))

    def _alone(self, call: Call, filing: Filing) -> tuple[pa.Table, Seen] | None:
        """The row of a program that ran by itself, if it came to its end and another sandbox gives the same; and what
        it shows.  Raises CannotRun."""
        settings = self.work.place.settings
        told = trace_call(call, settings, source="functions", run=self.one.run)
        filing.drop(told.dropped)
        table = main_trace(told)
        if told.finished.stopped is not None or Ending.SECONDS.value in table.column("ending").to_pylist():
            filing.add(table, stopped=told.finished.stopped is not None)
            return None
        again = main_trace(trace_call(call, settings, run=self.other.run))
        if table.column("content").to_pylist() != again.column("content").to_pylist():
            filing.drop(Counter(["two runs differ"]))
            return None
        shown = seen_alone(told.finished.wire, call.arguments)
        if shown is None:
            filing.drop(Counter(["reached a limit when run by itself"]))
            return None
        return table, shown
