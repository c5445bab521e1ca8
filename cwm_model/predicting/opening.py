"""A backend by name, or a language model: one that runs here, or the address of a server that runs one.

Knows nothing of what it is asked.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from transformers import CwmForCausalLM, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from cwm_model.backends import Backend
from cwm_model.backends.chat import ServerTalker
from cwm_model.backends.local import LocalBackend
from cwm_model.backends.posting import Connection
from cwm_model.backends.server import ServerBackend
from cwm_model.backends.spoken import LocalTalker
from cwm_model.loading import load, locate
from cwm_model.talking import Talker
from cwm_model.tokenizer import Tokenizer, from_file, load_tokenizer
from tracegen import CannotRun

DRAFTS = 24
"""Guesses of a row alone: `make bench-decode`."""


@dataclass(frozen=True, slots=True)
class Opening:
    """``model``: "bundled", a folder, an owner/name of the hub, or a server's http(s) address (see `Connection`).

    ``dtype`` and ``device`` are for a model that runs here (`loading.load`).  A server needs a ``tokenizer`` (a folder,
    a tokenizer.json, "bundled", an owner/name), may need the ``served`` model's name where it has several, and a key in
    the environment variable ``key_env``.  ``at_once`` sequences are completed together.
    """

    model: str = "bundled"
    tokenizer: str | None = None
    served: str | None = None
    key_env: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    at_once: int = 8

    @property
    def is_server(self) -> bool:
        """Whether the model is somewhere else."""
        return "://" in self.model

    def open(self) -> Backend:
        """The backend, ready to be asked.  Raises CannotRun, in one line, for whatever is in its way."""
        return self._server() if self.is_server else self._local()

    def talker(self) -> Talker:
        """The language model, ready to be asked: a server without a tokenizer in its chat, all others in ids.

        Raises CannotRun as `open` does.
        """
        if self.is_server and self.tokenizer is None:
            return ServerTalker(self._connection(), self.served, self.at_once)
        return LocalTalker(self.open())

    def _connection(self) -> Connection:
        for name, given in [("dtype", self.dtype), ("device", self.device)]:
            if given != "auto":
                raise CannotRun(f"--{name}: means nothing for a model on a server")
        return Connection(self.model, self.key_env)

    def _server(self) -> Backend:
        connection = self._connection()
        if self.tokenizer is None:
            raise CannotRun(f"{self.model}: a server is asked in ids: give --tokenizer, the folder of its model's")
        return ServerBackend(tokenizer_of(self.tokenizer), connection, model=self.served, at_once=self.at_once)

    def _local(self) -> Backend:
        for name, given in [("tokenizer", self.tokenizer), ("served", self.served), ("key-env", self.key_env)]:
            if given is not None:
                raise CannotRun(f"--{name}: is for a model on a server; {self.model} runs here")
        if not sys.stderr.isatty():
            disable_progress_bar()  # type: ignore[no-untyped-call]
        loaded = load(self.model, dtype=self.dtype, device=self.device)
        if not isinstance(loaded.model, (CwmForCausalLM, LlamaForCausalLM)):
            kind = type(loaded.model).__name__
            raise CannotRun(f"{self.model}: is a {kind}; Cwm and Llama models can predict here, others on a server")
        return LocalBackend(loaded.tokenizer, loaded.model, slots=self.at_once, drafts=DRAFTS)


def tokenizer_of(name: str) -> Tokenizer:
    """A tokenizer by its name: a folder, a tokenizer.json, "bundled", an owner/name.  Raises CannotRun."""
    path = Path(name).expanduser()
    return from_file(path) if path.is_file() else load_tokenizer(locate(name))
