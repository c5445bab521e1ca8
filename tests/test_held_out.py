"""The held-out programs are frozen and nobody else's; and what a model knows of them is counted as it is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import CwmForCausalLM

from cwm_model.held_out import COUNT, SEED, Known, digest, held_out, teacher_forced
from cwm_model.tokenizer import small
from cwm_model.training.corpus import Making, Mixture, fingerprint, fingerprints
from cwm_model.training.documents import Document, document
from tests.small_models import shape
from tracegen import Special
from tracegen.programs.here import Here
from tracegen.programs.synthetic import Program

DIGEST = "84b7dad078c18833af62f95c7449b0eceed3f11dbed2e89ac65091c747b562c9"
"""Of the 500 programs.  Never to be changed: results on other programs are other results."""

CODE = "def g(x):\n    return x + 1\n\ndef f(a):\n    b = g(a)\n    return b"


@pytest.fixture(scope="module")
def held() -> list[Program]:
    """All of them."""
    return held_out()


# -- The programs.


def test_the_held_out_programs_are_the_frozen_ones(held: list[Program]) -> None:
    assert digest(held) == DIGEST
    assert len(held) == COUNT == 500
    assert held_out(3) == held[:3]


def test_the_digest_hears_every_part_of_every_program(held: list[Program]) -> None:
    first, second = held[:2]
    found = {
        digest(each)
        for each in (
            [first, second],
            [second, first],
            [first],
            [],
            [Program(first.id + "x", first.code, first.input), second],
            [Program(first.id, first.code + "\n", first.input), second],
            [Program(first.id, first.code, first.input + " "), second],
            [Program(first.id + first.code, "", first.input), second],
        )
    }
    assert len(found) == 8


def test_training_has_a_seed_of_its_own_and_shuns_what_is_a_held_out_program_under_other_names(
    held: list[Program],
) -> None:
    assert Mixture().seed != SEED
    shunned = fingerprints(each.code for each in held)
    making, open_to_all = (Making(Mixture(), small(), without) for without in (shunned, frozenset[str]()))
    again = [number for number in range(90) if fingerprint(making.program(number).code) in shunned]
    # Short programs come again under any seed: `return text.upper()`.
    assert 0 < len(again) < 5
    assert [making.document(number) for number in again] == [None] * len(again)
    others = [number for number in range(10) if number not in again]
    assert [making.document(number) for number in others] == [open_to_all.document(number) for number in others]


def test_held_out_programs_are_shunned(held: list[Program]) -> None:
    making = Making(Mixture(seed=SEED, drills=0), small(), fingerprints(each.code for each in held))
    assert [making.document(number) for number in range(5)] == [None] * 5
    assert making.program(0).id == held[0].id
    assert fingerprint(making.program(0).code) == fingerprint(held[0].code)


# -- What a model knows.


class Rigged:
    """Knows every next token of every document, but for some places of it; says how long the rows were."""

    def __init__(self, documents: Sequence[Document], wrong: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self._documents = {each.ids: each for each in documents}
        self._wrong = wrong

    def __call__(self, input_ids: Tensor, **_: object) -> SimpleNamespace:
        [ids] = input_ids.tolist()
        assert tuple(ids) in self._documents
        logits_1NV = torch.zeros(1, len(ids), small().size)
        for place, id in enumerate(ids[1:], start=1):
            said = (id + 1) % small().size if place in self._wrong else id
            logits_1NV[0, place - 1, said] = 1
        return SimpleNamespace(logits=logits_1NV)


def known(documents: Sequence[Document], *wrong: int) -> list[Known]:
    model: Any = Rigged(documents, set(wrong))
    return teacher_forced(model, small(), documents)


@pytest.fixture(scope="module")
def told() -> Document:
    """Ten frames by hand: main and its line, f and a line, g, its line and its return, a line, two returns."""
    return document(Here().trace("by hand", CODE, "1"), small())


def frames_of(told: Document) -> list[range]:
    """The places of each frame, its last token included."""
    ends = [place for place in range(told.context, len(told)) if told.ids[place] == small().id_of(Special.FRAME_SEP)]
    starts = [told.context, *(end + 1 for end in ends[:-1])]
    return [range(start, end + 1) for start, end in zip(starts, ends, strict=True)]


def after(told: Document, frame: int, special: Special) -> int:
    """The place of the first token after a control token of a frame."""
    return next(place for place in frames_of(told)[frame] if told.ids[place] == small().id_of(special)) + 1


def test_a_model_that_knows_everything(told: Document) -> None:
    tokens = len(told) - told.context
    assert known([told]) == [Known(frames=10, exact=10, lines=10, tokens=tokens, right=tokens)]
    assert len(frames_of(told)) == 10


def test_a_model_that_knows_nothing(told: Document) -> None:
    everywhere = range(1, len(told))
    assert known([told], *everywhere) == [Known(frames=10, exact=0, lines=0, tokens=len(told) - told.context, right=0)]


Place = Callable[[Document], int]


@pytest.mark.parametrize(
    ("place", "exact", "lines", "right"),
    [
        pytest.param(lambda told: told.context - 1, 10, 10, 0, id="the end of the context"),
        pytest.param(lambda told: 5, 10, 10, 0, id="the context"),
        pytest.param(lambda told: told.context, 9, 10, 1, id="the first event"),
        pytest.param(lambda told: frames_of(told)[4].start, 9, 10, 1, id="an event"),
        pytest.param(lambda told: frames_of(told)[2].start + 2, 9, 10, 1, id="locals"),
        pytest.param(lambda told: after(told, 2, Special.ACTION_SEP) - 1, 9, 10, 1, id="the end of the locals"),
        pytest.param(lambda told: after(told, 2, Special.ACTION_SEP), 9, 9, 1, id="a line's first token"),
        pytest.param(lambda told: frames_of(told)[2][-2], 9, 9, 1, id="a line's last token"),
        pytest.param(lambda told: frames_of(told)[2][-1], 9, 9, 1, id="where a line ends"),
        pytest.param(lambda told: after(told, 8, Special.ACTION_SEP), 9, 9, 1, id="the line of a return"),
        pytest.param(lambda told: after(told, 8, Special.ARG_SEP), 9, 10, 1, id="a value"),
        pytest.param(lambda told: frames_of(told)[8][-1], 9, 10, 1, id="where a value ends"),
        pytest.param(lambda told: frames_of(told)[-1][-1], 9, 10, 1, id="where the last frame ends"),
        pytest.param(lambda told: len(told) - 1, 10, 10, 1, id="the end of the trace"),
    ],
)
def test_one_wrong_token(told: Document, place: Place, exact: int, lines: int, right: int) -> None:
    tokens = len(told) - told.context
    assert known([told], place(told)) == [Known(10, exact, lines, tokens, tokens - right)]


def test_two_wrong_tokens_of_one_frame_are_one_wrong_frame(told: Document) -> None:
    frame = frames_of(told)[3]
    [found] = known([told], frame[0], frame[-2])
    assert (found.exact, found.lines, found.tokens - found.right) == (9, 9, 2)


def test_each_document_is_counted_by_itself_and_counts_add(told: Document) -> None:
    other = document(Here().trace("by hand", "def f(a):\n    return a", "7"), small())
    place = frames_of(told)[5].start
    found = known([told, other], place)
    assert [each.frames for each in found] == [10, 6]
    assert found[0] == known([told], place)[0]
    both = sum(found, Known())
    assert (both.frames, both.tokens) == (16, len(told) - told.context + len(other) - other.context)
    assert both == found[0] + found[1]


def test_rates_are_shares_of_all() -> None:
    assert Known(8, 2, 6, 100, 99).rates() == {"frames": 0.25, "lines": 0.75, "tokens": 0.99}
    assert Known().rates() == {"frames": 0, "lines": 0, "tokens": 0}


def test_a_trace_that_was_cut_off_is_counted_up_to_where_it_goes(told: Document) -> None:
    frames = frames_of(told)
    cut = Document(told.ids[: frames[3][-1] + 1], told.context)
    assert known([cut]) == [Known(4, 4, 4, len(cut) - cut.context, len(cut) - cut.context)]


def test_a_real_model_is_counted_as_its_greedy_choices_are(told: Document) -> None:
    torch.manual_seed(0)
    model = CwmForCausalLM(shape())
    with torch.no_grad():
        logits_NV = model(input_ids=torch.tensor([told.ids]), use_cache=False).logits[0]
    chosen = logits_NV.argmax(-1).tolist()
    right = sum(chosen[place - 1] == told.ids[place] for place in range(told.context, len(told)))
    [found] = teacher_forced(model, small(), [told])
    assert (found.frames, found.right) == (10, right)
    assert all(weight.grad is None and not weight.is_inference() for weight in model.parameters())
