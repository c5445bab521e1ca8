"""The source that a model is shown, and the place of each of its lines."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import raw, unhurried
from tracegen.context import (
    MARKER,
    NOWHERE,
    Context,
    Source,
    called,
    decoded,
    definition_line,
    lines_of,
    normalised,
    shown_forms,
    whole_files,
    without_marker,
)


def test_the_marker_is_cwms() -> None:
    assert MARKER == "  # << START_OF_TRACE"
    assert NOWHERE == (-1, 0)


def test_line_ends_are_those_of_pythons_tokenizer() -> None:
    assert normalised("a\r\nb\rc\nd\n\re\r\r\n") == "a\nb\nc\nd\n\ne\n\n"
    assert normalised("\x0c\x0b\x1c\x85\u2028") == "\x0c\x0b\x1c\x85\u2028"


def test_every_line_ends_in_a_newline_the_last_one_too() -> None:
    assert lines_of("a\nb") == ["a\n", "b\n"]
    assert lines_of("a\nb\n") == ["a\n", "b\n"]
    assert lines_of("a\n\n") == ["a\n", "\n"]
    assert lines_of("\n") == ["\n"]
    assert lines_of("") == ["\n"]
    assert lines_of("a\x0cb\x1cc\u2028d\r\ne\rf") == ["a\x0cb\x1cc\u2028d\n", "e\n", "f\n"]


def test_lines_are_numbered_as_python_numbers_them() -> None:
    source = "a = '\x0c\u2028\x1c\x85'\r\nb = 1\rc = 2\n\nd = 3"
    for node in ast.parse(source).body:
        assert isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        assert lines_of(source)[node.lineno - 1].startswith(node.targets[0].id)


@unhurried
@given(raw)
def test_the_lines_of_a_source_are_all_of_it(source: str) -> None:
    lines = lines_of(source)
    assert "".join(lines) in (normalised(source), normalised(source) + "\n")
    assert all(line.count("\n") == 1 and line.endswith("\n") and "\r" not in line for line in lines)
    assert lines_of("".join(lines)) == lines


def test_bytes_are_read_as_python_reads_them() -> None:
    assert decoded("é\r\n".encode()) == "é\n"
    assert decoded(b"\xef\xbb\xbfx\r") == "x\n"
    assert decoded("# coding: latin-1\né".encode("latin-1")) == "# coding: latin-1\né"


def test_bytes_that_python_cannot_read_are_refused() -> None:
    with pytest.raises(SyntaxError):
        decoded(b"# coding: no-such-coding\n")
    with pytest.raises((SyntaxError, UnicodeDecodeError)):
        decoded(b"x = '\xff'\n")
    with pytest.raises(UnicodeDecodeError):
        decoded(b"# coding: ascii\n\n\nx = '\xff'\n")


def test_the_marker_is_a_suffix_and_not_a_set_of_characters() -> None:
    assert without_marker(f"return A{MARKER}\n") == "return A\n"
    assert without_marker(f"return A{MARKER}") == "return A"
    assert without_marker("return A\n") == "return A\n"
    assert without_marker(f"x{MARKER} \n") == f"x{MARKER} \n"
    assert without_marker(f"x{MARKER}{MARKER}\n") == f"x{MARKER}\n"
    assert without_marker(f"{MARKER}\n") == "\n"
    assert without_marker("") == ""


def test_a_marker_in_a_context_may_be_the_entrys_or_the_programs_own() -> None:
    assert shown_forms("x\n") == ("x\n",)
    assert shown_forms(f"def f():{MARKER}\n") == ("def f():\n",)
    assert shown_forms(f"  async def f():{MARKER}\n") == ("  async def f():\n",)
    assert shown_forms(f"x = 1{MARKER}\n") == ("x = 1\n", f"x = 1{MARKER}\n")


def test_a_context_needs_a_place_for_every_line() -> None:
    assert Context("a\nb\n", ((0, 1), (0, 2))).places == ((0, 1), (0, 2))
    assert Context("", (NOWHERE,)).text == ""
    with pytest.raises(ValueError, match=r"^2 context lines, but 1 places$"):
        Context("a\nb\n", ((0, 1),))
    with pytest.raises(ValueError, match=r"^1 context lines, but 2 places$"):
        Context("a\n", ((0, 1), (0, 2)))


def test_the_marker_is_taken_off_the_entrys_line_only() -> None:
    text = f"def f():{MARKER}\n    x = 1{MARKER}\n"
    context = Context(text, ((0, 1), (0, 2)))
    assert context.sources((0, 1)) == {(0, 1): "def f():\n", (0, 2): f"    x = 1{MARKER}\n"}
    assert context.sources(None) == {(0, 1): f"def f():{MARKER}\n", (0, 2): f"    x = 1{MARKER}\n"}


@pytest.mark.parametrize(
    ("source", "first", "line"),
    [
        ("def f(): pass", 1, 1),
        ("@a\n@b(1)\ndef f(): pass", 1, 3),
        ("@a\nasync def f(): pass", 1, 2),
        ("@a\nasync  def f(): pass", 1, 2),
        ("def g(): pass\n@a\n    def f(): pass", 2, 3),
        ("@a\n\tdef\tf(): pass", 1, 2),
        ("x = lambda: 1\ny = 2", 1, 1),
        ("x = 1\ny = lambda: 1\ndefine = 3\n", 2, 2),
        ("@a\ndefault = 1\ndef f(): pass", 1, 3),
        ("def f(): pass", 9, 9),
    ],
)
def test_a_function_is_defined_on_the_first_def_line_from_where_its_code_starts(
    source: str, first: int, line: int
) -> None:
    assert definition_line(source, first) == line


def test_one_file_is_shown_in_full_with_the_marker() -> None:
    context = whole_files([Source("a.py", "x = 1\ndef f():\n    pass")], (0, 2))
    assert context.text == f"x = 1\ndef f():{MARKER}\n    pass\n"
    assert context.places == ((0, 1), (0, 2), (0, 3))
    assert context.sources((0, 2))[(0, 2)] == "def f():\n"


def test_a_module_is_shown_without_a_marker() -> None:
    assert whole_files([Source("a.py", "x = 1\n")], None).text == "x = 1\n"


def test_several_files_are_set_apart_by_their_names() -> None:
    context = whole_files([Source("a.py", "def f():\n    pass\n"), Source("b/c.py", "x\ny")], (1, 1))
    assert context.text == f"# a.py\ndef f():\n    pass\n# b/c.py\nx{MARKER}\ny\n"
    assert context.places == (NOWHERE, (0, 1), (0, 2), NOWHERE, (1, 1), (1, 2))


def test_a_function_level_context_is_cwms_template() -> None:
    caller = Source("<main>", "def main():\n    return f(1)\n")
    context = called(Source("a.py", "def f(x):\n    return x"), caller)
    assert context.text == f"\ndef f(x):\n    return x\ndef main():{MARKER}\n    return f(1)\n"
    assert context.places == (NOWHERE, (0, 1), (0, 2), (1, 1), (1, 2))


def test_code_that_ends_in_a_newline_leaves_an_empty_line() -> None:
    caller = Source("<main>", "def main():\n    return f(1)\n")
    context = called(Source("a.py", "def f(x):\n    return x\n"), caller)
    assert context.text == f"\ndef f(x):\n    return x\n\ndef main():{MARKER}\n    return f(1)\n"
    assert context.places == (NOWHERE, (0, 1), (0, 2), NOWHERE, (1, 1), (1, 2))


def test_helpers_stand_before_the_code_and_are_numbered_from_two() -> None:
    caller = Source("<main>", "def main():\n    return f(1)\n")
    helpers = [Source("b.py", "y = 1\n"), Source("c.py", "z = 2")]
    context = called(Source("a.py", "x = 0"), caller, helpers)
    assert context.text == f"\n# b.py\ny = 1\n# c.py\nz = 2\nx = 0\ndef main():{MARKER}\n    return f(1)\n"
    assert context.places == (NOWHERE, NOWHERE, (2, 1), NOWHERE, (3, 1), (0, 1), (1, 1), (1, 2))


@unhurried
@given(st.lists(raw, min_size=1, max_size=3), st.data())
def test_every_line_of_every_file_is_found_at_its_place(texts: list[str], data: st.DataObject) -> None:
    files = [Source(f"{number}.py", text) for number, text in enumerate(texts)]
    index = data.draw(st.integers(0, len(files) - 1))
    line = data.draw(st.integers(1, len(lines_of(texts[index]))))
    found = whole_files(files, (index, line)).sources((index, line))
    found.pop(NOWHERE, None)
    assert found == {(i, n): text for i, f in enumerate(files) for n, text in enumerate(lines_of(f.text), start=1)}


def test_a_coding_line_is_one_that_pythons_tokenizer_knows() -> None:
    data = b"#!/usr/bin/python\n# -*- coding: cp1252 -*-\nx = '\x80'\n"
    assert decoded(data).endswith("x = '€'\n")
    assert tokenize.detect_encoding(io.BytesIO(data).readline)[0] == "cp1252"
