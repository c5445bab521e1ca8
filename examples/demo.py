"""The demo: a repository's tests to a parquet data set; the bundled model evaluated; one program run and predicted.

    python examples/demo.py [DIR] [--items N]

Uses the command as anybody would; prints each command before it runs it.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODES = ("trace", "single")
RUN = ("run.json", "samples.jsonl", "results.json")


def foretrace(*arguments: str) -> None:
    """Print and run one command; stop if it cannot run.  1 says that a model fell short, as it may."""
    print(f"\n$ foretrace {shlex.join(arguments)}", flush=True)
    done = subprocess.run([Path(sys.executable).with_name("foretrace"), *arguments], check=False)
    if done.returncode > 1:
        sys.exit(done.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("demo-data"), help="where everything goes")
    parser.add_argument("--items", type=int, default=100, help="so many functions for the model; 0: none")
    given = parser.parse_args()
    data: Path = given.data
    if (data / "data").is_dir():
        # Only what an earlier demo left: its shards and its card, and its runs.
        runs = [data / f"run-{mode}" for mode in MODES]
        mine = [data / "README.md", *data.glob("data/train-*.parquet"), *(run / name for run in runs for name in RUN)]
        for file in mine:
            file.unlink(missing_ok=True)
        for folder in [data / "data", *filter(Path.is_dir, runs)]:
            folder.rmdir()
    foretrace("collect", "repo", str(HERE / "shop"), "-o", str(data), "--trust")
    foretrace("show", str(data), "--limit", "8")
    foretrace("show", str(data), "--trace", "tests/test_shop.py::test_show_negative", "--format", "table")
    foretrace("show", str(data), "--trace", "tests/test_shop.py::test_show_negative", "--format", "text")
    if given.items:
        for mode in MODES:
            run = str(data / f"run-{mode}")
            how = ("--data", "handwritten", "--mode", mode, "--limit", str(given.items), "-o", run)
            foretrace("eval", "cruxeval-o", *how)
        foretrace("compare", str(data / "run-single"), str(data / "run-trace"))
        foretrace("diff", f"{HERE / 'halvings.py'}::halvings", "--args", "9")
        print(f"\nEvery answer of the model is in {data}/run-*/samples.jsonl.")
    print(f"\nThe data set is in {data}: datasets.load_dataset({str(data)!r}) opens it.")


if __name__ == "__main__":
    main()
