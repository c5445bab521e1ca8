"""Pieces to ids and back: what survives, what is refused, and where the frozen vocabulary comes from.

Longer than the house's 350 lines: each kind of tokenizer that is refused has its case here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from cwm_model import small_vocabulary, tokenizer
from cwm_model.tokenizer import BUNDLED, CWM_SIZE, SMALL_SHA256, Tokenizer, from_file, small, with_control_tokens
from tests.hostile import raw, unhurried
from tracegen import CannotRun, Special, render
from tracegen.grammar import Piece
from tracegen.programs.here import Here

FROZEN = BUNDLED / "tokenizer.json"
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
PROGRAM = "def f(text, num):\n    if num > 1:\n        return {'a': [num, 20], \"b\": text}\n    return None"

encodable = raw.filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
"""Any text that UTF-8 has."""
streams: st.SearchStrategy[list[Piece]] = st.lists(st.one_of(st.sampled_from(list(Special)), encodable), max_size=9)


def byte_level(letters: Sequence[str] = LETTERS, merges: Sequence[tuple[str, str]] = ()) -> tokenizers.Tokenizer:
    """Somebody's byte-level BPE, without control tokens."""
    vocabulary = {letter: id for id, letter in enumerate([*letters, *("".join(pair) for pair in merges)])}
    found = tokenizers.Tokenizer(models.BPE(vocabulary, list(merges)))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    return found


def of_cwms_size(swapped: bool = False) -> tokenizers.Tokenizer:
    """One of CWM's size: bytes, then names of nothing, then the control tokens, where CWM has them or two swapped."""
    at = {special.cwm_id: special.text for special in Special}
    if swapped:
        call, line = Special.CALL_SEP.cwm_id, Special.LINE_SEP.cwm_id
        at[call], at[line] = at[line], at[call]
    filling = [f"nothing{id}" for id in range(len(LETTERS), 128000)]
    found = tokenizers.Tokenizer(models.BPE({name: id for id, name in enumerate([*LETTERS, *filling])}, []))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    names = [at.get(id, f"<|reserved_{id}|>") for id in range(128000, CWM_SIZE)]
    found.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return found


def written(backend: tokenizers.Tokenizer, path: Path) -> Path:
    backend.save(str(path))
    return path


def refused(path: Path) -> str:
    with pytest.raises(CannotRun) as refusal:
        from_file(path)
    message = str(refusal.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message


def joined(stream: Sequence[Piece]) -> list[Piece]:
    """No empty text, no text beside text."""
    found: list[Piece] = []
    for is_text, run in groupby(stream, key=lambda piece: isinstance(piece, str)):
        pieces = list(run)
        found += [text] if is_text and (text := render(pieces)) else [] if is_text else pieces
    return found


def tokens_of(text: str) -> list[str]:
    """How the small tokenizer cuts a text of ASCII letters."""
    return [(small().bytes_of(id) or b"").decode() for id in small().encode([text])]


@pytest.fixture
def forgotten() -> Iterator[None]:
    """`small` reads its file afresh, in the test and after it."""
    small.cache_clear()
    yield
    small.cache_clear()


# -- Every text survives, and none becomes a control token.


@unhurried
@given(streams)
def test_every_list_of_pieces_survives(stream: list[Piece]) -> None:
    assert small().decode(small().encode(stream)) == joined(stream)


@unhurried
@given(st.text(st.characters(codec="utf-8")))
def test_every_text_survives(text: str) -> None:
    assert render(small().decode(small().encode([text]))) == text


@unhurried
@given(streams)
def test_the_bytes_of_the_ids_join_to_the_text(stream: list[Piece]) -> None:
    parts = [small().bytes_of(id) for id in small().encode(stream)]
    assert b"".join(part for part in parts if part is not None) == "".join(
        piece for piece in stream if isinstance(piece, str)
    ).encode("utf-8")
    assert parts.count(None) == sum(isinstance(piece, Special) for piece in stream)


@unhurried
@given(st.lists(encodable, max_size=5))
def test_many_texts_at_once_have_the_ids_that_each_has(texts: list[str]) -> None:
    assert small().encode_all(texts) == [small().encode([text]) for text in texts]


@unhurried
@given(streams)
def test_every_list_of_pieces_survives_a_plain_byte_level_tokenizer(stream: list[Piece]) -> None:
    plain = with_control_tokens(byte_level(), "plain")
    assert plain.decode(plain.encode(stream)) == joined(stream)


@pytest.mark.parametrize("special", list(Special))
def test_text_that_looks_like_a_control_token_stays_text(special: Special) -> None:
    ids = small().encode([f"a{special.text}", special, special.text])
    assert [id for id in ids if small().special_of(id)] == [small().id_of(special)]
    assert small().decode(ids) == [f"a{special.text}", special, special.text]


def test_a_control_token_has_an_id_and_no_bytes() -> None:
    assert len({small().id_of(special) for special in Special}) == len(Special)
    for special in Special:
        id = small().id_of(special)
        assert small().special_of(id) is special
        assert small().bytes_of(id) is None


def test_an_id_that_nothing_has_is_no_text() -> None:
    assert small().bytes_of(small().size) is None
    assert small().special_of(small().size) is None
    assert small().decode([small().size, -1]) == []


def test_bytes_that_are_no_utf_8_become_u_fffd_and_nothing_else_does() -> None:
    ids = small().encode(["\u04e8"])
    assert len(ids) == 2
    assert small().decode([ids[0], *small().encode(["a"])]) == ["\ufffda"]
    assert small().decode([ids[0], small().id_of(Special.PAD), ids[1]]) == ["\ufffd", Special.PAD, "\ufffd"]


@pytest.mark.parametrize("half", ["\ud800", "a\udfff", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_refused(half: str) -> None:
    with pytest.raises(ValueError, match="half a surrogate pair") as refusal:
        small().encode([half])
    assert not isinstance(refusal.value, UnicodeEncodeError)


def test_what_is_saved_is_the_same_tokenizer(tmp_path: Path) -> None:
    plain = with_control_tokens(byte_level(), "plain")
    for number, each in enumerate((small(), plain)):
        path = tmp_path / f"{number}.json"
        each.save(path)
        again = from_file(path)
        assert (again.sha256, again.size) == (each.sha256, each.size)
        assert again.encode([PROGRAM, Special.PAD]) == each.encode([PROGRAM, Special.PAD])
    assert small().encode(["<|pad|>"]) != [small().id_of(Special.PAD)]


def test_a_saved_tokenizer_is_read_by_the_library_with_control_tokens(tmp_path: Path) -> None:
    small().save(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode("<|frame_sep|>a").ids == [small().id_of(Special.FRAME_SEP), *small().encode(["a"])]


# -- CWM's vocabulary.


def test_a_tokenizer_of_cwms_size_has_cwms_ids(tmp_path: Path) -> None:
    right = from_file(written(of_cwms_size(), tmp_path / "right.json"))
    assert right.size == CWM_SIZE
    assert right.encode([Special.FRAME_SEP, "!", Special.ARG_SEP]) == [128100, LETTERS.index("!"), 128106]
    assert right.bytes_of(128050) is None
    assert right.special_of(128050) is None


def test_a_tokenizer_of_cwms_size_with_other_ids_is_refused(tmp_path: Path) -> None:
    message = refused(written(of_cwms_size(swapped=True), tmp_path / "wrong.json"))
    assert message.endswith("<|call_sep|> is id 128104, in CWM's vocabulary 128103")


# -- Other tokenizers.


def test_a_tokenizer_without_control_tokens_is_refused(tmp_path: Path) -> None:
    message = refused(written(byte_level(), tmp_path / "plain.json"))
    assert f"lacks the control token <|begin_of_text|> and {len(Special) - 1} others; " in message
    assert message.endswith("adds them")


def test_a_tokenizer_that_lacks_one_control_token_names_it(tmp_path: Path) -> None:
    backend = byte_level()
    backend.add_special_tokens([special.text for special in Special if special is not Special.ARG_SEP])
    assert "lacks the control token <|arg_sep|>; " in refused(written(backend, tmp_path / "tokenizer.json"))


def test_control_tokens_are_added_behind_a_tokenizers_own_ids() -> None:
    backend = byte_level()
    backend.add_special_tokens([AddedToken(Special.END_OF_TEXT.text, special=True)])
    found = with_control_tokens(backend, "plain")
    assert found.id_of(Special.END_OF_TEXT) == 256
    assert sorted(found.id_of(special) for special in Special) == list(range(256, 256 + len(Special)))
    assert found.size == 256 + len(Special)
    assert len(backend.get_added_tokens_decoder()) == 1


def test_a_control_token_that_is_an_ordinary_token_is_made_a_control_token() -> None:
    backend = byte_level()
    backend.add_tokens([AddedToken(Special.PAD.text, special=False)])
    found = with_control_tokens(backend, "plain")
    assert found.decode(found.encode([Special.PAD.text, Special.PAD])) == [Special.PAD.text, Special.PAD]


def test_a_tokenizer_that_is_not_byte_level_is_refused(tmp_path: Path) -> None:
    words = tokenizers.Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    words.add_special_tokens([special.text for special in Special])
    assert "no byte-level BPE" in refused(written(words, tmp_path / "words.json"))
    spaces = byte_level()
    spaces.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    spaces.add_special_tokens([special.text for special in Special])
    assert "no byte-level BPE" in refused(written(spaces, tmp_path / "spaces.json"))


def test_a_decoder_that_is_byte_level_among_others_is_one(tmp_path: Path) -> None:
    backend = byte_level()
    backend.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Fuse()])
    assert with_control_tokens(backend, "plain").decode([0, 1]) == ["!" + '"']


def test_a_tokenizer_that_puts_a_blank_before_a_text_is_refused() -> None:
    backend = byte_level()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(CannotRun, match=r"^roberta: its tokenizer does not keep the text"):
        with_control_tokens(backend, "roberta")


def test_a_tokenizer_that_drops_blanks_is_refused() -> None:
    backend = byte_level()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\s"), "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    with pytest.raises(CannotRun, match=r"^words: its tokenizer does not keep the text"):
        with_control_tokens(backend, "words")


def test_a_tokenizer_that_lacks_a_byte_is_refused() -> None:
    with pytest.raises(CannotRun, match=r"^no q: its tokenizer has no token for the byte b'q'"):
        with_control_tokens(byte_level([letter for letter in LETTERS if letter != "q"]), "no q")


def test_a_vocabulary_with_letters_that_spell_no_byte_is_read_or_refused() -> None:
    try:
        found = with_control_tokens(byte_level([*LETTERS, "▁the"]), "odd")
    except CannotRun as refusal:
        assert str(refusal).startswith("odd: ")  # noqa: PT017
    else:
        assert found.decode(found.encode(["▁the"])) == ["▁the"]


def test_a_tokenizer_that_drops_merges_by_chance_is_made_to_stop() -> None:
    backend = byte_level(merges=[("a", "b"), ("ab", "ab")])
    described = json.loads(backend.to_str())
    described["model"]["dropout"] = 0.5
    found = with_control_tokens(tokenizers.Tokenizer.from_str(json.dumps(described)), "plain")
    assert {tuple(found.encode(["abab"])) for _ in range(30)} == {(257,)}


def test_a_normaliser_is_taken_away_so_that_text_survives(tmp_path: Path) -> None:
    backend = byte_level()
    backend.normalizer = normalizers.NFC()
    added = with_control_tokens(backend, "qwen")
    assert added.decode(added.encode(["e\u0301"])) == ["e\u0301"]
    backend.add_special_tokens([special.text for special in Special])
    found = from_file(written(backend, tmp_path / "tokenizer.json"))
    assert found.decode(found.encode(["e\u0301 \ufb01 \u212b"])) == ["e\u0301 \ufb01 \u212b"]


def test_a_post_processor_adds_no_tokens() -> None:
    backend = byte_level()
    backend.add_special_tokens([special.text for special in Special])
    begin = Special.BEGIN_OF_TEXT.text
    backend.post_processor = processors.TemplateProcessing(f"{begin} $A", special_tokens=[(begin, 256)])
    assert Tokenizer(backend, "llama").encode(["!"]) == [0]


def test_truncation_and_padding_are_taken_away() -> None:
    backend = byte_level()
    backend.enable_truncation(2)
    backend.enable_padding(length=9)
    assert with_control_tokens(backend, "plain").encode(['!"!"']) == [0, 1, 0, 1]


def test_other_special_tokens_are_text_in_text() -> None:
    backend = byte_level()
    backend.add_special_tokens(["<|fim|>"])
    backend.add_tokens(["<tool>"])
    found = with_control_tokens(backend, "plain")
    assert found.decode(found.encode(["<|fim|> <tool>"])) == ["<|fim|> <tool>"]
    assert 256 not in found.encode(["<|fim|>"])
    assert (found.bytes_of(256), found.bytes_of(257)) == (None, b"<tool>")


@pytest.mark.parametrize("blanks", ["lstrip", "rstrip"])
def test_an_added_token_that_takes_the_blanks_beside_it_does_not_lose_them(blanks: str) -> None:
    backend = byte_level()
    backend.add_tokens([AddedToken("<tool>", **{blanks: True})])
    try:
        found = with_control_tokens(backend, "plain")
    except CannotRun as refusal:
        assert str(refusal).startswith("plain: ")  # noqa: PT017
    else:
        assert found.decode(found.encode(["a  <tool>  b"])) == ["a  <tool>  b"]


# -- Files.


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": {}}', b"\xff\xfe", b'{"version": "1.0"}'])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    assert "cannot be read as a tokenizer: " in refused(path)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    assert "nowhere.json: no such file; " in refused(tmp_path / "nowhere.json")


def test_the_frozen_file_has_the_sha256_that_the_code_names() -> None:
    assert hashlib.sha256(FROZEN.read_bytes()).hexdigest() == SMALL_SHA256
    assert len(Special) + 256 < small().size <= small_vocabulary.SIZE


@pytest.mark.usefixtures("forgotten")
def test_a_bundled_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "BUNDLED", tmp_path)
    shutil.copy(FROZEN, tmp_path)
    assert small().size == from_file(FROZEN).size
    small.cache_clear()
    path = tmp_path / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(CannotRun, match=rf"^{path}: not the frozen tokenizer: its sha256 is \w+, wanted is \w+$"):
        small()


@pytest.mark.usefixtures("forgotten")
def test_a_bundled_file_that_is_gone_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "BUNDLED", tmp_path)
    with pytest.raises(CannotRun, match=r"tokenizer\.json: "):
        small()


# -- The small vocabulary.


@unhurried
@given(st.integers(0, 10**12))
def test_a_number_is_its_digits(number: int) -> None:
    assert tokens_of(str(number)) == list(str(number))
    assert tokens_of(f"[{number}, -{number}]") == ["[", *str(number), ", ", "-", *str(number), "]"]


@pytest.mark.parametrize("word", ["qzkvw", "resultat", "xnumx", "aforb", "minn"])
def test_a_value_is_its_characters_even_where_a_word_stands_in_it(word: str) -> None:
    assert tokens_of(f"'{word}'") == ["'", *word, "'"]
    assert tokens_of(f"{{'{word}': 12}}")[1:-1] == ["'", *word, "'", ":", " ", "1", "2"]


def test_no_token_of_a_text_holds_two_digits() -> None:
    for id in range(small().size):
        held = small().bytes_of(id) or b""
        assert sum(byte in b"0123456789" for byte in held) <= 1


def test_indentation_words_of_code_and_marks_of_the_format_are_merged() -> None:
    for text in ["    ", "        ", "            ", "return ", "if ", ".append(", "len(", "None", '": "', "{}"]:
        assert tokens_of(text) == [text]
    assert tokens_of("4 in text") == ["4", " in ", "text"]
    assert tokens_of("num += 1") == ["num", " += ", "1"]
    assert tokens_of("        return None\n") == ["        ", "return ", "None", "\n"]


SAMPLE = """
import sys
from cwm_model import small_vocabulary
from tracegen.programs.here import Here

texts = [
    piece
    for number in range(9)
    for piece in Here().trace("it", sys.argv[2], f"'word{number} ' * {number}, {number}").pieces()
    if isinstance(piece, str)
]
small_vocabulary.train(texts).save(sys.argv[1])
"""


def test_training_gives_the_same_file_under_every_hash_seed(tmp_path: Path) -> None:
    found = set()
    for seed in ("1", "77"):
        path = tmp_path / f"{seed}.json"
        subprocess.run(
            [sys.executable, "-c", SAMPLE, str(path), PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            timeout=120,
        )
        found.add(path.read_bytes())
    assert len(found) == 1


def test_training_takes_the_control_tokens_first_and_every_byte() -> None:
    texts = [piece for piece in Here().trace("it", PROGRAM, "'a', 2").pieces() if isinstance(piece, str)]
    found = Tokenizer(small_vocabulary.train(texts), "a test's")
    assert [found.id_of(special) for special in Special] == list(range(len(Special)))
    assert {found.bytes_of(id) for id in range(found.size)} >= {bytes([byte]) for byte in range(256)}


@pytest.mark.slow
def test_the_frozen_file_is_what_the_command_writes_under_any_hash_seed(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    subprocess.run(
        [sys.executable, "-m", "cwm_model.small_vocabulary", str(path)],
        env={**os.environ, "PYTHONHASHSEED": "5"},
        cwd=BUNDLED.parent.parent.parent,
        check=True,
        timeout=600,
    )
    assert path.read_bytes() == FROZEN.read_bytes()
