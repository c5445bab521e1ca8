"""A real run of `collect functions` whose processes are all killed, at any moment, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import MODULES, endure, leftovers


def test_a_run_killed_three_times_ends_with_the_bytes_of_one_that_nobody_disturbed(tmp_path: Path) -> None:
    before = leftovers()
    found = endure(("bisect", "colorsys"), tmp_path, kills=3, seed=1)
    assert found.same and found.kills == 3 and found.shards > 2
    assert leftovers() <= before


@pytest.mark.slow
def test_a_run_killed_thirty_times_does_too(tmp_path: Path) -> None:
    found = endure(MODULES, tmp_path, kills=30, seed=2)
    assert found.same and found.kills == 30
