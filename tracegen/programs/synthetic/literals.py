"""Values: what a program is called with, and what stands in its code.

Both draw from the same few letters, words and numbers, so that a comparison in the code can come out both ways.
Knows nothing of programs.
"""

from __future__ import annotations

from .chance import Chance

WORDS = (
    "apple", "bridge", "cloud", "dust", "ember", "field", "grain", "hollow", "ink", "jar", "kettle", "lamp", "moss",
    "needle", "oak", "paper", "quill", "river", "stone", "tide", "under", "valley", "wood", "yard", "zinc", "red",
    "two", "go", "so", "up", "north", "salt", "the", "and", "of",
)  # fmt: skip
MARKS = ("-", ",", ".", "_", " ", ":", "/", "!", "+", "*", "#", "|", ";", "@", "?", "&", "(", ")", "=", "$", "%")
FOREIGN = ("é", "ñ", "ж", "中", "ü")
CODED = ("", "", "<|frame_sep|>", "<|end_of_text|>", '{"a": ".."}', "..", "\\n", "'", "%d", "<b>", "&amp;", "x=1;")


class Literals:
    """Values of one program: few letters, marks, words and numbers that its code and its arguments share.

    ``wide``: more of them, larger numbers, and now and then a text of any characters.
    """

    def __init__(self, chance: Chance, wide: bool = False) -> None:
        self.chance = chance
        self.wide = wide
        alphabet = "abcdefghijklmnopqrstuvwxyz"
        self.letters = [chance.pick(alphabet) for _ in range(chance.between(3, 6) + 6 * wide)]
        self.marks = [chance.pick(MARKS) for _ in range(2 + 4 * wide)]
        self.words = [chance.pick(WORDS) if chance.often(60) else self._nonsense() for _ in range(4)]
        self.numbers = [chance.between(0, 9) for _ in range(3)]
        self.numbers += [chance.between(-9, 99), chance.between(1, 20)]
        if wide:
            self.numbers += [chance.between(-99, 999), chance.between(0, 2000)]

    def _nonsense(self) -> str:
        letters = [self.chance.pick(self.letters) for _ in range(self.chance.between(2, 6))]
        return "".join(letters)

    def small(self) -> int:
        """A small number, as code has them."""
        return self.chance.weighted([(10, 1), (8, 2), (4, 0), (4, 3), (2, 4), (1, 5), (1, 10)])

    def number(self) -> int:
        """A number as arguments have them."""
        if self.chance.often(55):
            return self.chance.pick(self.numbers)
        return self.chance.weighted(
            [(10, self.chance.between(0, 9)), (5, self.chance.between(10, 99)), (3, -self.chance.between(1, 9)),
             (1, self.chance.between(100, 9999))]
        )  # fmt: skip

    def character(self) -> str:
        """One character: often one that the program's texts contain."""
        kind = self.chance.weighted([(10, "letter"), (6, "mark"), (2, "digit"), (1, "upper")])
        if kind == "letter":
            return self.chance.pick(self.letters)
        if kind == "mark":
            return self.chance.pick(self.marks)
        if kind == "digit":
            return str(self.chance.pick(self.numbers[:3]))
        return self.chance.pick(self.letters).upper()

    def piece(self) -> str:
        """A character, or two or three."""
        if self.chance.often(70):
            return self.character()
        return "".join(self.chance.pick(self.letters) for _ in range(self.chance.between(2, 3)))

    def word(self) -> str:
        """A word, in one case or another, perhaps with digits."""
        word = self.chance.pick(self.words) if self.chance.often(50) else self._nonsense()
        style = self.chance.weighted([(14, "as it is"), (3, "title"), (2, "upper"), (2, "digits"), (2, "mixed")])
        if style == "title":
            return word.capitalize()
        if style == "upper":
            return word.upper()
        if style == "digits":
            return word[:3] + str(self.chance.pick(self.numbers[:3]))
        if style == "mixed":
            return "".join(c.upper() if self.chance.often(50) else c for c in word)
        return word

    def text(self) -> str:
        """A text: empty, a character, a word, several, digits, or characters of all sorts."""
        if self.wide and self.chance.often(12):
            return self.chance.pick(CODED) + "".join(chr(self.chance.between(32, 126)) for _ in range(self.size()))
        style = self.chance.weighted(
            [(15, "word"), (5, "sentence"), (6, "joined"), (4, "soup"), (3, "digits"), (5, "short"), (1, "blank"),
             (1, "lines"), (2, "empty")]
        )  # fmt: skip
        if style == "word":
            return self.word() if self.chance.often(60) else self.word() + self._nonsense()
        if style == "short":
            return self.piece()
        if style == "empty":
            return ""
        if style == "digits":
            return "".join(str(self.chance.below(10)) for _ in range(self.chance.between(1, 6)))
        if style == "blank":
            return " " * self.chance.between(0, 3) + self.word() + " " * self.chance.between(1, 2)
        if style == "soup":
            if self.chance.often(8):
                return self.word() + self.chance.pick(FOREIGN)
            return "".join(self.character() for _ in range(self.chance.between(3, 22)))
        glue = {"sentence": " ", "lines": "\n"}.get(style) or self.chance.pick(self.marks)
        return glue.join(self.word() for _ in range(self.chance.between(2, 6)))

    def size(self) -> int:
        """How many elements a container has."""
        return self.chance.weighted([(7, 0), (6, 1), (10, 2), (12, 3), (12, 4), (11, 5), (9, 6), (4, 7), (2, 8)])

    def value(self, kind: str) -> object:
        """A value of a kind, as an argument."""
        if kind == "str":
            return self.text()
        if kind == "piece":
            return self.piece()
        if kind == "int":
            return self.number()
        if kind == "bool":
            return self.chance.often(50)
        if kind == "float":
            return self.chance.between(-50, 200) / 4
        if kind == "list[tuple]":
            return [(self.word(), self.number()) for _ in range(max(1, self.size() - 2))]
        if kind == "list[list[int]]":
            return [[self.number() for _ in range(self.chance.between(1, 4))] for _ in range(max(1, self.size() - 2))]
        if kind == "list[str]":
            short = self.chance.often(40)
            return [self.piece() if short else self.word() for _ in range(self.size())]
        inner = kind[kind.index("[") + 1 : -1]
        if kind.startswith("dict"):
            key, _, held = inner.partition(",")
            size = 0 if self.chance.often(48) else self.chance.between(1, 5)
            keys = [self.word() if key == "str" else self.number() for _ in range(size)]
            return {key: self._any(held, 3) for key in keys}
        mixed = 50 if self.chance.often(7) else 0
        elements = [self._any(inner, mixed) for _ in range(self.size())]
        return tuple(elements) if kind.startswith("tuple") else elements

    def _any(self, kind: str, percent: int) -> object:
        """A value of a kind, or in so many of a hundred cases of another."""
        if self.chance.often(percent):
            return self.chance.pick((None, True, self.word(), self.number()))
        return self.word() if kind == "str" else self.value(kind)
