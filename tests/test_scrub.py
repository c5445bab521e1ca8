"""Scrubbing: what is hidden, what is not, and what stays true of a trace whose texts are marked.

Longer than others: the tables of what is hidden and what is not stand beside the properties that they feed.
"""

from __future__ import annotations

import ast
import json
import pickle
import re
import sysconfig
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import names as variables
from tests.hostile import texts, unhurried
from tests.rows import context_of, numbered, table
from tests.scripted import each_tracer, run
from tests.wires import CALL, LINE, RETURN, HandWritten, begun, small
from tracegen import Context, Entry, Trace, giveaways, marks, scrub
from tracegen.columns import LOCALS_PATTERN
from tracegen.giveaways import Kind, looks_random
from tracegen.harvest import content_of, restored
from tracegen.payload.wire import encoded
from tracegen.scrub import Scrubber
from tracegen.stored import trace_at

__all__ = ["each_tracer"]  # a fixture

ANN = Scrubber("/home/ann", "annabel", "bigbox-7.example.org", ("/tmp", "/var/tmp", "/scratch/t"))

BASE64 = "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn"
GITHUB = "ghp_" + "a1B2" * 9


def assembled(*parts: str) -> str:
    """A token that is no one's, in pieces: scanners of repositories would report it."""
    return "".join(parts)


# -- One text: what is hidden.

HIDDEN = {
    "a temporary folder": ("PosixPath('/tmp/tmpab12cd34')", "PosixPath('/tmp/<tmp-1>')"),
    "a temporary file with a suffix": ("'/var/tmp/tmp_abcdefg.csv'", "'/var/tmp/<tmp-1>.csv'"),
    "one in another temporary folder": ("/scratch/t/tmpab12cd34/x", "/scratch/t/<tmp-1>/x"),
    "one deeper": ("/tmp/a/tmpab12cd34/x", "/tmp/a/<tmp-1>/x"),
    "one in another": ("/tmp/foretrace-ab12cd34/tmpxxxxxxxx", "/tmp/<tmp-1>/<tmp-2>"),
    "one after an escaped newline": (r"'a\n/tmp/tmpab12cd34'", r"'a\n/tmp/<tmp-1>'"),
    "one with a prefix": ("/tmp/build-ab12cd34", "/tmp/build-<tmp-1>"),
    "its name by itself": ("('/tmp/tmpab12cd34', 'tmpab12cd34')", "('/tmp/<tmp-1>', '<tmp-1>')"),
    "two of them": ("/tmp/tmpaaaaaaaa /tmp/tmpbbbbbbbb /tmp/tmpaaaaaaaa", "/tmp/<tmp-1> /tmp/<tmp-2> /tmp/<tmp-1>"),
    "pytest's folder": ("/tmp/pytest-of-root/pytest-12/test_a0", "/tmp/pytest-of-<user-1>/pytest-<tmp-1>/test_a0"),
    "macOS's temporary folder": ("/var/folders/zz/zyxvpxvq6csf/T/x", "/var/folders/<tmp-1>/T/x"),
    "the home folder": ("'/home/ann/x'", "'/home/<user-1>/x'"),
    "the home folder by itself": ("PosixPath('/home/ann')", "PosixPath('/home/<user-1>')"),
    "the home folder at a sentence's end": ("in /home/ann.", "in /home/<user-1>."),
    "the home folder in a URL": ("file:///home/ann/x", "file:///home/<user-1>/x"),
    "the user's name": ("'/srv/annabel/x annabel'", "'/srv/<user-1>/x <user-1>'"),
    "the user's name after an escape": (r"'a\nannabel\tb'", r"'a\n<user-1>\tb'"),
    "the host's name": ("'bigbox-7.example.org', 'bigbox-7'", "'<host-1>', '<host-2>'"),
    "an AWS key id": (assembled("'AKIA", "IOSFODNN7EXAMPLE'"), "'AKIA<secret-1>'"),
    "an AWS secret": (
        assembled("aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY'"),
        "aws_secret_access_key = '<secret-1>'",
    ),
    "a GitHub token": (f"'{GITHUB}'", "'ghp_<secret-1>'"),
    "a fine-grained GitHub token": (assembled("github", "_pat_", "11ABCDEFG0", "a1B2" * 18), "github_pat_<secret-1>"),
    "a GitLab token": (assembled("glpat", "-", "a1B2" * 5), "glpat-<secret-1>"),
    "a Slack token": (assembled("xoxb", "-123456789012-", "a1B2" * 6), "xoxb-<secret-1>"),
    "an OpenAI key": (assembled("sk", "-", "a1B2" * 12), "sk-<secret-1>"),
    "an Anthropic key": (assembled("sk", "-ant-api03-", "a1B2" * 22), "sk-ant-api03-<secret-1>"),
    "a Google key": (assembled("AI", "za", "Sy-" + "a1B2" * 8), "AIza<secret-1>"),
    "a Stripe key": (assembled("sk", "_live_", "a1B2" * 6), "sk_live_<secret-1>"),
    "an npm token": (assembled("npm", "_", "a1B2" * 9), "npm_<secret-1>"),
    "a PyPI token": (assembled("pypi", "-AgE", "IcHlwaS5vcmc" + "a1B2" * 12), "pypi-AgE<secret-1>"),
    "a JSON Web Token": (assembled("eyJ", "hbGciOiJIUzI1N.eyJ", "zdWIiOiIxMjM0In0", ".abc_DEF-123"), "eyJ<secret-1>"),
    "a password in a URL": ("postgres://scott:tiger7@db:5432/x", "postgres://scott:<secret-1>@db:5432/x"),
    "a password's literal": ("password = 'q8Zr_4tWn1xLp'", "password = '<secret-1>'"),
    "a password in a dict": ("{'db_password': 'q8Zr_4tWn1xLp'}", "{'db_password': '<secret-1>'}"),
    "a password in a call": ("Client(api_key='q8Zr_4tWn1xLp')", "Client(api_key='<secret-1>')"),
    "an annotated password": ('TOKEN: str = "q8Zr_4tWn1xLp"', 'TOKEN: str = "<secret-1>"'),
    "a thread": (
        "<Thread(Thread-1 (f), started daemon 140312345678912)> 140312345678912",
        "<Thread(Thread-1 (f), started daemon <thread-1>)> <thread-1>",
    ),
    "the main thread": ("<_MainThread(M, started 140312345678)>", "<_MainThread(M, started <thread-1>)>"),
    "an address in a string": ("'<object object at 0x7f3a4b5c6d7e>'", "'<object object at <address-1>>'"),
    "a process's folder": ("'/proc/12345/fd'", "'/proc/<process-1>/fd'"),
    "a process": ("<Process name='P' pid=77 parent=76>", "<Process name='P' pid=<process-1> parent=<process-2>>"),
}  # fmt: skip


@pytest.mark.parametrize("what", HIDDEN)
def test_it_is_hidden(what: str) -> None:
    text, hidden = HIDDEN[what]
    found, counts = ANN.text(text)
    assert found == hidden
    assert counts == marks.count(hidden)
    assert ANN.text(hidden) == (hidden, Counter())


# -- One text: what is not.


@pytest.mark.parametrize(
    "text",
    [
        "'/tmp', '/tmp/x', '/tmp/tmp', '/tmp/tmp_data', '/tmp/tmp_directory'",
        "'/opt/tmp/tmpabcdefgh'",
        "x = a/tmp/tmpab12cd34",
        "tmpab12cd34",
        "'/tmp/my_projects', '/tmp/run-20240101', '/tmp/build-release1x'",
        "'/home/anna', '/home/ann-b', '/home/ann.old', '/home/ann_', '/mnt/home/ann'",
        "annabelle, xannabel, Annabel, annabel_2",
        "'bigbox-77', 'mybigbox-7', 'bigbox'",
        "AKIAIOSFODNN7EXAMPL, XAKIAIOSFODNN7EXAMPLE, AKIAIOSFODNN7EXAMPLEX, AKIAiosfodnn7example",
        "ghp_short, ghx_" + "a1B2" * 9,
        "sk-fading-circle-and-more-words, task-" + "a1B2" * 12,
        "sk_test, pk_live_" + "a1B2" * 6,
        "eyJhbGciOiJIUzI1NiJ9",
        "http://user:password@host, http://{user}:{password}@host, http://host:8080/a@b, git@github.com:a/b",
        "password = 'correct-horse-battery', password = 'changeme1234', password = '', token = 'test_token_2'",
        "password = input('Password: '), password == other, token = tokens[12], def f(password: str = 'hunter12'): ...",
        "sha256 = 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3'",
        "started 140312345678, (started 12345)",
        "at 0x7f3a4b5c6d7e, 0x7f3a4b5c6d7e",
        "/proc/1/fd, /proc/self/fd, /proc/cpuinfo, pid=12",
        "'ann@example.com', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----",
        "<tmp-1> <secret-12> <|frame_sep|>",
    ],
)
def test_it_is_left_alone(text: str) -> None:
    assert ANN.text(text) == (text, Counter())


@pytest.mark.parametrize("user", ["root", "user", "test", "ann", "", "print", "lambda", "json", "1000"])
def test_a_name_that_may_be_a_word_is_not_looked_for(user: str) -> None:
    text = f"'{user} {user}'"
    assert Scrubber("/", user, "localhost").text(text) == (text, Counter())
    assert Scrubber("/", "root", user).text(text) == (text, Counter())


@pytest.mark.parametrize("home", ["", "/", "/root", "/root/", "/data"])
def test_a_home_that_names_nobody_is_not_looked_for(home: str) -> None:
    text = f"'{home}' '{home}/x' '/root/x' '/a'"
    assert Scrubber(home, "root", "vm").text(text) == (text, Counter())


def test_names_that_need_escapes_are_found() -> None:
    zoe = Scrubber("/home/zoë", "zoë.müller", "vm")
    rows, counts = zoe.table(row(locals={"a": "'/home/zoë/x zoë.müller'"}))
    assert locals_of(rows) == [{"a": "'/home/<user-1>/x <user-2>'"}]
    assert counts == {"user": 2}


@pytest.mark.parametrize(
    "text", ["test_token_2", "hunter2", "changeme1234", "my-secret-value", "access_token", "2024-01-01T00"]
)
def test_words_do_not_look_random(text: str) -> None:
    assert not looks_random(text)


# -- Private keys.

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BASE64}\n{BASE64[::-1]}\nQw==\n-----END RSA PRIVATE KEY-----"


def test_a_private_keys_lines_stay_lines() -> None:
    hidden, counts = ANN.text(f'"""{PEM}"""\n')
    assert hidden == (
        '"""-----BEGIN RSA PRIVATE KEY-----\n<secret-1>\n<secret-2>\n<secret-3>\n-----END RSA PRIVATE KEY-----"""\n'
    )
    assert counts == {"secret": 3}


def test_a_private_key_in_a_repr_and_in_literals_side_by_side() -> None:
    hidden, _ = ANN.text(repr(PEM))
    assert hidden == (
        r"'-----BEGIN RSA PRIVATE KEY-----\n<secret-1>\n<secret-2>\n<secret-3>\n-----END RSA PRIVATE KEY-----'"
    )
    source = "KEY = (\n" + "".join(f"    {line + chr(10)!r}\n" for line in PEM.split("\n")) + ")\n"
    hidden, _ = ANN.text(source)
    assert hidden.count("\n") == source.count("\n")
    assert ast.literal_eval(hidden.removeprefix("KEY = ")).count("<secret-") == 3


def test_a_line_of_a_private_key_is_known_again() -> None:
    hidden, _ = ANN.text(f"{PEM!r}, {BASE64!r}")
    assert hidden.endswith("', '<secret-1>'")


# -- Rows.


def row(
    locals: dict[str, str] | None = None, value: str = "None", source: str = "def f(n):\n    pass\n", **rest: object
) -> pa.Table:
    """One trace of two steps."""
    wire = begun().step(CALL, 1, json.dumps(locals or {})).step(RETURN, 2, encoded(value)).end()
    return table(wire, source=source, **rest)


def locals_of(rows: pa.Table) -> list[dict[str, str | None]]:
    """The locals of every step that has some, of the first row."""
    return [dict(step.locals) for step in trace_at(rows, 0).steps if step.locals]


def test_rows_without_anything_are_the_same_object() -> None:
    for rows in (row({"n": "'/tmp/x'"}), numbered(3), table(small()), numbered(3).slice(1, 0)):
        scrubbed, counts = ANN.table(rows)
        assert scrubbed is rows
        assert not counts


def test_every_column_of_texts_is_scrubbed_and_no_other() -> None:
    path = "/tmp/tmpab12cd34"
    rows = row(
        {"tmpab12cd34": f"'{path}'"}, f"'{path}'", f"def f(n):\n    # {path}\n", program_id=path, input=f"'{path}'",
        files=(path,), stdout=f"{path}\n",
    )  # fmt: skip
    scrubbed, counts = ANN.table(rows)
    assert scrubbed.schema.equals(rows.schema, check_metadata=True)
    scrubbed.validate(full=True)
    assert counts == {"tmp": 6}
    trace = trace_at(scrubbed, 0)
    hidden = "/tmp/<tmp-1>"
    assert [dict(step.locals) for step in trace.steps] == [{"tmpab12cd34": f"'{hidden}'"}, {}]
    assert trace.steps[1].value == f"'{hidden}'"
    assert (trace.context.text, trace.input) == (f"def f(n):\n    # {hidden}\n", f"'{hidden}'")
    assert (trace.files, trace.stdout, trace.program_id) == ((hidden,), hidden + "\n", path)
    assert trace.id == trace_at(rows, 0).id
    assert [frame.source for frame in trace.frames()] == ["def f(n):\n", f"    # {hidden}\n"]


def test_each_trace_numbers_its_own_and_rows_between_stay() -> None:
    tables = [row({"n": f"'/tmp/tmp{name}'"}) for name in ("aaaaaaaa", "bbbbbbbb")]
    rows = pa.concat_tables([tables[0], numbered(2), tables[1]])
    for given_rows in (rows, rows.combine_chunks(), rows.combine_chunks().slice(1), rows.slice(0, 3)):
        scrubbed, _ = ANN.table(given_rows)
        for at in range(given_rows.num_rows):
            old, new = trace_at(given_rows, at), trace_at(scrubbed, at)
            if "/tmp" in str(list(old.steps)):
                assert new.steps[0].locals == (("n", "'/tmp/<tmp-1>'"),)
            else:
                assert new == old
    both = ANN.table(rows)[0].column("content").to_pylist()
    assert both[0] == both[3] != both[1]


def test_a_texts_stored_form_is_kept() -> None:
    for odd in ("\ud800", "\ufdd0", "é"):
        rows, _ = ANN.table(row({"n": f"'{odd} /home/ann'"}, f"{odd} /home/ann", stdout=f"{odd} /home/ann"))
        trace = trace_at(rows, 0)
        assert trace.steps[0].locals == (("n", f"'{odd} /home/<user-1>'"),)
        assert (trace.steps[1].value, trace.stdout) == (f"{odd} /home/<user-1>",) * 2


def test_a_secret_is_known_by_its_variables_name_and_then_everywhere() -> None:
    secret = "q8Zr_4tWn1xLp"
    wire = begun().step(CALL, 1, json.dumps({"other": f"'{secret}'", "password": f"'{secret}'"}))
    wire.step(LINE, 2, json.dumps({"copy": f"['{secret}!']"})).step(RETURN, 2, f"'x{secret}'").end()
    rows, counts = ANN.table(table(wire, source=f"def f():\n    password = '{secret}'\n"))
    trace = trace_at(rows, 0)
    assert secret not in trace.text()
    assert trace.steps[1].locals == (("copy", "['<secret-1>!']"),)
    assert counts == {"secret": 5}
    nothing = row({"passenger": f"'{secret}'"})
    assert ANN.table(nothing)[0] is nothing


def test_a_users_name_that_is_the_programs_own_identifier_is_left() -> None:
    rows = row({"annabel": "'annabel'"}, source="def f(n):\n    annabel = 1  # of annabel\n")
    assert ANN.table(rows)[0] is rows
    formatted = row({"n": "'annabel'"}, source="def f(n):\n    return f'{annabel}'\n")
    assert ANN.table(formatted)[0] is formatted
    quoted, _ = ANN.table(row({"n": "'annabel'"}, source='def f(n):\n    return \'annabel\', """annabel"""\n'))
    assert trace_at(quoted, 0).context.text == 'def f(n):\n    return \'<user-1>\', """<user-1>"""\n'
    assert locals_of(quoted) == [{"n": "'<user-1>'"}]


def test_a_mark_that_stands_in_the_trace_is_not_given_again() -> None:
    rows, _ = ANN.table(row({"n": "'/tmp/<tmp-1>'", "m": "'/tmp/tmpab12cd34'"}))
    assert locals_of(rows) == [{"n": "'/tmp/<tmp-1>'", "m": "'/tmp/<tmp-2>'"}]


def test_the_start_of_a_trace_stays_marked_in_its_context() -> None:
    source = "def f(n):  # << START_OF_TRACE\n    return '/home/ann'\n"
    rows, _ = ANN.table(row({"n": "'/home/ann'"}, source=source))
    trace = trace_at(rows, 0)
    assert trace.context.text == source.replace("ann", "<user-1>")
    assert trace.frames()[0].source == "def f(n):\n"


def test_a_scrubber_travels_and_this_machine_has_one() -> None:
    mine = Scrubber.of_this_machine()
    assert pickle.loads(pickle.dumps(mine)) == mine
    assert "/tmp" in mine.temporary


def test_a_mark_needs_no_escape_and_is_no_control_token() -> None:
    for kind in Kind:
        mark = f"<{kind.value}-12>"
        assert marks.MARK.fullmatch(mark)
        assert repr(mark)[1:-1] == json.dumps(mark)[1:-1] == mark
        assert "<|" not in mark


# -- Any rows.

_LOT = st.sampled_from(
    [
        "/tmp/tmpab12cd34", "/tmp/tmpab12cd35", "tmpab12cd34", "/tmp/x-ab12cd34", "/home/ann", "annabel", "bigbox-7",
        "/tmp/<tmp-1>", "<tmp-1>", "<user-2>", "<secret-1>", "q8Zr_4tWn1xLp", "password='q8Zr_4tWn1xLp'", "\\n", GITHUB,
        GITHUB[4:], "ghp_<secret-1>", "x://a:tiger7@b", "<T(t, started 140312345678)>", "140312345678", "/proc/12/",
        "/tmp/pytest-of-annabel/pytest-3/", " at 0x7f3a4b5c6d7e>", "'", '"', " ", "a", "<", ">", "-", "/", PEM, BASE64,
        "sk-" + "a1B2" * 8,
    ]
)  # fmt: skip
_told = st.lists(st.one_of(_LOT, _LOT, _LOT, texts), max_size=6).map("".join).filter(lambda text: text != "..")
_names = st.one_of(st.sampled_from(["a", "b", "password", "annabel"]), variables)
_locals = st.dictionaries(_names, _told, max_size=3)


@st.composite
def _rows(draw: st.DrawFn) -> pa.Table:
    wire = begun()
    shown: dict[str, str] = {}
    wire.step(CALL, 1, json.dumps(shown := draw(_locals)))
    for now in draw(st.lists(_locals, max_size=3)):
        changes: dict[str, str | None] = {name: None for name in shown if name not in now}
        wire.step(LINE, 2, json.dumps(changes | {n: t for n, t in now.items() if shown.get(n) != t}))
        shown = now
    wire.step(RETURN, 2, encoded(draw(_told)))
    source = "def f(n):\n    pass\n" + "".join(f"# {line}\n" for line in draw(_told).splitlines())
    return table(wire.end(), source=source, input=draw(_told), stdout=draw(st.none() | _told))


def spoken(trace: Trace) -> list[str]:
    """Every text of its frames, and where there is none."""
    found = []
    for frame in trace.frames():
        found += [frame.source, *(text for _, text in frame.locals), frame.value or ""]
    return found


@given(_rows())
@unhurried
def test_scrubbing_keeps_equality_order_places_and_shape(rows: pa.Table) -> None:
    scrubbed, counts = ANN.table(rows)
    scrubbed.validate(full=True)
    assert (scrubbed is rows) == (not counts)
    old, new = trace_at(rows, 0), trace_at(scrubbed, 0)
    assert new.context.places == old.context.places
    assert [frame.event for frame in new.frames()] == [frame.event for frame in old.frames()]
    assert [[n for n, _ in frame.locals] for frame in new.frames()] == [[n for n, _ in f.locals] for f in old.frames()]
    before, after = spoken(old), spoken(new)
    # One to one: what was equal is equal, what was not is not, so ".." stands where it stood.
    assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))
    shown = pc.drop_null(scrubbed.column("steps").combine_chunks().flatten().field("locals"))
    assert pc.all(pc.match_substring_regex(shown, LOCALS_PATTERN)).as_py() is not False
    assert content(scrubbed) == new.content
    assert (old.content == new.content) == (old.pieces() == new.pieces())


@given(_rows())
@unhurried
def test_scrubbing_twice_changes_nothing(rows: pa.Table) -> None:
    once, _ = ANN.table(rows)
    twice, counts = ANN.table(once)
    assert twice is once
    assert not counts


@given(_told)
@unhurried
def test_what_is_found_is_found_by_the_cheap_scan_of_its_json(text: str) -> None:
    if ANN.text(text)[1]:
        for stored in (json.dumps({"a": text}), encoded(text).decode()):
            assert pc.match_substring_regex(pa.array([stored]), scrub._cheap(ANN))[0].as_py()


# -- Contents.


def content(rows: pa.Table, at: int = 0) -> str:
    """A row's content, from its columns alone."""
    trace = trace_at(rows, at)
    return content_of(trace.context, trace.entry, trace.ending, rows.column("steps")[at].values)


def test_a_content_from_columns_is_the_one_from_the_wire() -> None:
    wire = HandWritten().note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
    wire.note("file", path="/p/a.py").begin().step(CALL, 1, '{"n": "1"}').step(LINE, 2, "{}")
    wire.begin(1).step(CALL, 3, '{"m": "\\ud800"}', 2).step(RETURN, 4, encoded("\ud800"), 2).end(1).end(0)
    for rows in (table(small()), numbered(3), numbered(3).combine_chunks().slice(1), table(wire)):
        for at, known in enumerate(rows.column("content").to_pylist()):
            assert content(rows, at) == known
    rows = table(small(), context=Context("x\n" * 4, context_of("x\n" * 4).places), entry=Entry("<module>", 0, 1))
    assert content(rows) == rows.column("content")[0].as_py()


# -- Real runs.

PROGRAM = """
    import os, tempfile, threading
    from pathlib import Path

    def work(folder):
        name = os.path.basename(folder)
        path = Path(folder) / "data.txt"
        path.write_text("x")
        file = tempfile.NamedTemporaryFile(suffix=".csv")
        other = tempfile.mkdtemp(dir=folder)
        thread = threading.current_thread()
        ident = threading.get_ident()
        shown = str(object())
        proc = f"/proc/{os.getpid()}/fd"
        return [name, path, file.name, other, proc]

    home = Path.home()
    here = os.getcwd()
    print(home, tempfile.gettempdir(), work(tempfile.mkdtemp()))
"""


@pytest.mark.usefixtures("each_tracer")
def test_two_runs_of_a_program_that_draws_lots_say_the_same(tmp_path: Path) -> None:
    runs = [run(tmp_path, PROGRAM).table for _ in range(2)]
    assert runs[0].column("content").to_pylist() != runs[1].column("content").to_pylist()
    for rows in runs:
        assert [content(rows, at) for at in range(rows.num_rows)] == rows.column("content").to_pylist()
    (one, counts), (other, _) = (Scrubber.of_this_machine().table(rows) for rows in runs)
    assert one.column("content").to_pylist() == other.column("content").to_pylist()
    assert one.column("stdout").to_pylist() == other.column("stdout").to_pylist()
    assert {"tmp", "thread", "address", "process"} <= set(counts)
    assert [content(one, at) for at in range(one.num_rows)] == one.column("content").to_pylist()
    trace = trace_at(one, 0)
    last = dict([frame for frame in trace.frames() if frame.event.shows_locals and len(frame.locals) > 5][-1].locals)
    assert last["name"] == "'<tmp-2>'"
    assert last["path"] == "PosixPath('/tmp/<tmp-1>/<tmp-2>/data.txt')"
    assert last["ident"] == "<thread-1>"


# -- False positives.

QUIET = ("json", "logging", "email", "http", "asyncio", "unittest", "urllib", "xml")
"""Parts of the standard library that are about names, secrets and addresses, and hold none."""


def test_the_standard_library_holds_next_to_nothing() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    files = [file for name in QUIET for file in sorted((root / name).glob("*.py"))]
    assert len(files) > 80
    somebody = Scrubber("/home/zacharias", "zacharias", "zb-17", ("/tmp",))
    found = {}
    for file in files:
        source = file.read_text(encoding="utf-8")
        hidden, counts = somebody.text(source)
        if counts:
            found[file.name] = counts
            ast.parse(hidden)
        assert hidden.count("\n") == source.count("\n")
    assert sum(counts.total() for counts in found.values()) <= 2, found


def test_a_table_of_patterns_has_its_reasons() -> None:
    every = [*giveaways.SECRETS, *giveaways.RUNS, *giveaways.temporary(("/tmp",)), *giveaways.home("/home/ann")]
    for each in every:
        assert each.what and each.why and each.cheap
        groups = set(re.compile(each.pattern).groupindex) - {"quote"}
        assert {group.rstrip("0123456789") for group in groups} <= {kind.value for kind in Kind}


def test_restored_texts_are_what_is_scrubbed() -> None:
    rows, _ = ANN.table(row(value="\ud800 /tmp/tmpab12cd34"))
    assert restored(rows.column("steps")[0].values.field("value")[1].as_py()) == "\ud800 /tmp/<tmp-1>"
