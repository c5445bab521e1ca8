"""The demo: the example repository's tests to a parquet data set, then one trace of it.

    python examples/demo.py [DIR]

Uses the command as anybody would; prints each command before it runs it.
"""

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def foretrace(*arguments: str) -> None:
    """Print and run one command; stop if it cannot run."""
    print(f"\n$ foretrace {shlex.join(arguments)}", flush=True)
    subprocess.run([Path(sys.executable).with_name("foretrace"), *arguments], check=True)


def main() -> None:
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-data")
    if (data / "data").is_dir():
        # Only what an earlier demo left: its shards and its card.
        for file in [*data.glob("data/train-*.parquet"), data / "README.md"]:
            file.unlink(missing_ok=True)
        (data / "data").rmdir()
    foretrace("collect", "repo", str(HERE / "shop"), "-o", str(data), "--trust")
    foretrace("show", str(data), "--limit", "8")
    foretrace("show", str(data), "--trace", "tests/test_shop.py::test_show_negative", "--format", "table")
    foretrace("show", str(data), "--trace", "tests/test_shop.py::test_show_negative", "--format", "text")
    print(f"\n\nThe data set is in {data}: datasets.load_dataset({str(data)!r}) opens it.")


if __name__ == "__main__":
    main()
