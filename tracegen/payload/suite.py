"""A test suite under the tracer: a pytest plugin that traces each test and reports how it ended.

Imports nothing of pytest itself until it is asked for the plugin: pytest is the target's, whatever its version.
"""

from __future__ import annotations

from typing import Any, Dict, Generator, Optional

from . import wire
from .reference import Tracer, owner


def plugin(tracer: Optional[Tracer], writer: wire.Writer) -> Any:
    """The plugin; without a tracer the tests run as they are, and only their outcomes are noted."""
    import pytest

    class Suite:
        """Hooks, by their names."""

        def __init__(self) -> None:
            self._outcomes: Dict[str, str] = {}

        def pytest_collection_finish(self, session: Any) -> None:
            writer.note("tests", tests=len(session.items))

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item: Any) -> Generator[None, None, None]:
            if tracer is not None:
                tracer.recorder.node = item.nodeid
                before = tracer.start()
                if before is not None:
                    tracer.recorder.odd(f"displaced the trace function of {owner(before)}")
            yield
            if tracer is not None:
                tracer.stop()
            writer.note("test", node=item.nodeid, outcome=self._outcomes.pop(item.nodeid, "none"))

        def pytest_runtest_logreport(self, report: Any) -> None:
            # A test that fails, and then fails to be torn down, is shown by its first trouble.
            known = self._outcomes.get(report.nodeid, "passed")
            outcome = report.outcome if report.when == "call" or report.outcome != "failed" else "error"
            if hasattr(report, "wasxfail"):
                outcome = "xfailed" if outcome == "skipped" else "xpassed"
            if known == "passed":
                self._outcomes[report.nodeid] = outcome

    return Suite()
