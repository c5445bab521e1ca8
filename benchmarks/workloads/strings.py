"""Workload d: a text of 2,400 characters is built piece by piece, then parsed character by character.

11,552 line events, 5 calls, 723 container operations.
"""

from __future__ import annotations

LINES = 11_552
CALLS = 5
CONTAINER_OPERATIONS = 723


def built(rows: int) -> str:
    text = ""
    for row in range(rows):
        name = "item" + str(row)
        value = str(row * row % 997)
        note = "it's" if row % 3 else 'say "so"'
        text += name + "=" + value + ";" + note + "\n"
    return text


def parsed(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    name = ""
    word = ""
    for character in text:
        if character == "=":
            name = word
            word = ""
        elif character == ";":
            found[name] = int(word)
            word = ""
        elif character == "\n":
            word = ""
        else:
            word += character
    return found


def counted(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in text.split("\n"):
        note = line.partition(";")[2].strip().upper()
        counts[note] = counts.setdefault(note, 0) + 1
    return counts


def joined(values: dict[str, int]) -> str:
    parts: list[str] = []
    for name in sorted(values):
        part = f"{name}:{values[name]:04d}"
        parts.append(part)
    return ",".join(parts)


def run() -> int:
    text = built(120)
    values = parsed(text)
    counts = counted(text)
    line = joined(values)
    return len(line) + len(counts)
