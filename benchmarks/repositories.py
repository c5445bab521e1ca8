"""Real repositories through `collect repo`: toolz and more-itertools, as their source distributions ship them.

    python -m benchmarks.repositories [NAME==VERSION ...]

Fetches them with pip into a temporary folder.  Prints how the tests ended untraced and traced, which share of the
functions that they call has traces, and checks that `datasets` opens the result and that every stored trace
speaks, renders and parses back to its frames.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import tracegen
from benchmarks.machine import described

DEFAULT = ("toolz==1.2.0", "more-itertools==11.2.1")


def fetched(requirement: str, folder: Path) -> Path:
    """Download and unpack a source distribution."""
    where = folder / requirement.partition("==")[0]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(where), requirement], check=True)
    (archive,) = where.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(where, filter="data")
    return next(path for path in where.iterdir() if path.is_dir())


def plain_seconds(repository: Path) -> float:
    """The suite as it is."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    subprocess.run(command, cwd=repository, check=False, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_HOME"] = folder
        import datasets

        for requirement in sys.argv[1:] or DEFAULT:
            repository = fetched(requirement, Path(folder))
            data = Path(folder) / f"data-{requirement}"
            plain = plain_seconds(repository)
            print(f"\n{requirement}", flush=True)
            started = time.perf_counter()
            command = [str(Path(sys.executable).with_name("foretrace")), "collect", "repo", str(repository)]
            status = subprocess.run([*command, "-o", str(data), "--trust", "--deadline", "900"], check=False)
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = sum(file.stat().st_size for file in data.rglob("*.parquet"))
            print(
                f"exit code {status.returncode}; {seconds:.1f} s for both runs and the storing, the suite alone "
                f"{plain:.1f} s; peak {peak:.0f} MiB; {size:,} bytes"
            )
            rows = datasets.load_dataset(str(data), split="train").num_rows
            traces = steps = 0
            for trace in tracegen.read(data):
                parsed = tracegen.parse(trace.pieces())
                assert parsed.frames == trace.frames(), trace.id
                assert not parsed.oddities, (trace.id, parsed.oddities[:3])
                traces += 1
                steps += len(trace.steps)
            assert rows == traces
            print(f"{traces} traces ({steps:,} steps) load, speak, render and parse back to their frames")


if __name__ == "__main__":
    main()
