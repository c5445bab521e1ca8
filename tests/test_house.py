"""What keeps the house in order: who imports whom, how long a file is, where the payload compiles."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted import every_interpreter

ROOT = Path(__file__).parent.parent
TRACEGEN = ROOT / "tracegen"
PAYLOAD = TRACEGEN / "payload"
ABOVE = {"tracegen": {"cwm_model", "evals", "cli"}, "cwm_model": {"evals", "cli"}, "evals": {"cli"}}
"""What stands on a package, and so may not be imported by it."""

MODULES = sorted([*(path for name in ABOVE for path in (ROOT / name).rglob("*.py")), ROOT / "cli.py"])
LONGEST = 350
TARGETS_OWN = {"pytest"}
"""What the payload imports of the traced interpreter, inside a function, if the target is a test suite."""

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports, relative ones with their dots, and whether it does so when it is loaded.

    What only a type checker sees is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)}
    checkers = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    unseen = {id(node) for check in checkers for each in check.body for node in ast.walk(each)}
    for node in (node for node in ast.walk(tree) if id(node) not in unseen):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in inside
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            if node.module is None or node.level:
                for alias in node.names:
                    yield f"{dots}{node.module or alias.name}", id(node) not in inside
            else:
                yield node.module, id(node) not in inside


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 20
    assert len([path for path in MODULES if PAYLOAD in path.parents]) >= 8


@each_module
def test_a_package_imports_nothing_that_stands_on_it(path: Path) -> None:
    found = {name.partition(".")[0] for name, _ in imported(path)}
    if path.name == "cli.py":
        assert found >= {"tracegen", "cwm_model", "click"}
        return
    assert not found & ABOVE[path.relative_to(ROOT).parts[0]]


def test_the_command_loads_torch_for_the_commands_that_need_it_only() -> None:
    at_load = {name.partition(".")[0] for name, at_load in imported(ROOT / "cli.py") if at_load}
    assert not at_load & {"cwm_model", "evals", "torch", "transformers"}


@pytest.mark.parametrize("path", sorted(PAYLOAD.glob("*.py")), ids=lambda path: path.name)
def test_the_payload_imports_the_standard_library_and_itself(path: Path) -> None:
    own = {f".{other.stem}" for other in PAYLOAD.glob("*.py")}
    for name, at_load in imported(path):
        if name.startswith("."):
            assert name in own
        elif name in TARGETS_OWN:
            assert not at_load
        else:
            assert name == "__future__" or name.partition(".")[0] in sys.stdlib_module_names


def test_the_bootstrap_loads_every_module_of_the_payload() -> None:
    tree = ast.parse((PAYLOAD / "bootstrap.py").read_text(encoding="utf-8"))
    names = [
        name
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("MODULES", "WARM")
        for name in ast.literal_eval(node.value)
    ]
    assert set(names) == {path.stem for path in PAYLOAD.glob("*.py")} - {"__init__", "bootstrap"}
    for index, name in enumerate(names):
        for wanted, _ in imported(PAYLOAD / f"{name}.py"):
            # Each is loaded after those that it needs.
            assert not wanted.startswith(".") or wanted[1:] in names[:index]


@each_module
def test_a_module_opens_with_a_docstring(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    # Behind the sentences a legend or a command line may stand, indented.
    sentences = [line for line in (docstring or "").split("\n") if line.strip() and not line.startswith("    ")]
    assert sentences and sentences[-1].endswith((".", "…", '"'))


@pytest.mark.parametrize(
    "path",
    [*MODULES, *sorted(path for name in ("tests", "benchmarks", "examples") for path in (ROOT / name).glob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_file_is_not_long_or_says_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    long = text.count("\n") > LONGEST
    assert not long or "Longer than" in (ast.get_docstring(ast.parse(text)) or "")


@every_interpreter
def test_the_payload_compiles_without_a_warning(python: str) -> None:
    program = "import pathlib, sys\nfor p in sys.argv[1:]:\n    compile(pathlib.Path(p).read_bytes(), p, 'exec')\n"
    paths = [str(path) for path in sorted(PAYLOAD.rglob("*.py"))]
    done = subprocess.run([python, "-W", "error", "-c", program, *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@every_interpreter
def test_the_bootstrap_leaves_nothing_of_ours_in_the_interpreter(python: str) -> None:
    program = f"""
import sys
before = set(sys.modules)
sys.path.insert(0, {str(PAYLOAD)!r})
import bootstrap
sys.path.pop(0)
del sys.modules["bootstrap"]
path = list(sys.path)
bootstrap.load({str(PAYLOAD)!r})
assert sys.path == path
print([name for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)
       and sys.modules[name].__file__.startswith({str(PAYLOAD)!r}) and not name.startswith("_foretrace_payload.")])
"""
    done = subprocess.run([python, "-B", "-I", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
