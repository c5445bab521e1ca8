"""Mutation testing of one module with cosmic-ray, in a copy of the tree.

    python -m benchmarks.mutation tracegen/grammar.py [WORK_FOLDER]

Prints the score and every mutant that survived.  With a folder the run can be interrupted and goes on.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import ROOT, described

TESTS = {
    "tracegen/grammar.py": ["tests/test_grammar.py"],
    "tracegen/elision.py": ["tests/test_elision.py", "tests/test_grammar.py"],
    "tracegen/payload/values.py": ["tests/test_values.py"],
    "tracegen/payload/recorder.py": ["tests/test_recorder.py", "tests/test_reference.py"],
    "tracegen/payload/activation.py": ["tests/test_reference.py", "tests/test_recorder.py"],
    "tracegen/payload/reference.py": ["tests/test_reference.py", "tests/test_recorder.py"],
}
TIMEOUT = 60
"""Seconds for the tests under one mutant: a mutant that loops is killed."""

CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider -p no:randomly {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def main() -> None:
    module = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else scratch) / module.replace("/", "-")
        if not folder.exists():
            ignored = shutil.ignore_patterns(".git", ".venv", "*.golden", "__pycache__", ".mypy_cache", ".hypothesis")
            shutil.copytree(ROOT, folder, ignore=ignored)
        config = CONFIG.format(module=module, timeout=TIMEOUT, python=sys.executable, tests=" ".join(TESTS[module]))
        (folder / "mutation.toml").write_text(config)
        cosmic = str(Path(sys.executable).with_name("cosmic-ray"))
        if not (folder / "session.sqlite").exists():
            subprocess.run([cosmic, "init", "mutation.toml", "session.sqlite"], cwd=folder, check=True)
            operators = str(Path(sys.executable).with_name("cr-filter-operators"))
            filters = '[cosmic-ray.filters.operators-filter]\nexclude-operators = ["core/.*BinaryOperator_BitOr_.*"]\n'
            # ``X | None`` in an annotation is not evaluated: mutants of it cannot be killed.
            (folder / "filter.toml").write_text(filters)
            subprocess.run([operators, "session.sqlite", "filter.toml"], cwd=folder, check=True)
        subprocess.run([cosmic, "exec", "mutation.toml", "session.sqlite"], cwd=folder, check=True)
        print(described())
        subprocess.run(
            [str(Path(sys.executable).with_name("cr-report")), "session.sqlite", "--surviving-only", "--show-diff"],
            cwd=folder,
            check=True,
        )


if __name__ == "__main__":
    main()
