"""Pieces to token ids and back: the real tokenizer, the small one of this project, any byte-level one of Hugging Face.

Text never becomes a control token, whatever it looks like, and every text survives.  Both hold because ids are made
from pieces, and pieces from ids: decoded text is never searched for control tokens.  Knows nothing of models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import tokenizers
from tokenizers import AddedToken

from tracegen import CannotRun, Special
from tracegen.grammar import Piece

BUNDLED = Path(__file__).parent / "checkpoints" / "bundled"
SMALL_SHA256 = "b7ae3233db8b99c381d8d83faf894551a60e606ce80f50b957b5d6071bf3ff0c"
"""Of the small tokenizer's file: with other merges, a trained model's ids would mean something else."""

CWM_SIZE = 128256
_PROBES = ("", " a\t b\r\n", "é中\U0001f600\u0301", "\x00\x1f\x7f", "<|frame_sep|>", "    x = {'a': \"1\"}\n")


class Tokenizer:
    """Pieces to ids and back, over a byte-level BPE.

    ``size`` is the number of rows that an embedding needs, ``sha256`` that of its JSON.  Raises CannotRun for
    a tokenizer whose control tokens are not one special id each, or that does not keep every text.
    """

    def __init__(self, backend: tokenizers.Tokenizer, name: str) -> None:
        backend = tokenizers.Tokenizer.from_str(_faithful(backend.to_str(), name))
        backend.encode_special_tokens = True
        backend.no_padding()
        backend.no_truncation()
        self.name = name
        self._backend = backend
        self.sha256 = hashlib.sha256(backend.to_str().encode()).hexdigest()
        self._id_of = _control_ids(backend, name)
        self._special_of = {id: special for special, id in self._id_of.items()}
        self._bytes = _bytes_by_id(backend, name)
        self.size = max(backend.get_vocab(with_added_tokens=True).values()) + 1
        for probe in _PROBES:
            if self.decode(self.encode([probe])) != ([probe] if probe else []):
                raise CannotRun(f"{name}: its tokenizer does not keep the text {probe!r}; a byte-level one is needed")

    def id_of(self, special: Special) -> int:
        """The id of a control token."""
        return self._id_of[special]

    def special_of(self, id: int) -> Special | None:
        """The control token of an id, if it is one's."""
        return self._special_of.get(id)

    def bytes_of(self, id: int) -> bytes | None:
        """The bytes of a text token; None for control tokens, and for ids that are not used."""
        return self._bytes.get(id)

    def encode(self, pieces: Iterable[Piece]) -> list[int]:
        """Ids of pieces; text stays text.  Raises ValueError for half a surrogate pair, which no UTF-8 has."""
        ids: list[int] = []
        for piece in pieces:
            if isinstance(piece, Special):
                ids.append(self._id_of[piece])
                continue
            try:
                ids += self._backend.encode(piece, add_special_tokens=False).ids
            except (UnicodeEncodeError, TypeError):
                raise ValueError(f"half a surrogate pair cannot be encoded: {piece[:60]!r}") from None
        return ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts, in parallel."""
        return [encoding.ids for encoding in self._backend.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> list[Piece]:
        """Pieces of ids, no text beside text.  Bytes that are no UTF-8 become U+FFFD, ids of nothing become no text."""
        pieces: list[Piece] = []
        run: list[bytes] = []
        for id in ids:
            special = self._special_of.get(id)
            if special is None:
                run.append(self._bytes.get(id, b""))
                continue
            if text := b"".join(run):
                pieces.append(text.decode("utf-8", "replace"))
            run.clear()
            pieces.append(special)
        if text := b"".join(run):
            pieces.append(text.decode("utf-8", "replace"))
        return pieces

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json`` as transformers and tokenizers read it."""
        self._backend.encode_special_tokens = False
        self._backend.save(str(path))
        self._backend.encode_special_tokens = True


@cache
def small() -> Tokenizer:
    """The frozen tokenizer of this project (small_vocabulary.py).  Raises CannotRun if its file was changed."""
    path = BUNDLED / "tokenizer.json"
    tokenizer = from_file(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SMALL_SHA256:
        raise CannotRun(f"{path}: not the frozen tokenizer: its sha256 is {found}, wanted is {SMALL_SHA256}")
    return tokenizer


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """The tokenizer of a model's folder.  Raises CannotRun."""
    return small() if Path(folder).resolve() == BUNDLED.resolve() else from_file(Path(folder) / "tokenizer.json")


def from_file(path: Path) -> Tokenizer:
    """The tokenizer of a ``tokenizer.json``.  Raises CannotRun."""
    return checked(Tokenizer(read(path), str(path)))


def read(path: Path) -> tokenizers.Tokenizer:
    """A ``tokenizer.json`` as its library reads it.  Raises CannotRun."""
    if not path.is_file():
        raise CannotRun(f"{path}: no such file; a model's folder has its tokenizer.json beside its weights")
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # The library raises Exception itself.
        raise CannotRun(f"{path}: cannot be read as a tokenizer: {_line(error)}") from None


def checked(tokenizer: Tokenizer) -> Tokenizer:
    """The same; raises CannotRun for one of CWM's size whose control tokens have other ids than CWM's."""
    if tokenizer.size == CWM_SIZE:
        for special in Special:
            if (found := tokenizer.id_of(special)) != special.cwm_id:
                raise CannotRun(f"{tokenizer.name}: {special.text} is id {found}, in CWM's vocabulary {special.cwm_id}")
    return tokenizer


def with_control_tokens(backend: tokenizers.Tokenizer, name: str) -> Tokenizer:
    """A tokenizer that has CWM's control tokens, those that it lacks added behind its own ids."""
    backend = tokenizers.Tokenizer.from_str(backend.to_str())
    backend.add_special_tokens([AddedToken(special.text, special=True, normalized=False) for special in Special])
    return Tokenizer(backend, name)


def _faithful(text: str, name: str) -> str:
    """The same without what changes texts: a normaliser (Qwen's NFC), a post-processor that adds tokens, dropout, and
    added tokens that eat the blanks around them."""
    described = json.loads(text)
    if described["model"]["type"] != "BPE" or not _is_byte_level(described):
        raise CannotRun(f"{name}: its tokenizer is no byte-level BPE (as CWM's, Llama 3's, Qwen's and GPT-2's are)")
    described["normalizer"] = None
    described["post_processor"] = None
    described["model"]["dropout"] = None
    for token in described["added_tokens"]:
        token |= {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    return json.dumps(described)


def _is_byte_level(described: Mapping[str, object]) -> bool:
    found = described.get("decoder")
    return isinstance(found, dict) and (
        found.get("type") == "ByteLevel"
        or any(isinstance(each, dict) and each.get("type") == "ByteLevel" for each in found.get("decoders", ()))
    )


def _control_ids(backend: tokenizers.Tokenizer, name: str) -> dict[Special, int]:
    added = backend.get_added_tokens_decoder()
    by_text = {token.content: id for id, token in added.items() if token.special}
    lacking = [special.text for special in Special if special.text not in by_text]
    if lacking:
        raise CannotRun(
            f"{name}: its tokenizer lacks the control token {lacking[0]}"
            + (f" and {len(lacking) - 1} others" if len(lacking) > 1 else "")
            + "; `foretrace train --from` adds them"
        )
    return {special: by_text[special.text] for special in Special}


def _bytes_by_id(backend: tokenizers.Tokenizer, name: str) -> dict[int, bytes]:
    added = backend.get_added_tokens_decoder()
    spelled = _byte_of_letter()
    found: dict[int, bytes] = {}
    for text, id in backend.get_vocab(with_added_tokens=True).items():
        if id in added:
            if not added[id].special:
                found[id] = text.encode()
            continue
        try:
            found[id] = bytes(spelled[letter] for letter in text)
        except KeyError:
            raise CannotRun(f"{name}: its token {text[:40]!r} spells no bytes; a byte-level BPE is needed") from None
    if lacking := {bytes([byte]) for byte in range(256)} - set(found.values()):
        raise CannotRun(f"{name}: its tokenizer has no token for the byte {min(lacking)!r}: some texts would be lost")
    return found


@cache
def _byte_of_letter() -> dict[str, int]:
    """The letters by which byte-level vocabularies spell bytes: printable ones as themselves, others from U+0100.

    Source: GPT-2's ``bytes_to_unicode`` (openai/gpt-2, src/encoder.py), which all of them share.
    """
    own = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
