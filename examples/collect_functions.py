"""The functions of an installed module become a data set: found, tried in a sandbox, traced.  Then a look at one."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import tracegen
from tracegen import Settings, progress, supervisor
from tracegen.programs.functions import FunctionsWork, read_functions
from tracegen.programs.workplace import Workplace
from tracegen.sandbox import levels
from tracegen.scrub import Scrubber


def main() -> None:
    settings = Settings()
    functions = read_functions(["colorsys"], settings.python, {}, Counter())
    level = levels.chosen("auto", settings, trust=False)
    work = FunctionsWork(Workplace(settings, level, Scrubber.of_this_machine()), kept=3)
    with tempfile.TemporaryDirectory() as folder, progress.Bar(sys.stderr) as bar:
        output = Path(folder) / "data"
        made = supervisor.collect(work, functions, output, jobs=2, per_shard=4, events=bar)
        print(f"{made.share.rows} traces of {len(functions)} functions, at the level {level.value}")
        trace = next(tracegen.read(output))
        print(trace.text())


# Workers import this file too: what it does must not happen when it is imported.
if __name__ == "__main__":
    main()
