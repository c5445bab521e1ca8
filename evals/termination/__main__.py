"""``python -m evals.termination check FILE`` verifies every certificate; ``make N --seed S -o FILE`` writes N pairs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from evals.termination.certificates import check
from evals.termination.generator import make
from evals.termination.items import read_items, spelled
from tracegen import CannotRun, Settings
from tracegen.sandbox.levels import AUTO, chosen

FROZEN = Path(__file__).parent.parent / "data" / "halting.jsonl"


@click.group()
def main() -> None:
    """Programs that halt or loop, with certificates."""


@main.command("check")
@click.argument("file", type=click.Path(path_type=Path), default=FROZEN)
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Sandboxes side by side.")
@click.option("--python", default=sys.executable, help="The interpreter that runs the halting ones.")
def check_file(file: Path, jobs: int, python: str) -> None:
    """Verify every certificate of FILE (the frozen suite by default); one line for each that is refused."""
    items, refused = read_items(file), 0
    # The file may be a stranger's.
    level = chosen(AUTO, Settings(python=python), trust=False)
    for item, why in check(items, jobs, python, level):
        if why:
            refused += 1
            click.echo(f"{item.id}: {why}")
    click.echo(f"{len(items) - refused} of {len(items)} labels are proved", err=True)
    sys.exit(1 if refused else 0)


@main.command("make")
@click.argument("pairs", type=click.IntRange(1))
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="A new file.")
def make_file(pairs: int, seed: int, out: Path) -> None:
    """Write PAIRS minimal pairs, twice as many items."""
    text = spelled(make(pairs, seed))
    try:
        with out.open("x", encoding="ascii", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise CannotRun(f"{out}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    try:
        main(prog_name="python -m evals.termination", standalone_mode=False)
    except (CannotRun, click.ClickException) as error:
        print(error.format_message() if isinstance(error, click.ClickException) else error, file=sys.stderr)
        sys.exit(2)
    except click.Abort:
        sys.exit(2)
