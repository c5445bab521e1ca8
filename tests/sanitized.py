"""The native tracer under AddressSanitizer and UBSan: random programs and the corpus of differences.

    python -m tests.sanitized [COUNT]

Builds the core with both for every interpreter that is found, in a temporary folder, and runs the harness of
differential.py with the sanitizers loaded first.  What they find ends the process and stands on stderr.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzzer import DIFFERENCES, HARNESS, PAYLOAD
from tracegen import interpreters, native

FLAGS = ["-O1", "-g", "-shared", "-fPIC", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"]
LIBRARIES = ("libasan.so", "libubsan.so")
INCLUDE = "import sysconfig; print(sysconfig.get_paths()['include'])"


def built(python: str, folder: str) -> str:
    """The core for an interpreter, with the sanitizers in it."""
    include = subprocess.run([python, "-c", INCLUDE], capture_output=True, text=True, check=True).stdout.strip()
    library = os.path.join(folder, "tracer.so")
    files = [str(path) for path in native.sources() if path.suffix == ".c"]
    subprocess.run([*native.compiler(), *FLAGS, f"-I{include}", *files, "-o", library], check=True)
    return library


def loaded(name: str) -> str:
    """Where the compiler keeps a library of its own."""
    command = [*native.compiler(), f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Run them all; exit 1 if anything was found."""
    count = sys.argv[1] if len(sys.argv) > 1 else "300"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONHASHSEED": "0",
        "PYTHONMALLOC": "malloc",  # an arena of CPython's own would hide what is read behind an object
        "LD_PRELOAD": " ".join(map(loaded, LIBRARIES)),
        "ASAN_OPTIONS": "detect_leaks=0",  # of the interpreter, which frees little at its end; leaks.py has ours
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    failed = False
    for interpreter in interpreters.found():
        with tempfile.TemporaryDirectory() as folder:
            library = built(interpreter.path, folder)
            corpus = sorted(map(str, Path(DIFFERENCES).glob("*.py")))
            for programs in (["0", count], corpus):
                command = [interpreter.path, "-s", "-B", str(HARNESS), str(PAYLOAD), library, "--patience", "120"]
                done = subprocess.run([*command, *programs], env=environment, capture_output=True, text=True)
                said = (done.stdout.strip().splitlines() or ["nothing"])[-1]
                print(f"{interpreter}: exit {done.returncode}: {said}")
                if done.returncode or '"differences": 0' not in said:
                    failed = True
                    print(done.stderr[-4000:], file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
