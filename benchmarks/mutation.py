"""Mutation testing of one module with cosmic-ray, in a copy of the tree.

    python -m benchmarks.mutation tracegen/grammar.py [--sample N] [--folder WORK]

Prints the share of killed mutants and a diff of every one that survived.  With a folder, a run that was
interrupted goes on.  With a sample, that many mutants are drawn at random (seed 0); the rest is skipped.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.machine import ROOT, described

TESTS = {
    "tracegen/grammar.py": ["tests/test_grammar.py"],
    "tracegen/elision.py": ["tests/test_elision.py", "tests/test_grammar.py"],
    "tracegen/payload/values.py": ["tests/test_values.py"],
    "tracegen/payload/recorder.py": ["tests/test_recorder.py", "tests/test_reference.py"],
    "tracegen/payload/activation.py": ["tests/test_reference.py", "tests/test_recorder.py"],
    "tracegen/payload/reference.py": ["tests/test_reference.py", "tests/test_recorder.py", "tests/test_recording.py"],
}
TIMEOUT = 60
"""Seconds for the tests under one mutant: a mutant that loops is killed."""

CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def prepared(module: str, folder: Path, sample: int | None) -> None:
    """A copy of the tree with a session of mutants that are worth running."""
    from cosmic_ray.work_db import use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkResult

    ignored = shutil.ignore_patterns(".git", ".venv", "*.golden", "__pycache__", ".mypy_cache", ".hypothesis")
    shutil.copytree(ROOT, folder, ignore=ignored)
    tests = " ".join(TESTS[module])
    config = CONFIG.format(module=module, timeout=TIMEOUT, python=sys.executable, tests=tests)
    (folder / "mutation.toml").write_text(config)
    subprocess.run([command("cosmic-ray"), "init", "mutation.toml", "session.sqlite"], cwd=folder, check=True)
    with use_db(folder / "session.sqlite") as database:
        # ``X | None`` in an annotation is not evaluated: a mutant of it is no mutant.
        items = [(item.job_id, item.mutations[0].operator_name) for item in database.work_items]
        skipped = [job for job, operator in items if "ReplaceBinaryOperator_BitOr" in operator]
        kept = [job for job, operator in items if "ReplaceBinaryOperator_BitOr" not in operator]
        if sample is not None and sample < len(kept):
            drawn = set(random.Random(0).sample(sorted(kept), sample))
            skipped += [job for job in kept if job not in drawn]
        for job in skipped:
            database.set_result(job, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
        print(f"{module}: {len(kept)} mutants, {len(items) - len(skipped)} of them are run", flush=True)


def command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("module", choices=TESTS)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)) / given.module.replace("/", "-")
        if not folder.exists():
            prepared(given.module, folder, given.sample)
        subprocess.run([command("cosmic-ray"), "exec", "mutation.toml", "session.sqlite"], cwd=folder, check=True)
        from cosmic_ray.work_db import use_db

        with use_db(folder / "session.sqlite") as database:
            results = [(item, result) for item, result in database.completed_work_items]
        outcomes = Counter(str(result.test_outcome) for _, result in results if result.test_outcome)
        for item, result in results:
            if "survived" in str(result.test_outcome).lower():
                print(f"\n--- survived: {item.mutations[0].operator_name}\n{result.diff}")
        print(described())
        print(f"{given.module}: {dict(outcomes)}")


if __name__ == "__main__":
    main()
