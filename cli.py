"""The command ``foretrace``: options in, one call of a package, results on stdout, complaints on stderr.

Exit codes: 0 done, 1 ran and fell short, 2 cannot run, 130 stopped by Ctrl-C.

Longer than the house's 350 lines: all commands stand here, with all of their options.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import pyarrow.compute as pc
from rich.console import Console
from tqdm import tqdm

import tracegen
from tracegen import doctor, merging, progress, shards, supervisor, views
from tracegen.manifest import State
from tracegen.notes import Said
from tracegen.payload.recorder import Limits
from tracegen.payload.values import POLICIES
from tracegen.programs import calls, functions, judged, repositories, samples, scripts, synthetic
from tracegen.programs.harvested import read_calls
from tracegen.programs.told import Told
from tracegen.programs.workplace import Workplace
from tracegen.proposals import Endpoint
from tracegen.sandbox import Bounds, Level, levels
from tracegen.sandbox.bounds import MIB
from tracegen.scrub import Scrubber
from tracegen.settings import TRACERS, CannotRun, Settings
from tracegen.work import Work

if TYPE_CHECKING:
    from cwm_model.predicting.prediction import Prediction
    from cwm_model.predicting.stepping import Stepper

T = TypeVar("T")
FELL_SHORT = 1
INTERRUPTED = 130
FOR_MODELS = ("torch", "transformers", "tokenizers", "safetensors", "huggingface_hub")
"""What only the commands with a model need."""
LONGEST_PASS = 600
"""Seconds: what is silent for longer counts as dead."""
_DEFAULT = Limits()
_BOUNDS = Bounds()


class OneLine(click.Group):
    """Turns every error that a user can mend into one line and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else 0)
        except CannotRun as error:
            click.echo(f"foretrace: {views.visible(str(error))}", err=True)
            sys.exit(2)
        except ModuleNotFoundError as error:
            if error.name not in FOR_MODELS:
                raise
            click.echo(f"foretrace: {error.name} is not installed: pip install 'foretrace[model]' has it", err=True)
            sys.exit(2)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except OSError as error:
            if error.errno != errno.ENOSPC or error.filename is not None:
                raise
            # What is still buffered has nowhere to go either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"foretrace: standard output: {error.strerror}; make room, or send it elsewhere", err=True)
            sys.exit(2)
        except click.Abort:
            # click's own end for it is an exit code of 1.
            click.echo("foretrace: stopped", err=True)
            sys.exit(INTERRUPTED)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="foretrace")
def main() -> None:
    """Execution traces for code world models: make them, store them, look at them."""


class _Real(click.FloatRange):
    """nan is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is no number", param, ctx)
        return number


def settings_options(deadline: float, seed: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of every command that runs a program; they arrive as one ``settings``.

    ``seed``: whether --seed is one of them; a command without it may have a --seed of its own.
    """
    options: list[Callable[..., Any]] = [
        click.option("--python", default=sys.executable, metavar="PATH", help="Interpreter that runs the program."),
        click.option("--tracer", type=click.Choice(TRACERS), default="auto", show_default=True),
        click.option(
            "--values", type=click.Choice(POLICIES), default="repr", help="How objects show.  [default: repr]"
        ),
        _limit("--events", int, _DEFAULT.events, "Steps of a trace."),
        _limit("--seconds", float, _DEFAULT.seconds, "Wall clock of a trace."),
        _limit("--bytes", int, _DEFAULT.bytes, "Recorded bytes of a trace."),
        _limit("--characters", int, _DEFAULT.characters, "Length of a value; longer ones are cut."),
        _limit("--depth", int, _DEFAULT.depth, "Depth of the stack."),
        _limit("--deadline", float, deadline, "Seconds until the process is killed."),
        click.option("--include", multiple=True, metavar="MODULE|PATH", help="Enter this installed code too."),
    ]
    if seed:
        text = "Seed of the program's random module."
        options.append(click.option("--seed", type=int, default=0, show_default=True, help=text))

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathered(**given: Any) -> Any:
            limits = Limits(**{name: given.pop(name) for name in Limits._fields})
            names = ("python", "tracer", "values", "deadline", "include") + ("seed",) * seed
            return command(settings=Settings(limits=limits, **{name: given.pop(name) for name in names}), **given)

        command_with_options: Callable[..., Any] = gathered
        for option in reversed(options):
            command_with_options = option(command_with_options)
        return command_with_options

    return decorate


def _limit(name: str, kind: type, default: float, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


@main.command()
@click.argument("target", required=False)
@click.argument("argv", nargs=-1)
@click.option("--args", "arguments", metavar="SOURCE", help='Argument list of file.py::function: "1, [2]".')
@click.option("--pytest", "node", metavar="NODEID", help="Trace this test.")
@click.option("--stdin", type=click.Path(path_type=Path), help="Standard input of a script.")
@click.option("--format", "style", type=click.Choice(["text", "json", "table"]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Also store as a data set.")
@settings_options(deadline=60.0)
def trace(
    target: str | None,
    argv: tuple[str, ...],
    arguments: str | None,
    node: str | None,
    stdin: Path | None,
    style: str,
    output: Path | None,
    settings: Settings,
) -> None:
    """Run one program and print its trace: script.py, file.py::function, or --pytest NODEID.

    A script's own arguments follow after --.  It runs with your rights: nothing isolates it.
    """
    if output is not None:
        shards.can_write(output)
    told = _trace(target, argv, arguments, node, stdin, settings)
    traces = list(told.traces())
    if not traces:
        why = f"; dropped: {views.counted(told.dropped)}" if told.dropped else ""
        raise CannotRun(f"{node or target}: nothing was recorded: {_end(told)}{why}")
    shown, *others = traces
    if style == "text":
        _write_bytes(shown.text())
    elif style == "json":
        click.echo(views.as_json(shown))
    else:
        views.print_table(shown, _console(sys.stdout))
        if shown.stdout:
            click.echo(f"stdout:\n{views.visible_lines(shown.stdout)}")
    if shown.ending.cut_off:
        _say(f"cut off: {shown.ending.value}{f' ({shown.detail})' if shown.detail else ''}")
    if others:
        _say(f"{len(others)} more traces, of threads or later calls{'' if output else '; -o DIR keeps them'}")
    if shown.provenance.notes:
        _say(f"note: {shown.provenance.notes}")
    if told.finished.stderr:
        _say("the program's stderr:\n" + told.finished.stderr.decode("utf-8", "backslashreplace").rstrip())
    if output is not None:
        _say(f"{shards.write(output, [told.table])} traces in {output}")
    sys.exit(FELL_SHORT if shown.ending.cut_off else 0)


def _trace(
    target: str | None,
    argv: tuple[str, ...],
    arguments: str | None,
    node: str | None,
    stdin: Path | None,
    settings: Settings,
) -> Told:
    if (target is None) == (node is None):
        raise CannotRun("give one TARGET (script.py or file.py::function), or --pytest NODEID")
    if node is not None:
        _refuse_unused("--pytest", arguments=arguments, stdin=stdin)
        return repositories.trace_test(node, settings)
    assert target is not None
    file, colons, function = target.partition("::")
    if colons:
        _refuse_unused("a function", argv=argv, stdin=stdin)
        return calls.trace_call(calls.call_in_file(Path(file), function, arguments or ""), settings)
    _refuse_unused("a script", arguments=arguments)
    return scripts.trace_script(Path(file), argv, settings, stdin)


def _refuse_unused(kind: str, **given: object) -> None:
    names = {"arguments": "--args", "argv": "arguments after --"}
    for name, value in given.items():
        if value:
            raise CannotRun(f"{names.get(name, f'--{name}')}: means nothing for {kind}")


@main.group()
def collect() -> None:
    """Make a data set: of functions, of programs with tests, of a repository, or of programs from a seed."""


@dataclass(frozen=True, slots=True)
class Making:
    """The options of every command that makes a data set shard by shard."""

    output: Path
    jobs: int
    share: supervisor.Share
    per_shard: int
    sandbox: str
    bounds: Bounds
    trust: bool
    scrub: bool
    anew: bool
    dry_run: bool
    as_json: bool

    def level(self, settings: Settings) -> Level:
        """The level that programs run at.  Raises CannotRun."""
        return levels.chosen(self.sandbox, settings, self.trust, self.bounds)

    def make(
        self,
        settings: Settings,
        items: Sequence[Any],
        work: Callable[[Workplace], Work[Any]],
        dropped: Counter[str] | None = None,
    ) -> int:
        """Make the data set, or say what would be made; the exit code.  ``dropped``: what became no item, by reason."""
        dropped = dropped or Counter()
        if dropped.total() and not self.as_json:
            _say(f"not looked at: {views.counted(dropped)}")
        level = self.level(settings)
        scrubber = Scrubber.of_this_machine() if self.scrub else None
        job = work(Workplace(settings, level, scrubber, self.bounds))
        if self.dry_run:
            _print_plan(supervisor.plan(job, items, self.output, **self._shards))
            return 0
        with contextlib.ExitStack() as stack:
            show = progress.JsonLines(sys.stderr) if self.as_json else stack.enter_context(progress.Bar(sys.stderr))

            def tell(event: progress.Event) -> None:
                show(event)
                if isinstance(event, progress.Started) and not self.as_json:
                    found = levels.strongest(settings, self.bounds) if self.sandbox == levels.AUTO else level.value
                    _say(f"sandbox: {found}")

            try:
                # A few runs, of which each takes until its deadline, pass without a word.
                patience = 600 + 10 * settings.deadline
                made = supervisor.collect(
                    job, items, self.output, jobs=self.jobs, events=tell, patience=patience, **self._shards
                )
            except supervisor.Stopped as stopped:
                # Not left to click, which would make an exit code 1 of it.
                click.echo(f"foretrace: {stopped}", err=True)
                return INTERRUPTED
        _print_made(made, dropped if self.as_json else None)
        # Functions that give no trace are what a search finds; a sample or a program was meant to run.
        troubles = ("dropped.cannot run", samples.DIFFERS)
        return FELL_SHORT if any(made.share.counts.get(trouble) for trouble in troubles) else 0

    @property
    def _shards(self) -> dict[str, Any]:
        return {"per_shard": self.per_shard, "share": self.share, "anew": self.anew}


def making_options(per_shard: int, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of `Making`; they arrive as one ``making``, or as None where -o may be left out and is."""
    folder = click.Path(path_type=Path)
    options: list[Callable[..., Any]] = [
        click.option("-o", "--output", type=folder, required=required, metavar="DIR", help="Resumes if it was begun."),
        click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Workers side by side."),
        click.option("--shard", default="1/1", show_default=True, metavar="i/N", help="Make every N-th shard only."),
        click.option("--per-shard", type=click.IntRange(1), default=per_shard, show_default=True, help="Items each."),
        click.option("--sandbox", type=click.Choice(levels.LEVELS), default=levels.AUTO, show_default=True),
        _mib("--memory", _BOUNDS.memory, "Memory of a program, all its processes together."),
        _mib("--disk", _BOUNDS.disk, "Files of a program, all together."),
        click.option(
            "--processes", type=click.IntRange(1), default=_BOUNDS.processes, show_default=True, help="At once."
        ),
        click.option("--trust", is_flag=True, help="Go on where nothing isolates the code: it runs with your rights."),
        click.option("--no-scrub", is_flag=True, help="Leave paths, names and secrets in values as they are."),
        click.option("--anew", is_flag=True, help="Make shards again whose items changed since."),
        click.option("--dry-run", is_flag=True, help="Say what would be made."),
        click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stderr, the result on stdout."),
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathered(**given: Any) -> Any:
            share, scrub = supervisor.parse_shard(given.pop("shard")), not given.pop("no_scrub")
            sizes = {name: given.pop(name) * MIB for name in ("memory", "disk")}
            bounds = Bounds(processes=given.pop("processes"), **sizes)
            names = ("output", "jobs", "per_shard", "sandbox", "trust", "anew", "dry_run", "as_json")
            taken = {name: given.pop(name) for name in names}
            making = None if taken["output"] is None else Making(share=share, scrub=scrub, bounds=bounds, **taken)
            return command(making=making, **given)

        command_with_options: Callable[..., Any] = gathered
        for option in reversed(options):
            command_with_options = option(command_with_options)
        return command_with_options

    return decorate


def _mib(name: str, default: int, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        name, type=click.IntRange(1), default=default // MIB, show_default=True, metavar="MIB", help=text
    )


@collect.command("functions")
@click.argument("sources", nargs=-1, metavar="[SOURCE…]")
@click.option("--samples", "file", type=click.Path(path_type=Path), help="JSONL of {id, code, input, output?} instead.")
@click.option("--inputs-per-function", "kept", type=click.IntRange(1), default=8, show_default=True)
@click.option("--tries", "tried", type=click.IntRange(1), default=60, show_default=True, help="Inputs to choose from.")
@click.option(
    "--longest", type=click.IntRange(1), default=functions.LONGEST, show_default=True, help="Lines of a program."
)
@click.option("--calls", "given", type=click.Path(path_type=Path), help="JSONL of {function, args}: inputs to try too.")
@click.option("--propose", "url", metavar="URL", help="Let a model propose inputs: an OpenAI-compatible endpoint.")
@click.option("--model", help="The model at --propose.")
@click.option("--key-env", metavar="NAME", help="Environment variable that holds the key for --propose.")
@click.option("--crosshair", type=float, default=0.0, metavar="SECONDS", help="Let crosshair solve for missed lines.")
@making_options(per_shard=50)
@settings_options(deadline=60.0)
def collect_functions(
    sources: tuple[str, ...],
    file: Path | None,
    kept: int,
    tried: int,
    longest: int,
    given: Path | None,
    url: str | None,
    model: str | None,
    key_env: str | None,
    crosshair: float,
    making: Making,
    settings: Settings,
) -> None:
    """Find the functions of SOURCEs, invent inputs, keep those that show something new: one program and trace each.

    A SOURCE is a file, a folder, or an installed module. With --samples, the function f of every sample is called as
    CRUXEval does.
    """
    if (file is None) == (not sources):
        raise CannotRun("give SOURCEs (files, folders, installed modules), or --samples FILE")
    if (url is None) != (model is None):
        raise CannotRun("--propose URL and --model NAME go together")
    if not 0 <= crosshair <= LONGEST_PASS:
        raise CannotRun(f"--crosshair {crosshair}: give seconds, at most {LONGEST_PASS} a function, or leave it out")
    if key_env is not None and key_env not in os.environ:
        raise CannotRun(f"--key-env {key_env}: there is no such environment variable")
    if file is not None:
        _refuse_unused("--samples", calls=given, propose=url, crosshair=crosshair)
        sys.exit(making.make(settings, samples.read_samples(file), samples.SamplesWork))
    making.level(settings)
    dropped: Counter[str] = Counter()
    found = functions.read_functions(sources, settings.python, read_calls(given) if given else {}, dropped, longest)
    endpoint = Endpoint(url, model, key_env) if url and model else None
    work = functools.partial(functions.FunctionsWork, tried=tried, kept=kept, crosshair=crosshair, endpoint=endpoint)
    sys.exit(making.make(settings, found, work, dropped))


@collect.command("programs")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@making_options(per_shard=50)
@settings_options(deadline=60.0)
def collect_programs(file: Path, making: Making, settings: Settings) -> None:
    """Run programs that read standard input, JSONL of {id, source, tests: [{input, output}], correct?}.

    One trace a test, with what was printed, what should have been, and the verdict.
    """
    sys.exit(making.make(settings, judged.read_programs(file), judged.ProgramsWork))


@collect.command("synthetic")
@click.option("-n", "count", type=int, required=True, help="How many programs.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed, the same programs.")
@click.option(
    "--programs", type=click.Path(path_type=Path), metavar="FILE", help="Write them as JSONL: {id, code, input}."
)
@making_options(per_shard=500, required=False)
@settings_options(deadline=60.0, seed=False)
def collect_synthetic(count: int, seed: int, programs: Path | None, making: Making | None, settings: Settings) -> None:
    """Make small functions from a seed and call each once, one trace each."""
    if count < 1:
        raise CannotRun(f"-n {count}: must be at least 1")
    if making is None and programs is None:
        raise CannotRun("give -o DIR for a data set, --programs FILE for the programs, or both")
    found = [samples.Sample(each.id, each.code, each.input) for each in synthetic.programs(count, seed)]
    if making is not None:
        making.level(settings)
    if programs is not None and not (making is not None and making.dry_run):
        samples.write_samples(programs, found)
    if making is None:
        click.echo(f"{count} programs in {programs}")
        return
    sys.exit(making.make(settings, found, functools.partial(samples.SamplesWork, source="synthetic")))


def _print_plan(plan: supervisor.Plan) -> None:
    for shard in plan.mine:
        click.echo(f"shard {shard.index}  {shard.items} items  {shard.state.value}{f': {shard.why}' * bool(shard.why)}")
    left = [shard for shard in plan.mine if shard.state is not State.DONE]
    click.echo(f"{len(left)} of {len(plan.mine)} shards to make, {sum(shard.items for shard in left)} items")


def _print_made(made: supervisor.Summary, dropped: Counter[str] | None) -> None:
    """What there is now, of this job's share; as JSON, with what became no item, if that is given."""
    share = made.share
    if dropped is not None:
        said = dataclasses.asdict(share) | {"complete": made.whole is not None, "not looked at": dict(dropped)}
        click.echo(json.dumps(said))
        return
    groups: dict[str, Counter[str]] = {"kept": Counter(), "dropped": Counter(), "cut off": Counter()}
    for name, number in share.counts.items():
        group, _, kind = name.partition(".")
        groups.setdefault(group, Counter())[kind] = number
    if "functions" in groups:
        del groups["functions"]
        click.echo(f"functions {functions.shares(share.counts)}")
    for group, counts in groups.items():
        click.echo(f"{group:<9} {counts.total()}: {views.counted(counts)}" if group in _SUMS else _group(group, counts))
    if made.whole is None:
        click.echo(
            f"{share.shards} shards are finished here; the data set is not complete without those of the other jobs"
        )


_SUMS = ("kept", "dropped", "cut off", "scrubbed")


def _group(group: str, counts: Counter[str]) -> str:
    return f"{group:<9} {', '.join(f'{number} {kind}' for kind, number in counts.items())}"


@main.command("merge")
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path), metavar="DIR…")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT")
def merge(sources: tuple[Path, ...], output: Path) -> None:
    """Make one data set of several, or of the pieces that --shard i/N made of one; each trace once."""
    made = merging.merge(sources, output)
    click.echo(f"{made.rows} traces in {output}; {made.repeated} were there more than once")


@collect.command("repo")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--trust", is_flag=True, help="Run the repository's code although nothing isolates it.")
@click.option("--max-traces-per-function", "each", type=click.IntRange(1), default=10, show_default=True)
@settings_options(deadline=1800.0)
def collect_repo(path: Path, output: Path, trust: bool, each: int, settings: Settings) -> None:
    """Run a repository's pytest suite, one trace per call of its functions.

    The suite runs twice, untraced first; --deadline is for each of the two.
    """
    if not trust:
        raise CannotRun(f"{path}: a suite runs outside of the sandbox, with your rights; --trust runs it")
    shards.can_write(output)
    with _Tests() as bar:
        repository = repositories.run_repository(path, settings, each, bar.tell)
    count = shards.write(output, repositories.tables(repository, path, settings))
    called, traced = repository.functions_called, repository.functions_traced
    click.echo(f"tests      {len(repository.traced)}: {views.counted(Counter(repository.traced.values()))}")
    click.echo(f"functions  {called} called, {traced} with traces ({traced / max(called, 1):.0%})")
    click.echo(f"kept       {count}: {views.counted(repository.kept)}")
    click.echo(f"dropped    {repository.dropped.total()}: {views.counted(repository.dropped)}")
    for node, (plain, under) in repository.changed.items():
        _say(f"{node}: {plain} untraced, {under} traced")
    if repository.timed_out:
        _say(f"the traced suite was killed at the deadline of {settings.deadline:g} s; --deadline gives it more")
    sys.exit(FELL_SHORT if repository.changed or repository.timed_out else 0)


class _Tests:
    """Progress over the tests of a suite, on stderr."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._name = ""

    def __enter__(self) -> _Tests:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def tell(self, name: str, found: Said) -> None:
        """Move to what the wire says."""
        if self._bar is None or self._name != name:
            self.__exit__()
            self._name = name
            self._bar = tqdm(desc=name, unit="test", file=sys.stderr, disable=None)
        self._bar.total = found.tests or None
        self._bar.update(len(found.outcomes) - self._bar.n)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--trace", "wanted", metavar="ID", help="Show one trace: its id, the id's beginning, or its program's id."
)
@click.option("--format", "style", type=click.Choice(["text", "json", "table"]), default="table", show_default=True)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Traces to list.")
def show(folder: Path, wanted: str | None, style: str, limit: int) -> None:
    """List the traces of a data set, or show one."""
    if wanted is None:
        views.print_listing(tracegen.read(folder), _console(sys.stdout), limit)
        return
    either = pc.starts_with(pc.field("id"), wanted) | (pc.field("program_id") == wanted)
    trace = next(tracegen.read(folder, where=either), None)
    if trace is None:
        raise CannotRun(f"{folder}: no trace {wanted!r}; `foretrace show {folder}` lists them")
    try:
        trace.pieces()
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise CannotRun(f"{folder}: trace {trace.id}: its steps are damaged: {error}") from None
    if style == "text":
        _write_bytes(trace.text())
    elif style == "json":
        click.echo(views.as_json(trace))
    else:
        views.print_table(trace, _console(sys.stdout))


@main.command("train")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Folder of the run."
)
@click.option("--tokens", type=click.IntRange(min=1), help="End after so many tokens.")
@click.option(
    "--minutes",
    type=_Real(min=0, min_open=True),
    help="End after so many, from the first step on; the last look comes behind.",
)
@click.option("--preset", type=click.Choice(["bundled", "tiny"]), default="bundled", show_default=True, help="Shape.")
@click.option("--from", "existing", metavar="MODEL", help="Begin with this model: a folder, or owner/name of the hub.")
@click.option("--data", type=click.Path(path_type=Path), multiple=True, metavar="DIR", help="Learn from this data set.")
@click.option(
    "--shun", type=click.Path(path_type=Path), multiple=True, metavar="JSONL", help="Never learn its programs."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 2), default=0, show_default=True, metavar="INTEGER")
@click.option(
    "--learn", type=click.Choice(["traces", "all"]), default="traces", show_default=True, help="Of a document."
)
@click.option(
    "--drills",
    type=click.IntRange(0, 100),
    default=35,
    show_default=True,
    help="Percent: straight lines of operations.",
)
@click.option(
    "--renamed", type=click.IntRange(0, 100), default=30, show_default=True, help="Percent of programs: other names."
)
@click.option("--row", type=click.IntRange(min=64), default=4096, show_default=True, help="Tokens of a packed row.")
@click.option("--rows", type=click.IntRange(min=1), default=1, show_default=True, help="Rows of a rank in a step.")
@click.option("--muon", type=_Real(min=0), default=0.02, show_default=True, help="Rate of the matrices.")
@click.option("--adamw", type=_Real(min=0), default=0.004, show_default=True, help="Rate of the rest.")
@click.option("--dtype", type=click.Choice(["bf16", "fp32"]), default="bf16", show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--ranks", type=click.IntRange(min=0), default=0, help="Processes on CPU.  [default: one a core]")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes of a rank that make programs.")
@click.option("--save-minutes", type=_Real(min=0), default=5.0, show_default=True, help="Between states.")
@click.option("--look-minutes", type=_Real(min=0), default=15.0, show_default=True, help="Between looks.")
@click.option("--look-at", type=click.IntRange(min=0), default=100, show_default=True, help="Held-out programs.")
@click.option("--change", is_flag=True, help="Go on with a run under other rates, rows, mixture or data.")
@click.option("--json", "as_json", is_flag=True, help="The log on stdout, a line a step.")
def train_command(
    output: Path,
    tokens: int | None,
    minutes: float | None,
    preset: str,
    existing: str | None,
    data: tuple[Path, ...],
    shun: tuple[Path, ...],
    seed: int,
    learn: str,
    drills: int,
    renamed: int,
    row: int,
    rows: int,
    muon: float,
    adamw: float,
    dtype: str,
    device: str,
    ranks: int,
    workers: int,
    save_minutes: float,
    look_minutes: float,
    look_at: int,
    change: bool,
    as_json: bool,
) -> None:
    """Train a model to predict traces: of programs made on the fly, or of data sets.

    RUN/checkpoint is a folder that `predict --model` and transformers load; the same command goes on with it.
    """
    if tokens is None and minutes is None:
        raise CannotRun("how long? give --tokens or --minutes")
    # Only here: torch takes seconds to load.
    from cwm_model import train
    from cwm_model.training import curve, loop
    from cwm_model.training.corpus import Mixture
    from cwm_model.training.optimizer import Rates

    plan = loop.Plan(
        loop.Budget(tokens, minutes),
        Rates(muon=muon, adamw=adamw),
        row=row,
        rows=rows,
        context_too=learn == "all",
        save_minutes=save_minutes,
        look_minutes=look_minutes,
        dtype=dtype,
    )
    wanted = train.Training(
        output,
        plan,
        begin=existing or preset,
        existing=existing is not None,
        data=data,
        mixture=Mixture(seed=seed + 1, drills=drills, renamed=renamed, longest=row),
        shun=shun,
        seed=seed,
        device=device,
        ranks=ranks,
        workers=workers,
        looked_at=look_at,
        changing=change,
    )
    train.start(wanted, _print_line if as_json else _print_step)
    curve.draw(output / loop.LOG, output / "curve.svg")
    click.echo(f"{output}/checkpoint: the model; {output}/curve.svg: how it came there", err=as_json)


def _print_line(line: dict[str, object]) -> None:
    click.echo(json.dumps(line))


def _print_step(line: dict[str, object]) -> None:
    """A line of a training run's log for people, on stderr."""
    if held := line.get("held_out"):
        click.echo(f"step {line['step']}: held out: {json.dumps(held)}", err=True)
    elif line["step"] == 1 or int(str(line["step"])) % 10 == 0:
        click.echo(
            f"step {line['step']}: loss {line['loss']}, {line['tokens']} tokens, {line['tokens_per_second']} a second, "
            f"{int(str(line['left_seconds'])) // 60} minutes left",
            err=True,
        )


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that asks a model."""
    for option in reversed(
        [
            click.option(
                "--model", default="bundled", show_default=True, help="Folder, owner/name of the hub, or http address."
            ),
            click.option("--tokenizer", metavar="FOLDER", help="That of the model on a server."),
            click.option("--served", metavar="NAME", help="The model's name, where a server has several."),
            click.option("--key-env", metavar="NAME", help="Environment variable that holds the server's key."),
            click.option(
                "--temperature",
                type=_Real(0, 100),
                default=0.0,
                show_default=True,
                help="0 is greedy.",
            ),
            click.option("--top-p", type=_Real(0, 1, min_open=True), default=1.0, show_default=True),
            click.option("--seed", type=int, default=0, show_default=True),
            click.option(
                "--constrained/--free",
                default=None,
                help="Whether only a trace can be written.  [default: unless on a server]",
            ),
            click.option(
                "--dtype", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", show_default=True
            ),
            click.option("--device", default="auto", show_default=True, help="cpu, cuda or cuda:N."),
        ]
    ):
        command = option(command)
    return command


@main.command("predict")
@click.argument("target")
@click.option("--args", "arguments", metavar="SOURCE", help='Argument list of file.py::function: "1, [2]".')
@click.option("--trace", "wanted", metavar="ID", help="Which trace of a data set, as `show` takes it.")
@model_options
@click.option(
    "--mode",
    type=click.Choice(["full", "single", "teacher-forced", "stepping"]),
    default="full",
    show_default=True,
    help="The whole trace, what it returns at once, each frame behind the true ones, or as stdin says.",
)
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="Sample i has the seed plus i.")
@click.option("--max-tokens", type=click.IntRange(1), help="Of a trace or a frame.  [default: what there is room for]")
@click.option("--format", "style", type=click.Choice(["text", "json", "table"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def predict_command(
    target: str,
    arguments: str | None,
    wanted: str | None,
    mode: str,
    samples: int,
    max_tokens: int | None,
    style: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Let a model predict the trace of a program: script.py, file.py::function, or a data set's DIR with --trace.

    The program is not run, but for teacher-forced: there a file is run as `trace` runs it, with your rights. Exits
    with 1 if a prediction was cut off or is malformed.

    Stepping goes frame by frame, as a debugger does. Each line of stdin is a command, or its first letter: step,
    next (over a call), out (of the function), run, back, quit.
    """
    style = "json" if as_json else style
    if samples > 1 and (mode in ("teacher-forced", "stepping") or given["temperature"] == 0):
        raise CannotRun(f"--samples {samples}: give a --temperature, and a mode of full or single")
    # Only here: torch takes seconds to load.
    from cwm_model import predict
    from cwm_model.predicting import targets
    from cwm_model.predicting import views as prediction_views
    from cwm_model.predicting.forced import teacher_forced
    from cwm_model.predicting.stepping import Stepper

    found = targets.target_of(target, arguments, wanted, run=mode == "teacher-forced")
    backend, asking = _asked_of(given, max_tokens, found.prompt)
    if mode == "stepping":
        predictions = _stepping(Stepper(backend, found.prompt, asking), style == "json")
    elif found.truth is not None and mode == "teacher-forced":
        try:
            coming = teacher_forced(backend, found.prompt, found.truth, asking, finished=found.finished)
        except ValueError as error:
            raise CannotRun(
                f"{target}: the true trace is not one of the grammar: {error}; --free goes without"
            ) from None
        places = sorted(_counted(coming, "frame", len(found.truth) + found.finished), key=lambda place: place.number)
        predictions = [place.prediction for place in places]
        if style == "json":
            click.echo(prediction_views.forced_as_json(found, places))
        elif style == "table":
            prediction_views.print_forced(found, places, _console(sys.stdout))
        else:
            _write_bytes(prediction_views.as_text(found, predictions))
        _say(f"{sum(place.exact for place in places)} of {len(places)} places exact")
    else:
        drawn = predict.predict(backend, [found.prompt], predict.Mode(mode), asking, samples=samples)
        by_sample = {each.sample: each.prediction for each in _counted(drawn, "sample", samples)}
        predictions = [by_sample[sample] for sample in range(samples)]
        for sample, prediction in enumerate(predictions):
            if style == "json":
                click.echo(prediction_views.as_json(found, sample, prediction))
            elif style == "table":
                prediction_views.print_table(found, sample, prediction, _console(sys.stdout))
            else:
                _write_bytes("\n" * (sample > 0) + prediction_views.as_text(found, [prediction]))
    troubles = Counter(prediction_views.ended(each) for each in predictions if not each.outcome.whole)
    for trouble, count in troubles.items():
        _say(f"{trouble}" + f" ({count} times)" * (count > 1))
    sys.exit(FELL_SHORT if troubles else 0)


def _stepping(stepper: Stepper, as_json: bool) -> list[Prediction]:
    """Obey stdin line by line; the last prediction is what the command ends by."""
    from cwm_model.predicting import debugging
    from cwm_model.predicting import views as prediction_views

    asked = sys.stdin
    somebody = asked.isatty()

    def lines() -> Iterator[str]:
        while True:
            if somebody:
                click.echo("> ", nl=False, err=True)
            line = asked.readline()
            if not line:
                return
            yield line

    def confused(said: str) -> None:
        if not somebody:
            raise CannotRun(f"stdin: {said}")
        _say(said)

    last = None
    for stepped in debugging.stepped(stepper, lines(), confused):
        if as_json:
            click.echo(prediction_views.stepped_as_json(stepped))
        else:
            prediction_views.print_stepped(stepped, _console(sys.stdout))
        last = stepped.prediction
    return [last] if last is not None else []


def _counted(coming: Iterable[T], unit: str, total: int) -> Iterator[T]:
    """The same, with progress on stderr."""
    yield from tqdm(coming, total=total, unit=unit, file=sys.stderr, disable=None, leave=False)


@main.command("diff")
@click.argument("target")
@click.option("--args", "arguments", metavar="SOURCE", help='Argument list of file.py::function: "1, [2]".')
@click.option("--trace", "wanted", metavar="ID", help="Which trace of a data set, as `show` takes it.")
@model_options
@click.option("--max-tokens", type=click.IntRange(1), help="Of the trace.  [default: what there is room for]")
@click.option("--around", type=click.IntRange(0), default=3, show_default=True, help="Frames before and behind.")
@click.option("--json", "as_json", is_flag=True)
def diff_command(
    target: str,
    arguments: str | None,
    wanted: str | None,
    max_tokens: int | None,
    around: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a program, let a model predict it, and say where they part.

    A file is run as `trace` runs it, with your rights. Exits with 1 if they part.
    """
    # Only here: torch takes seconds to load.
    from cwm_model.predicting import targets
    from evals import difference_views
    from evals.difference import differ

    found = targets.target_of(target, arguments, wanted, run=True)
    backend, asking = _asked_of(given, max_tokens, found.prompt)
    difference = differ(backend, found, asking)
    if as_json:
        click.echo(difference_views.as_json(difference))
    else:
        difference_views.print_difference(difference, _console(sys.stdout), around)
    sys.exit(0 if difference.comparison.exact else FELL_SHORT)


def _model_of(given: dict[str, Any], **more: Any) -> tuple[Any, Any, bool | None]:
    """What `model_options` name: how the model is opened, how tokens are picked, whether the grammar binds."""
    from cwm_model.backends import Sampling
    from cwm_model.predicting.opening import Opening

    sampling = Sampling(given.pop("temperature"), given.pop("top_p"), given.pop("seed"))
    constrained = given.pop("constrained")
    return Opening(**given, **more), sampling, constrained


def _asked_of(given: dict[str, Any], max_tokens: int | None, prompt: Any) -> tuple[Any, Any]:
    """The backend and the way of asking for traces behind a prompt, which must leave room for one."""
    from cwm_model.predicting.asking import Asking, check_room

    opening, sampling, constrained = _model_of(given)
    bound = not opening.is_server if constrained is None else constrained
    backend = opening.open()
    check_room(backend, prompt)
    return backend, Asking(sampling, max_tokens, bound)


@main.command("eval")
@click.argument("task", metavar="TASK")
@click.option("--mode", help="How the model is asked.  [default: the task's first]")
@click.option("--data", metavar="PATH", help="JSONL, data set, or 'handwritten'.  [default: the task's own]")
@click.option("--semantics", type=click.Choice(["literal", "official"]), default="literal", show_default=True)
@model_options
@click.option("--server", metavar="URL", help="The same as --model URL.")
@click.option(
    "--at-once", type=click.IntRange(1), default=16, show_default=True, help="Answers that are written together."
)
@click.option(
    "--samples", type=click.IntRange(1), default=1, show_default=True, help="Of each item; i has the seed plus i."
)
@click.option("--max-tokens", type=click.IntRange(1), help="Of an answer.  [default: twice the true trace's and 256]")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many items.")
@click.option("--ids", metavar="ID,…", help="Only these items.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="RUN", help="The run's folder; goes on there.")
@click.option(
    "--export", "harness", type=click.Choice(["lm-eval", "inspect"]), help="Write a task for it to RUN instead."
)
@click.option("--json", "as_json", is_flag=True, help="results.json on stdout.")
def eval_command(
    task: str,
    mode: str | None,
    data: str | None,
    semantics: str,
    server: str | None,
    at_once: int,
    samples: int,
    max_tokens: int | None,
    limit: int | None,
    ids: str | None,
    output: Path | None,
    harness: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Ask a model what programs do, and judge it: cruxeval-o, cruxeval-i, traces, halting, complexity.

    RUN/samples.jsonl has every answer as soon as it is there, RUN/results.json what they come to. The same command goes
    on with a run. Exits with 1 if answers failed to come.
    """
    if output is None:
        raise CannotRun("where to? give -o RUN, a folder")
    # Only here: torch takes seconds to load.
    from evals import evaluation, tasks

    chosen = tuple(filter(None, (id.strip() for id in (ids or "").split(","))))
    if ids is not None and not chosen:
        raise CannotRun(f"--ids {ids!r}: names no item")
    model = given.pop("model")
    if server is not None and model != "bundled":
        raise CannotRun(f"--server and --model {model}: give one of them")
    choice = tasks.Choice(task, mode or tasks.MODES.get(task, ("",))[0], data, semantics, limit, chosen)
    if harness is not None:
        for path in evaluation.exported(choice, harness, output):
            click.echo(path)
        return
    opening, sampling, constrained = _model_of(given, model=server or model, at_once=at_once)
    asked = evaluation.Asked(choice, opening, sampling, samples, max_tokens, constrained)
    results = evaluation.evaluate(asked, output, _answering())
    _show_results(results, as_json)
    sys.exit(FELL_SHORT if results.failed else 0)


def _answering(seconds: float = 30.0) -> Callable[[Any], None]:
    """Progress on stderr: answers, tokens, and what is left at this rate; a bar, or a line every so many seconds."""
    bar: tqdm[Any] | None = None
    begun, before, last = time.monotonic(), 0, 0.0

    def say(told: Any) -> None:
        nonlocal bar, before, last
        if bar is None:
            before = told.done
            bar = tqdm(total=told.of, initial=told.done, unit="answer", file=sys.stderr, disable=None)
            return
        bar.update(told.done - bar.n)
        share = (told.of - told.done) / (told.done - before)
        left = f"{told.tokens:,} tokens, about {round(told.tokens * share):,} left"
        bar.set_postfix_str(left, refresh=False)
        gone = time.monotonic() - begun
        if bar.disable and gone - last >= seconds:
            last = gone
            _say(f"{told.done} of {told.of} answers, {left}, {round(gone * share)} seconds")
        if told.done == told.of:
            bar.close()

    return say


def _show_results(results: Any, as_json: bool) -> None:
    from evals import views as evaluation_views

    if as_json:
        click.echo(results.as_json(), nl=False)
    else:
        evaluation_views.print_results(results, _console(sys.stdout))


@main.command("score")
@click.argument("predictions", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--task", required=True, type=click.Choice(["cruxeval-o", "cruxeval-i", "halting", "complexity"]))
@click.option("--data", metavar="FILE", help="As of `eval`.  [default: the task's own]")
@click.option("--semantics", type=click.Choice(["literal", "official"]), default="literal", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="RUN", help="Write a run's files there.")
@click.option("--json", "as_json", is_flag=True, help="results.json on stdout.")
def score_command(
    predictions: Path, task: str, data: str | None, semantics: str, output: Path | None, as_json: bool
) -> None:
    """Judge answers that were made elsewhere: generations.json, lm-eval's samples, or lines {id, predictions}.

    An answer stands alone, or between [ANSWER] tags.
    """
    from evals import evaluation, tasks
    from evals.cruxeval import ANSWERS

    choice = tasks.Choice(task, ANSWERS, data, semantics)
    _show_results(evaluation.scored(predictions, choice, output), as_json)


@main.command("rescore")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--semantics", type=click.Choice(["literal", "official"]), help="Other rules.  [default: the run's]")
@click.option("--data", metavar="PATH", help="Where its data is now.  [default: where it was]")
@click.option("--json", "as_json", is_flag=True, help="results.json on stdout.")
def rescore_command(run: Path, semantics: str | None, data: str | None, as_json: bool) -> None:
    """Judge a run's raw answers anew; nothing is asked again."""
    from evals import evaluation

    _show_results(evaluation.rescored(run, semantics, data), as_json)


@main.command("compare")
@click.argument("run_a", type=click.Path(path_type=Path), metavar="RUN_A")
@click.argument("run_b", type=click.Path(path_type=Path), metavar="RUN_B")
@click.option("--json", "as_json", is_flag=True)
def compare_command(run_a: Path, run_b: Path, as_json: bool) -> None:
    """Compare two runs item by item: McNemar's exact test, and the differences with their intervals."""
    from evals import views as evaluation_views
    from evals.paired_runs import compare_runs, named

    compared = compare_runs(run_a, run_b)
    if as_json:
        click.echo(json.dumps({name: dataclasses.asdict(each) for name, each in compared.items()}))
    else:
        evaluation_views.print_paired(compared, (named(run_a), named(run_b)), _console(sys.stdout))


@main.command("doctor")
@click.option("--json", "as_json", is_flag=True)
def doctor_command(as_json: bool) -> None:
    """Say what this machine can do, and why not more."""
    found = doctor.examine()
    click.echo(doctor.as_json(found) if as_json else doctor.as_text(found))


def _console(stream: Any) -> Console:
    # Piped output is for people too, but nobody's terminal tells its width: take enough for the source.
    return Console(file=stream, highlight=False, width=None if stream.isatty() else 160)


def _write_bytes(text: str) -> None:
    """The model's format and nothing else: no newline added, no line end changed."""
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def _say(line: str) -> None:
    tqdm.write(views.visible_lines(line), file=sys.stderr)


def _end(told: Told) -> str:
    finished = told.finished
    if finished.timed_out:
        return "it was killed at the deadline"
    last = finished.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return "; ".join([f"exit code {finished.returncode}", *last])


if __name__ == "__main__":
    main()
