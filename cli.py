"""The command ``foretrace``: options in, one call of a package, results on stdout, complaints on stderr.

Exit codes: 0 done, 1 ran and fell short, 2 cannot run.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import pyarrow.compute as pc
from rich.console import Console
from tqdm import tqdm

import tracegen
from tracegen import doctor, shards, views
from tracegen.notes import Said
from tracegen.payload.recorder import Limits
from tracegen.payload.values import POLICIES
from tracegen.programs import collection, functions, repositories, scripts, synthetic
from tracegen.programs.told import Told
from tracegen.settings import TRACERS, CannotRun, Settings

FELL_SHORT = 1
_DEFAULT = Limits()


class OneLine(click.Group):
    """Turns every error that a user can mend into one line and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command."""
        try:
            return super().main(*args, **kwargs)
        except CannotRun as error:
            click.echo(f"foretrace: {views.visible(str(error))}", err=True)
            sys.exit(2)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="foretrace")
def main() -> None:
    """Execution traces for code world models: make them, store them, look at them."""


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
        return functions.trace_call(functions.call_in_file(Path(file), function, arguments or ""), settings)
    _refuse_unused("a script", arguments=arguments)
    return scripts.trace_script(Path(file), argv, settings, stdin)


def _refuse_unused(kind: str, **given: object) -> None:
    names = {"arguments": "--args", "stdin": "--stdin", "argv": "arguments after --"}
    for name, value in given.items():
        if value:
            raise CannotRun(f"{names[name]}: means nothing for {kind}")


@main.group()
def collect() -> None:
    """Make a data set: of functions, of a repository, or of programs from a seed."""


@collect.command("functions")
@click.option("--samples", type=click.Path(path_type=Path), required=True, help="JSONL of {id, code, input, output?}.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes side by side.")
@settings_options(deadline=60.0)
def collect_functions(samples: Path, output: Path, jobs: int, settings: Settings) -> None:
    """Call the function f of every sample as CRUXEval does, one trace each."""
    shards.can_write(output)
    rows = functions.read_samples(samples)
    _say("nothing isolates this code: it runs with your rights")
    found = collection.store(output, _progress(functions.run_samples(rows, settings, jobs), len(rows)), _say)
    _print_collection(found)
    click.echo(f"outputs  {found.agreed} as the sample says, {len(found.differs)} not")
    sys.exit(FELL_SHORT if found.dropped or found.differs else 0)


@collect.command("synthetic")
@click.option("-n", "count", type=int, required=True, help="How many programs.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed, the same programs.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The data set of their traces.")
@click.option(
    "--programs", type=click.Path(path_type=Path), metavar="FILE", help="Write them as JSONL: {id, code, input}."
)
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes side by side.")
@settings_options(deadline=60.0, seed=False)
def collect_synthetic(
    count: int, seed: int, output: Path | None, programs: Path | None, jobs: int, settings: Settings
) -> None:
    """Make small functions from a seed and call each once, one trace each."""
    if count < 1:
        raise CannotRun(f"-n {count}: must be at least 1")
    if output is None and programs is None:
        raise CannotRun("give -o DIR for a data set, --programs FILE for the programs, or both")
    if output is not None:
        shards.can_write(output)
    made = (functions.Sample(each.id, each.code, each.input) for each in synthetic.programs(count, seed))
    samples = made if programs is None else functions.write_samples(programs, made)
    if output is None:
        click.echo(f"{count} programs in {programs}")
        return
    found = collection.store(
        output, _progress(functions.run_samples(samples, settings, jobs, "synthetic"), count), _say
    )
    _print_collection(found)
    sys.exit(FELL_SHORT if found.dropped else 0)


def _progress(outcomes: Iterator[functions.Outcome], total: int) -> Iterator[functions.Outcome]:
    return iter(tqdm(outcomes, total=total, unit="sample", file=sys.stderr, disable=None))


def _print_collection(found: collection.Collection) -> None:
    click.echo(f"kept     {found.count}: {views.counted(found.kept)}")
    click.echo(f"dropped  {found.dropped.total()}: {views.counted(found.dropped)}")


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
        raise CannotRun(f"{path}: nothing isolates this code yet: it would run with your rights; --trust runs it")
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
