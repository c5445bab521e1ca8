"""The command ``foretrace``, called in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

import cli


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "surrogatepass")


def foretrace(*args: str | Path, stdin: str | None = None) -> Answer:
    """Run the command; an exception that it does not catch is raised here."""
    result = CliRunner().invoke(cli.main, [str(arg) for arg in args], input=stdin, catch_exceptions=False)
    return Answer(result.exit_code, result.stdout_bytes, result.stderr)


def refused(*args: str | Path) -> str:
    """The one line with which a command refuses; it exits with 2 and says nothing on stdout."""
    answer = foretrace(*args)
    assert (answer.code, answer.out) == (2, b""), answer
    assert "Traceback" not in answer.err
    [line] = answer.err.splitlines()
    assert line.startswith("foretrace: ")
    return line.removeprefix("foretrace: ")
