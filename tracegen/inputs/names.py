"""What the name of a parameter tells: a table of words, as people use them.  Does not look at any code."""

from __future__ import annotations

import re
from functools import lru_cache

from tracegen.inputs import shapes
from tracegen.inputs.shapes import ANY, Form, Shape, choice, listed, mapped, union
from tracegen.inputs.signature import Parameter


def _like(*texts: str) -> Shape:
    """Texts that look like these, and any others."""
    return union({choice(*map(repr, texts)): 3, shapes.STR: 2})


SPECIMENS: dict[Shape, str] = {
    _like(
        "http://example.com/a/b?x=1&y=2#top",
        "https://user:pw@host:8080/p;q?z",
        "//host/p",
        "mailto:a@b.org",
        "../c/d",
        "http://[::1]:80/",
        "/a%20b?x=%41",
        "a=1&b=2",
        "host:80",
        "ftp://x.org",
    ): "url uri link href host netloc netloc1 urls",
    _like("a=1&b=2&b=3", "x=%20+y;z", "=", "a", "a=&b"): "qs query_string querystring",
    _like(
        "<p>hi <b>you</b></p>", "a &amp; b &lt;c&gt; &#65; &#x41; &bogus;", "<br/>", "x < y & 'z'"
    ): "html xml markup",
    _like(
        "*.txt", "a?c", "[abc]*", "[!a-c]x", "*", "**/*.py", "[", "[]x]", "data[0-9]"
    ): "pat pats glob globs wildcard",
    _like("a+", "[a-z]+", r"\d+", "(a)(b)?", "^x.*y$", "a|b", r"\w+@\w+", "*"): "regex regexp rx",
    _like("a", "ab", "[a-z]+", "*.txt", "aba", "x*"): "pattern patterns",
    _like("a@b.org", "john.doe@example.com", "no-at-sign", "@", "a@b@c"): "email mail e_mail",
    _like('{"a": 1, "b": [true, null]}', "[]", "[1, 2.5]", '"x"', "{"): "json json_string payload_text",
    _like(
        "2024-02-29", "1999-12-31T23:59:00", "12:30", "01/02/2003", "today"
    ): "date_string date_str timestamp time_string",
    _like("1 + 2", "3 * (4 - 5)", "(a + b) * c", "((1)", "2 ** 3 / 4", "7"): "expr expression equation formula",
    _like("1.2.3", "v2.0", "1.10.0-rc1", "0.1"): "version ver",
    _like(
        "x = 1\nprint(x)", "def f(a):\n    return a + 1\n", "import os", "if x:\n  y\n"
    ): "code source_code script program",
    _like("#ff8800", "#FFF", "red", "rgb(1, 2, 3)"): "color colour hex_color",
}

_NUMBERS = listed(union({shapes.INT: 3, shapes.FLOAT: 1}))
_SCALAR = union({shapes.INT: 3, shapes.FLOAT: 1})

WORDS: dict[Shape, str] = {
    shapes.NATURAL: "n m k count size num length width height depth end stop step "
    "limit level offset amount age port times capacity low high lo hi row col "
    "rows cols maxsplit indent tabsize maxsize chunk degree order rank radius places digits precision ndigits bits "
    "min max total score price quantity threshold tolerance distance shift rounds steps timeout seed "
    "columns lines_count maxlen minlen duration frequency padding margin",
    shapes.INDEX: "i j idx index indices pos position start startpos spot place at where",
    choice(*map(str, range(1, 13))): "month",
    choice(*map(str, range(1, 29))): "day",
    choice("2024", "1999", "2023", "1900", "2000", "1970"): "year",
    choice(*map(str, range(24))): "hour hours",
    choice("0", "1", "30", "59", "15"): "minute second minutes seconds",
    choice(*map(str, range(7))): "weekday firstweekday theweekday",
    choice("int", "str", "float", "list", "bool", "dict"): "T cls typ klass dtype type_",
    shapes.INT: "number integer int value1 exponent divisor modulus mod num1 num2 z delta",
    _SCALAR: "x y a b q r u w p t val rate factor weight ratio alpha beta gamma mean sigma mu temperature mass "
    "principal interest angle theta celsius probability",
    shapes.BOOL: "flag verbose strict reverse recursive force inclusive ascending descending debug quiet enabled deep "
    "dry overwrite sorted unique",
    shapes.STR: "s st str string text txt name line word sentence phrase msg message title label key token sub "
    "substring haystack needle old new content body markdown source query template author user username "
    "password tag attr attribute prefix suffix comment description s1 s2 str1 str2 text1 text2 word1 word2 string1 "
    "string2 input value_text data_str paragraph dna rna version language char_set seq_str initial_indent "
    "subsequent_indent country city address first_name last_name postfix ending wrapper part",
    shapes.CHARACTER: "c ch char character letter symbol sep separator delim delimiter fill fillchar quote quotechar "
    "operator op",
    **SPECIMENS,
    Shape(Form.PATH): "path filename filepath file folder directory dir pathname dirname basename src dst",
    Shape(Form.DIGITS): "digit_string number_string binary hexadecimal roman",
    _NUMBERS: "nums numbers numbers_list integers ints scores prices weights heights counts sizes lengths ages grades "
    "data sample dataset measurements samples coefficients costs temperatures",
    listed(
        ANY
    ): "xs ys lst list l ls arr array items values elements elems sequence seq iterable collection args queue "
    "stack vec vector population history objects things a_list input_list list1 list2 nodes arr1 arr2 heap it",
    listed(
        shapes.STR
    ): "words strings names texts tokens lines keys labels letters chars characters tags fields sentences "
    "columns_names paths files headers cmd argv options choices possibilities",
    listed(
        listed(shapes.INT)
    ): "matrix grid board table_rows matrix1 matrix2 intervals image maze lists points_list edges",
    listed(Shape(Form.TUPLE, (shapes.INT, shapes.INT))): "points pairs coordinates ranges",
    mapped(
        shapes.STR, ANY
    ): "d dic dict dictionary mapping table params options_map config settings kwargs headers_map env "
    "context record lookup cache counter inventory obj",
    mapped(shapes.INT, listed(shapes.INT)): "graph adjacency tree_map",
    Shape(Form.CALLABLE): "func fn function callback predicate pred f g keyfunc callable handler transform mapper",
    shapes.BYTES: "buf buffer bytes_ raw byte_string blob payload",
    choice("'utf-8'", "'ascii'", "'latin-1'", "'UTF-8'"): "encoding charset codec",
    choice("'strict'", "'ignore'", "'replace'"): "errors",
}
BY_WORD: dict[str, Shape] = {word: shape for shape, words in WORDS.items() for word in words.split()}

FLAG = re.compile(r"(is|has|use|allow|should|can|with|include|keep|no|do|skip|ignore|enable)_\w+")
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")

VAGUE = frozenset(
    [
        "data",
        "value",
        "x",
        "y",
        "a",
        "b",
        "q",
        "r",
        "u",
        "w",
        "p",
        "t",
        "it",
        "obj",
        "input",
        "c",
        "s",
        "d",
        "l",
        "f",
        "g",
        "key",
        "i",
    ]
)
"""Names that tell little: letters, and words that serve for anything."""


@lru_cache(maxsize=4096)
def shape_of_name(name: str) -> Shape | None:
    """The shape that a name suggests: the whole of it, its last word, its plural; None if it says nothing."""
    name = name.strip("_")
    if name in BY_WORD:
        return BY_WORD[name]
    if FLAG.fullmatch(name):
        return shapes.BOOL
    words = [word.lower() for word in PARTS.findall(name)]
    for word in [name.lower(), *reversed(words), *words]:
        if word in BY_WORD and len(word) > 1:
            return BY_WORD[word]
        if word.endswith("s") and word[:-1] in BY_WORD and len(word) > 2:
            return listed(BY_WORD[word[:-1]])
        if word.rstrip("0123456789") in BY_WORD and word[-1:].isdigit():
            return BY_WORD[word.rstrip("0123456789")]
    return BY_WORD.get(name[:1]) if len(name) == 2 and name[1].isdigit() else None


def by_name(parameter: Parameter) -> Shape:
    """The shape of a field of which nothing but its name is known."""
    return shape_of_name(parameter.name) or union({shapes.INT: 2, shapes.STR: 2, listed(shapes.INT): 1})
