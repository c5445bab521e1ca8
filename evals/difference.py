"""One program run and predicted: where the model's picture of it parts from the run, and what it knows behind that.

Behind the divergence the model is put back on the true path, frame by frame (teacher forcing): a first error makes all
that follows it wrong, and says nothing of what the model knows there.  Knows nothing of how this is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_model.backends import Backend
from cwm_model.predict import Mode, Wanted, predict_each
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.forced import Place, teacher_forced
from cwm_model.predicting.prediction import Outcome, Prediction, answer
from cwm_model.predicting.targets import Target
from evals.comparison import Comparison, compare, ends_raising, last_raised
from tracegen import CannotRun
from tracegen.frame import Event, Frame


@dataclass(frozen=True, slots=True)
class Difference:
    """A run and its prediction.

    ``truth`` are the true frames behind the prompt's head, ``places`` those from the divergence on with what is
    predicted in their place behind the true ones (empty where nothing parts).
    """

    target: Target
    truth: tuple[Frame, ...]
    prediction: Prediction
    comparison: Comparison
    places: tuple[Place, ...]

    @property
    def true_end(self) -> str | None:
        """How the entry was really left: ``returns 3``, ``raises KeyError(1)``."""
        last = self.truth[-1] if self.target.finished and self.truth else None
        return _left(self.truth, last.value if last is not None and last.event is Event.RETURN else None)

    @property
    def predicted_end(self) -> str | None:
        """How it is left in the prediction."""
        return _left(self.prediction.frames, answer(self.prediction, self.target.prompt.depth))

    @property
    def line(self) -> str:
        """Where and how they part, in one line."""
        parted, name = self.comparison.divergence, self.target.program_id
        if parted is None:
            return f"{name}: predicted as it runs, {len(self.truth)} frames"
        share = f"{self.comparison.right.right:g} of {len(self.truth)} frames right before it"
        return f"{name}: {parted.parting.value}: {parted.text} ({share})"


def _left(frames: Sequence[Frame], value: str | None) -> str | None:
    if value is None:
        return None
    return f"raises {last_raised(frames)}" if ends_raising(frames) else f"returns {value}"


def differ(backend: Backend, target: Target, asking: Asking, realign: bool = True) -> Difference:
    """Predict a target that was run, and compare.  Raises CannotRun if the backend fails."""
    assert target.truth is not None, "a target that nobody ran has no truth"
    prompt, truth = target.prompt, target.truth
    [(_, prediction)] = predict_each(backend, [Wanted(prompt, Mode.FULL, asking)])
    if prediction.outcome is Outcome.FAILED:
        raise CannotRun(f"{target.program_id}: the model gave nothing: {prediction.detail}")
    comparison = compare(truth, prediction, first=len(prompt.head), finished=target.finished)
    places: Sequence[Place] = ()
    if comparison.divergence is not None and realign:
        right = comparison.divergence.index - len(prompt.head)
        behind = replace(prompt, head=(*prompt.head, *truth[:right]))
        try:
            forced = teacher_forced(backend, behind, truth[right:], asking, finished=target.finished)
            places = sorted(forced, key=lambda place: place.number)
        except ValueError as error:
            raise CannotRun(
                f"{target.program_id}: the true trace is not one of the grammar: {error}; --free goes without"
            ) from None
    return Difference(target, truth, prediction, comparison, tuple(places))
