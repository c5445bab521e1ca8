"""The tokens that literals are written in, within limits, and what a string token says.

In one pass, in linear time.  Knows nothing of how tokens make a value: see literal.py.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 1 << 17
MAX_TOKENS = 1 << 16
MAX_NESTING = 100
MAX_DIGITS = 4300
"""Of a decimal number: beyond, Python itself refuses to read one, since it takes quadratic time."""


class NoLiteral(Exception):
    """A text is no literal, and why."""


_TOKEN = re.compile(
    r"""
    (?P<blank>   [ \t\f]+ | \#[^\n]* )
  | (?P<newline> \r?\n )
  | (?P<string>  (?P<prefix> [bB][rR]? | [rR][bB]? | [uU] )?
                 (?: '{3} (?P<three>  [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* ) '{3}
                   | "{3} (?P<three2> [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* ) "{3}
                   | '    (?P<one>    [^'\\\r\n]* (?: \\. [^'\\\r\n]* )* ) '
                   | "    (?P<one2>   [^"\\\r\n]* (?: \\. [^"\\\r\n]* )* ) " ) )
  | (?P<based>   0 [xXoObB] [0-9A-Fa-f_]+ (?!\w) )
  | (?P<number>  (?: [0-9][0-9_]* (?: \. [0-9_]* )? | \. [0-9][0-9_]* ) (?: [eE] [+-]? [0-9][0-9_]* )? [jJ]? (?![\w.]) )
  | (?P<name>    [^\W\d]\w* )
  | (?P<mark>    \.\.\. | [][(){},:=+-] )
    """,
    re.VERBOSE | re.DOTALL,
)


_SURROGATE = re.compile("[\ud800-\udfff]")
_NARROW = r"(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9A-Fa-f]{2})"
_WIDE = r"|u(?P<four>[0-9A-Fa-f]{4})|U(?P<eight>[0-9A-Fa-f]{8})|N\{(?P<named>[^}]*)\}"
_OF_STRINGS = re.compile(rf"\\(?:{_NARROW}{_WIDE}|(?P<other>.))", re.DOTALL)
_OF_BYTES = re.compile(rf"\\(?:{_NARROW}|(?P<other>.))", re.DOTALL)
_ESCAPED = {"\n": "", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED |= {quote: quote for quote in "\\'\""}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``string``, ``number``, ``based`` (hexadecimal and such), ``name``, ``mark`` or ``newline``."""

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        return f"{self.text[:40]!r} at character {self.at + 1}"


def tokens(text: str) -> list[Token]:
    """All tokens; a newline is one only outside of brackets, where it ends what can be read."""
    if len(text) > MAX_CHARACTERS:
        raise NoLiteral(f"more than {MAX_CHARACTERS} characters")
    if "\0" in text or (not text.isascii() and _SURROGATE.search(text)):
        raise NoLiteral("a character that no Python source can have")
    found: list[Token] = []
    at = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NoLiteral(f"not a literal: {text[at : at + 40]!r} at character {at + 1}")
        token = Token(match.lastgroup or "", match[0], at)
        at = match.end()
        if token.kind == "blank" or (token.kind == "newline" and depth):
            continue
        if token.kind == "mark":
            depth += (token.text in "([{") - (token.text in ")]}")
            if depth > MAX_NESTING:
                raise NoLiteral(f"nested more than {MAX_NESTING} deep")
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise NoLiteral(f"more than {MAX_TOKENS} parts")
    while found and found[-1].kind == "newline":
        found.pop()
    first = next((number for number, token in enumerate(found) if token.kind != "newline"), len(found))
    return found[first:]


def decoded(token: Token) -> str | bytes:
    """A string token's value."""
    match = _TOKEN.match(token.text)
    assert match is not None
    prefix = (match["prefix"] or "").lower()
    body = next(match[name] for name in ("three", "three2", "one", "one2") if match[name] is not None)
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    if "b" in prefix and not body.isascii():
        raise NoLiteral(f"bytes with other than ASCII characters: {token}")
    if "\\" in body and "r" not in prefix:
        body = (_OF_BYTES if "b" in prefix else _OF_STRINGS).sub(_unescaped, body)
    return bytes(ord(character) & 255 for character in body) if "b" in prefix else body


def _unescaped(match: re.Match[str]) -> str:
    name, said = match.lastgroup, match[match.lastgroup or 0]
    try:
        if name == "other":
            if said == "x" or (said in "uUN" and match.re is _OF_STRINGS):
                raise ValueError
            return _ESCAPED.get(said, "\\" + said)
        if name == "named":
            return unicodedata.lookup(said)
        return chr(int(said, 8 if name == "octal" else 16))
    except (ValueError, KeyError, OverflowError):
        raise NoLiteral(f"not an escape: {match[0][:40]!r}") from None
