"""A model that runs here: a tokenizer and our own decoder.  Knows nothing of where checkpoints come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from transformers import PreTrainedModel

from cwm_model.backends import Completion, Request
from cwm_model.decoder import Decoder
from cwm_model.decoding.session import Session
from cwm_model.tokenizer import Tokenizer
from tracegen import CannotRun


class LocalBackend:
    """A backend that obeys rules.  ``slots``, ``context`` and ``drafts`` are the decoder's."""

    constrains = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        model: PreTrainedModel,
        *,
        slots: int = 32,
        context: int | None = None,
        drafts: int = 0,
    ) -> None:
        if model.config.vocab_size < tokenizer.size:
            raise CannotRun(
                f"the tokenizer needs {tokenizer.size} rows of embedding, the model has {model.config.vocab_size}: "
                "they do not belong together"
            )
        self.tokenizer = tokenizer
        self.decoder = Decoder(model, slots=slots, context=context, drafts=drafts)
        self.context = self.decoder.context

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        """The index of a request and its completion, in the order in which they finish."""
        return self.decoder.complete(requests)

    def session(self, prompt: Sequence[int]) -> Session:
        """A sequence to step through."""
        return self.decoder.session(prompt)
