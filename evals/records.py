"""``samples.jsonl``: one line an answer, with all that is needed to judge it again.

What a model wrote is kept as it came: as text for people, as ids, and for traces as pieces, since a control token and
the same text render alike.  Reading gives back the very answer that was written.  Knows nothing of any one task.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_model.backends import Finish
from cwm_model.predict import Mode
from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import Outcome, Prediction, read
from cwm_model.talking import Said
from evals.task import Answer, Asked, Fact, Forced, Judged, Traced
from evals.verdict import Score, Verdict
from tracegen import CannotRun
from tracegen.frame import Frame
from tracegen.grammar import Piece, Special, render

_SPECIAL = {special.cwm_id: special for special in Special}
_FINISH = {Outcome.LIMIT: Finish.LIMIT, Outcome.FAILED: Finish.FAILED}


@dataclass(frozen=True, slots=True)
class Record:
    """A line: which item's which sample, the raw answer, and what is said of it.

    ``judged`` is None where the backend failed: that is no answer, and counts for nothing.  ``raw`` is what `spelled`
    makes of the answer, ``prompt`` the sha256 of what was asked.
    """

    id: str
    sample: int
    prompt: str
    raw: Mapping[str, Any]
    judged: Judged | None

    @property
    def key(self) -> tuple[str, int]:
        """Which answer this is."""
        return self.id, self.sample

    @property
    def tokens(self) -> int:
        """How many the model wrote."""
        return int(self.raw["tokens"])

    def line(self) -> str:
        """The line, without its end."""
        said: dict[str, object] = {"id": self.id, "sample": self.sample, "verdict": None}
        if self.judged is not None:
            score = self.judged.score
            said |= {"verdict": score.verdict.value, "answer": score.answer, "reason": score.reason}
            said["facts"] = dict(self.judged.facts)
        return json.dumps({**said, "prompt_sha256": self.prompt, **self.raw})


def failure(answer: Answer) -> str | None:
    """Why there is no answer, where the backend gave none."""
    if isinstance(answer, Said):
        return answer.detail or "no answer" if answer.finish is Finish.FAILED else None
    predictions = [answer] if isinstance(answer, Prediction) else [place.prediction for place in answer]
    return next((each.detail or "no answer" for each in predictions if each.outcome is Outcome.FAILED), None)


def spelled(answer: Answer) -> dict[str, Any]:
    """An answer as JSON has it."""
    if isinstance(answer, Said):
        ids = list(answer.ids) if answer.ids is not None else None
        finish = {"finish": answer.finish.value, "detail": answer.detail}
        return {**finish, "tokens": answer.tokens, "text": answer.text, "ids": ids}
    if isinstance(answer, Prediction):
        return _written(answer)
    places = [{"frame": place.number, **_written(place.prediction)} for place in answer]
    return {"tokens": sum(place["tokens"] for place in places), "places": places}


def answer_of(asked: Asked, raw: Mapping[str, Any]) -> Answer:
    """The inverse of `spelled`, for an answer to what was asked.  Raises KeyError, TypeError or ValueError."""
    if isinstance(asked, Traced):
        return _read(raw, asked.prompt.context, asked.prompt.head)
    if isinstance(asked, Forced):
        frames = (*asked.prompt.head, *asked.truth)
        return tuple(_place(each, asked.prompt.context, frames) for each in raw["places"])
    ids = None if raw["ids"] is None else tuple(map(int, raw["ids"]))
    return Said(str(raw["text"]), Finish(raw["finish"]), ids, int(raw["tokens"]), str(raw["detail"]))


def hash_of(asked: Asked) -> str:
    """The sha256 of what is asked, control tokens apart from text."""
    if isinstance(asked, (Traced, Forced)):
        parts: list[object] = [_json(piece) for piece in asked.prompt.pieces()]
        if isinstance(asked, Traced) and asked.mode is Mode.SINGLE:
            parts.append(Special.RETURN_SEP.cwm_id)
        if isinstance(asked, Forced):
            parts += [[f.event.value, f.source, f.locals, f.value] for f in asked.truth]
    else:
        parts = [[message.role, message.text] for message in asked.messages] + [asked.begin]
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def parsed(line: str, where: str) -> Record:
    """A line as it was written.  Raises CannotRun, with ``where`` it stands, for anything else."""
    try:
        row = json.loads(line)
        verdict, facts = row["verdict"], row.get("facts") or {}
        judged = None
        if verdict is not None:
            judged = Judged(Score(Verdict(verdict), row["answer"], row["reason"]), _checked(facts))
        head = ("id", "sample", "verdict", "answer", "reason", "facts", "prompt_sha256")
        raw = {name: value for name, value in row.items() if name not in head}
        if type(row["id"]) is not str or type(row["sample"]) is not int or type(raw["tokens"]) is not int:
            raise TypeError("id, sample or tokens of another type")
        return Record(row["id"], row["sample"], str(row["prompt_sha256"]), raw, judged)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CannotRun(f"{where}: is no line of samples.jsonl: {why}") from None


def read_records(path: Path) -> dict[tuple[str, int], Record]:
    """The records of a file, each answer once: a later line stands for an earlier one.

    What follows the last line's end is half a line of a run that was killed, and is left out.  Raises CannotRun.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotRun(f"{path}: cannot be read: {said}") from None
    lines = text.split("\n")[:-1]
    found = (parsed(line, f"{path}:{number}") for number, line in enumerate(lines, start=1))
    return {record.key: record for record in found}


def _checked(facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
    for name, fact in facts.items():
        if not isinstance(fact, (int, float, str, type(None))):
            raise TypeError(f"fact {name!r} is a {type(fact).__name__}")
    return facts


def _written(prediction: Prediction) -> dict[str, Any]:
    return {
        "finish": _FINISH.get(prediction.outcome, Finish.STOPPED).value,
        "outcome": prediction.outcome.value,
        "detail": prediction.detail,
        "tokens": len(prediction.ids),
        "passes": prediction.passes,
        "text": render(prediction.written),
        "ids": list(prediction.ids),
        "pieces": [_json(piece) for piece in prediction.written],
    }


def _read(raw: Mapping[str, Any], context: str, before: Sequence[Frame]) -> Prediction:
    written: list[Piece] = [_SPECIAL[piece] if type(piece) is int else str(piece) for piece in raw["pieces"]]
    found = read(written, Finish(raw["finish"]), context, before, str(raw["detail"]))
    return Prediction(
        frames=found.frames,
        outcome=found.outcome,
        rest=found.rest,
        detail=found.detail,
        oddities=found.oddities,
        written=found.written,
        ids=tuple(map(int, raw["ids"])),
        passes=int(raw["passes"]),
    )


def _place(raw: Mapping[str, Any], context: str, frames: Sequence[Frame]) -> Place:
    number = int(raw["frame"])
    if not 0 <= number <= len(frames):
        raise ValueError(f"frame {number} of {len(frames)}")
    true = frames[number] if number < len(frames) else None
    return Place(number, true, _read(raw, context, frames[:number]))


def _json(piece: Piece) -> int | str:
    """CWM's id of a control token; a text as it is."""
    return piece.cwm_id if isinstance(piece, Special) else piece
