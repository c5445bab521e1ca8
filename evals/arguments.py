"""The arguments of a call that a model wrote, if they are literals.  Knows nothing of what is called."""

from __future__ import annotations

import keyword

from evals.lexing import NoLiteral, tokens
from evals.literal import Literal, Unreadable, read


def arguments(answer: str, function: str = "f") -> str | Unreadable:
    """What stands between the brackets of one call with literal arguments, positional ones before named ones.

    >>> arguments("f([1], x='a')")
    "[1], x='a'"
    >>> arguments("f([1]) + 1"), arguments("f(g(1))")
    (Unreadable(reason='not one call of f'), Unreadable(reason="not a literal: 'g' at character 2"))
    """
    text = answer.strip()
    if not (text.startswith(f"{function}(") and text.endswith(")")):
        return Unreadable(f"not one call of {function}")
    inner = text[len(function) + 1 : -1]
    try:
        values = _unnamed(inner)
    except NoLiteral as error:
        return Unreadable(str(error))
    found = read(f"[{values}]")
    if isinstance(found, Unreadable):
        return found
    # "1], [2" is two lists, and no list of arguments.
    return inner if isinstance(found, Literal) and found.kind == "list" else Unreadable(f"not one call of {function}")


def _unnamed(inner: str) -> str:
    """The arguments without their names, at the same places.  Raises NoLiteral."""
    names: set[str] = set()
    depth, starts, text, found = 0, True, inner, [each for each in tokens(inner) if each.kind != "newline"]
    for number, token in enumerate(found):
        if token.kind == "mark":
            depth += (token.text in "([{") - (token.text in ")]}")
            starts = depth == 0 and token.text == ","
            continue
        named = number + 1 < len(found) and found[number + 1].text == "="
        if starts and depth == 0 and named and token.kind == "name" and not keyword.iskeyword(token.text):
            if token.text in names:
                raise NoLiteral(f"an argument twice: {token}")
            names.add(token.text)
            end = found[number + 1].at + 1
            text = text[: token.at] + " " * (end - token.at) + text[end:]
        elif starts and depth == 0 and names:
            raise NoLiteral(f"a positional argument behind a named one: {token}")
        starts = False
    return text
