"""What only the reference tracer can show from inside: what it renders, and what it leaves."""

from __future__ import annotations

import pytest

from tests.payload_run import run
from tracegen.payload.reference import Tracer


def test_an_unchanged_immutable_is_not_rendered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[object] = []
    original = Tracer.text

    def counting(self: Tracer, value: object) -> str:
        rendered.append(value)
        return original(self, value)

    monkeypatch.setattr(Tracer, "text", counting)
    run("def main():\n    x = 1234567\n    y = (1,)\n    pass\n    pass\n    return 0")
    assert rendered == [1234567, (1,), (1,), (1,), 0]
