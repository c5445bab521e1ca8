"""Values as people write them in examples: tables, and nothing else."""

from __future__ import annotations

WORDS = (
    "apple", "hello", "world", "abc", "python", "test", "a", "b", "key", "red", "green", "data", "cat", "dog", "level",
    "name", "foo", "bar", "banana", "one", "two", "the", "quick", "Hello", "xyz", "item", "john", "Ada", "x", "up",
)  # fmt: skip
SMALL = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 7, 12, 15, -1)
LARGE = (100, 128, 255, 256, 1000, 1024, 2024, 10_000, 65_536, 1_000_000, -100, 2**31, 10**9 + 7)
FLOATS = (0.0, 1.0, 0.5, 1.5, 2.5, 0.25, 3.14, 10.0, -1.5, 0.1, 100.0, 2.0, -0.5, 0.75, 0.001)
ODD_FLOATS = ("float('nan')", "float('inf')", "-float('inf')", "1e100")
MARKS = ",.-_:;!?()[]{}<>/+*=#@%&|'\"\\ "
FOREIGN = ("é", "ß", "ж", "中", "ñ", "Ω")
BYTES = (b"", b"abc", b"hello world", b"\x00\xff", b"a=b&c=d", b"line\n", b"YWJj")
DIGITS = ("0", "1", "7", "12", "42", "100", "007", "-3", "3.5", "1010", "255", "1234567890", "", "1e3", "ff", "XIV")
PATHS = (
    "a/b/c.txt", "/usr/local/lib", "file.tar.gz", "", ".", "..", "../x/y", "/", "a//b", "dir/", "notes.md", "/a/b/../c",
    "~/data", "C:\\temp\\x", ".hidden", "a/./b", "//net/x",
)  # fmt: skip
FUNCTIONS = {
    0: ("lambda: 0", "lambda: 'a'", "list", "dict", "int"),
    1: ("lambda a: a", "str", "lambda a: not a", "bool", "lambda a: a * 2", "lambda a: a == 1", "repr",
        "lambda a: True", "lambda a: None", "type"),
    2: ("lambda a, b: a", "lambda a, b: b", "lambda a, b: a + b", "max", "lambda a, b: a == b", "lambda a, b: a < b"),
    3: ("lambda a, b, c: a", "lambda a, b, c: (a, b, c)"),
}  # fmt: skip
"""Callables by the number of arguments that they take."""
