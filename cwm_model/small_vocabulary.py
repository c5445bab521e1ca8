"""Trains the small tokenizer: a byte-level BPE whose merges stay inside words of code and marks of the format.

What a program computes with are characters and digits, so those of values stay apart: a slice, a replacement or a sum
is then a matter of tokens that the model sees.  Merged are only words that code is made of, indentation, and what the
format and the layout of code repeat.  The result is frozen (checkpoints/bundled/tokenizer.json).  Knows nothing of
models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tracegen.grammar import Special
from tracegen.programs.here import Here
from tracegen.programs.synthetic import programs

SIZE = 1280

_OPENING = "return if elif while for def del not lambda yield assert raise except with"
"""Words that begin a line or a clause, with the blank behind them."""
_BETWEEN = "in and or is if else for as"
"""Words between two operands, with both blanks."""
_METHODS = """
append add capitalize casefold center clear copy count decode discard encode endswith expandtabs extend find format
fromkeys get index insert isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isspace istitle
isupper items join keys ljust lower lstrip maketrans partition pop popitem remove removeprefix removesuffix replace
reverse rfind rindex rjust rpartition rsplit rstrip setdefault sort split splitlines startswith strip swapcase title
translate union update upper values zfill
"""
_CALLED = """
abs all any bin bool chr dict divmod enumerate filter float int isinstance iter len list map max min next ord pow range
repr reversed round set sorted str sum tuple type zip main f helper
"""
_NAMES = """
False None True break continue pass try else finally self str int float list dict set tuple bool len
Exception ValueError TypeError KeyError IndexError ZeroDivisionError AttributeError StopIteration
acc adjust ans answer amount arr array body change changed char chars chunks collected convert copy count counts cur
current data dic digit digits distinct done elem element elements entry entries fill first flag found freq func grid
groups helper idx index item items key keys label last left length letter letters limit line lines lookup lst mapping
mark matrix message mid name names new new_text node num number numbers nums obj old other out output pairs part parts
path phrase point pos prefix prev queue records res rest result reverse right root row rows score seen sep seq size
source stack start end state step stop string strings sub suffix table target temp text title tmp token tokens total
trans tree tuples unique val value values width word words default
"""


def _one_of(words: str) -> str:
    return "(?:" + "|".join(sorted(set(words.split()), key=lambda word: (-len(word), word))) + ")"


PATTERN = "|".join(
    [
        r"^ +",  # indentation
        r'(?<!\\)": "\.\.", "|(?<!\\)": "\.\."\}|(?<!\\)": "|(?<!\\)", "|(?<!\\)"\}|\{"|\{\}',  # locals
        r"  # << START_OF_TRACE",
        rf"(?<![\w']){_one_of(_OPENING)} ",
        rf" {_one_of(_BETWEEN)} ",
        r" (?:=|\+|-|\*|/|%|<|>|==|!=|<=|>=|\+=|-=|\*=|//|//=|%=) ",
        rf"\.{_one_of(_METHODS)}\(",
        rf"(?<![\w'.]){_one_of(_CALLED)}\(",
        rf"(?<![\w']){_one_of(_NAMES)}(?![\w'])",
        r"[)\]}:']{0,3}\n",  # the end of a line
        r", ",
        r"[\s\S]",
    ]
)
"""What is kept apart, first match first.  Words in a text come apart into characters, unless they stand free in it."""


PROGRAMS, SEED = 3000, 20261121
"""The traces that the frozen tokenizer was trained on: so many synthetic programs of this seed."""


def corpus() -> Iterator[str]:
    """The texts of those traces, and the words that they lack."""
    here = Here()
    for program in programs(PROGRAMS, SEED):
        for piece in here.trace(program.id, program.code, program.input).pieces():
            if isinstance(piece, str):
                yield piece
    yield from sorted(set(_NAMES.split()))
    yield from sorted(f".{name}(" for name in _METHODS.split())
    yield from sorted(f"{name}(" for name in _CALLED.split())
    yield from sorted(f"{word} " for word in _OPENING.split())


def train(texts: Iterable[str]) -> Tokenizer:
    """A tokenizer of at most `SIZE` ids, the control tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[AddedToken(special.text, special=True, normalized=False) for special in Special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main(path: str) -> None:
    """Write the tokenizer that is frozen in checkpoints/bundled: ``python -m cwm_model.small_vocabulary FILE``."""
    train(corpus()).save(path)


if __name__ == "__main__":
    main(sys.argv[1])
