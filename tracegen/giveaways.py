r"""What in a text gives away a person, a machine or a secret, or differs between two runs for no good reason.

A table of patterns, each with why it is believed.  A pattern names what is to be hidden as a group; the
group's name, without digits at its end, is the kind of its mark.  Patterns are for the text itself; a
``cheap`` expression, for RE2, finds every text that the pattern finds also where JSON spells it (``\n`` as
``\\n``, ``"`` as ``\"``), and more.  Repetitions have bounds: what is looked at is a stranger's text.  Knows
nothing of marks or rows: see marks.py and scrub.py.

E-mail addresses are not in it: ``ann@example.com`` in a test is data, and nothing tells it from a person's.
Nor are UUIDs: a random one looks like a constant one.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from tracegen.payload.wire import quote


class Kind(Enum):
    """What a mark stands for; the value is its name in the mark, ``<tmp-1>``."""

    TEMPORARY = "tmp"
    USER = "user"
    HOST = "host"
    SECRET = "secret"
    THREAD = "thread"
    PROCESS = "process"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Giveaway:
    """One pattern.

    What is ``doubtful`` counts only if it `looks_random`.  ``word`` is a name that a program may use for
    something else: it counts only where the source has no such identifier.
    """

    what: str
    pattern: str
    cheap: str
    why: str
    doubtful: bool = False
    word: str = ""


# A word begins after what is no part of a word, and after an escape of a repr: in '\nghp_…' the n is none.
_ESCAPED = r"(?<=\\[abfnrtv])|(?<=\\x[0-9a-f]{2})"
START = rf"(?:(?<!\w)|{_ESCAPED})"
TOKEN = rf"(?:(?<![\w-])|{_ESCAPED})"
END = r"(?!\w)"
_PATH = rf"(?:(?<![\w.-])|{_ESCAPED})"
_STEP = r"/[^/\s'\"\\:,;(){}\[\]]{1,100}"

_NAMED_SECRET = (
    r"(?:passwords?|passwd|passphrase|pwd|secrets?|tokens?|api_?keys?|access_?keys?|auth_?keys?|private_?key)"
)
SECRET_NAME = re.compile(f"(?i:{_NAMED_SECRET}|secret)")
"""A variable's name that says that it holds a secret."""

# What stands between a name and its literal: `name = '…'`, `"name": '…'`, `name: str = '…'`, `name='…'`.
_ASSIGNS = r"[\"']?\]?\s{0,4}(?::\s?(?:str|bytes)\s?)?[:=]\s{0,4}[bBrRuU]{0,2}(?P<quote>[\"'])"
_CHEAP_ASSIGNS = r"[\\\"']{0,4}\]?\s{0,4}(?::\s?(?:str|bytes)\s?)?[:=]\s{0,4}[\\\"'bBrRuU]{1,8}"

SECRETS = (
    Giveaway(
        "AWS access key id",
        START + r"(?:AKIA|ASIA)(?P<secret>[A-Z2-7]{16})" + END,
        r"A(?:KIA|SIA)[A-Z2-7]{16}",
        "AWS IAM's user guide, unique identifiers: AKIA lasts, ASIA is temporary; 16 characters of base32 follow",
    ),
    Giveaway(
        "AWS secret access key",
        r"(?i:secret_?-?access_?-?key|aws_?-?secret(?:_?-?key)?)"
        + _ASSIGNS
        + r"(?P<secret>[A-Za-z0-9/+]{40})(?P=quote)",
        r"(?i:secret)[\w-]{0,12}" + _CHEAP_ASSIGNS + r"[A-Za-z0-9/+]{40}",
        "40 characters of base64 without a prefix: only its name tells it from a hash",
    ),
    Giveaway(
        "GitHub token",
        START + r"(?:gh[pousr]_(?P<secret1>[A-Za-z0-9]{36,251})|github_pat_(?P<secret2>\w{36,251}))" + END,
        r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{36}",
        "GitHub's blog, 'Behind GitHub's new authentication token formats'",
    ),
    Giveaway(
        "GitLab token",
        TOKEN + r"glpat-(?P<secret>[\w-]{20,300})(?![\w-])",
        r"glpat-[\w-]{20}",
        "GitLab's documentation, token prefixes",
    ),
    Giveaway(
        "Slack token",
        TOKEN + r"xox[abeprs]-(?P<secret>[A-Za-z0-9-]{10,250})(?![\w-])",
        r"xox[abeprs]-[A-Za-z0-9-]{10}",
        "Slack's documentation, token types",
    ),
    Giveaway(
        "key of a model's provider",
        TOKEN
        + r"sk-(?:(?:proj|svcacct|admin|ant-[a-z]+\d*)-)?"
        + r"(?P<secret>(?=[\w-]{0,250}\d)(?=[\w-]{0,250}[A-Z])[\w-]{20,250})(?![\w-])",
        r"sk-[\w-]{20}",
        "OpenAI sk-…, sk-proj-…, Anthropic sk-ant-api03-…; a capital and a digit tell them from CSS classes",
    ),
    Giveaway(
        "Google API key",
        TOKEN + r"AIza(?P<secret>[\w-]{35})(?![\w-])",
        r"AIza[\w-]{35}",
        "39 characters, beginning AIza",
    ),
    Giveaway(
        "Stripe key",
        START + r"[rs]k_(?:live|test)_(?P<secret>[A-Za-z0-9]{16,250})" + END,
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{16}",
        "Stripe's documentation, API keys; publishable ones (pk_) are public",
    ),
    Giveaway(
        "token of a package index or a model hub",
        START + r"(?:(?:npm|hf)_(?P<secret1>[A-Za-z0-9]{34,36})|pypi-AgE(?P<secret2>[\w-]{40,400}))(?![\w-])",
        r"(?:npm|hf)_[A-Za-z0-9]{34}|pypi-AgE[\w-]{40}",
        "npm_ and 36 characters, hf_ and 34; PyPI's are macaroons, whose first bytes are always AgE in base64",
    ),
    Giveaway(
        "JSON Web Token",
        TOKEN + r"eyJ(?P<secret>[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{8,2000})(?![\w-])",
        r"eyJ[\w-]{8}",
        'RFC 7519: two JSON objects and a signature in base64url; eyJ is {"',
    ),
    Giveaway(
        "password in a URL",
        r"[a-z]://[^\s/@:'\"\\?#]{0,80}:(?!(?i:pass(?:word|wd)?|pwd|secret|token|user(?:name)?|x+|\.+)@)"
        r"(?P<secret>[^\s/@:'\"\\<>{}()$?#\[\]*]{3,120})@(?=[\w\[{<%])",
        r"[a-z]://[^\s/@:'\"?#]*:[^\s/@:'\"<>{}()$?#\[\]*]{3,}@",
        "RFC 3986, 3.2.1: user:password before the host; a placeholder is none",
    ),
    Giveaway(
        "literal with a secret's name",
        r"(?i:(?<![A-Za-z])" + _NAMED_SECRET + ")" + _ASSIGNS + r"(?P<secret>[^\s'\"\\<>{}$%()\[\]]{10,200})(?P=quote)",
        r"(?i:" + _NAMED_SECRET + r")" + _CHEAP_ASSIGNS + r"[^\s'\"\\<>{}$%()\[\]]{10}",
        "a name says what it is, and the literal looks random: see `looks_random`",
        doubtful=True,
    ),
)  # fmt: skip

PEM = re.compile(
    r"-----BEGIN ([A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----(?P<body>(?:(?!-----BEGIN).){16,20000}?)-----END \1-----",
    re.S,
)
"""A private key in PEM (RFC 7468).  Its base64 may stand on lines, behind ``\\n``, or in literals side by side."""

PEM_CHEAP = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY"
PEM_RUN = re.compile(r"<[a-z]+-\d+>|\\+[nrt]|(?P<secret>[A-Za-z0-9+/=]{4,})")

RUNS = (
    Giveaway(
        "thread",
        r", (?:started|stopped)(?: daemon)? (?P<thread>\d{4,20})\)>",
        r", (?:started|stopped)(?: daemon)? \d{4,20}\)>",
        "threading.Thread.__repr__ shows its ident, which is an address",
    ),
    Giveaway(
        "process",
        START + r"(?:/proc/(?P<process1>\d{2,10})|pid=(?P<process2>\d+) parent=(?P<process3>\d+))" + END,
        r"/proc/\d\d|pid=\d+ parent=\d",
        "proc(5); multiprocessing.BaseProcess.__repr__.  /proc/1 is the same everywhere",
    ),
    Giveaway(
        "address",
        r" at (?P<address>0x[0-9a-fA-F]{6,16})(?=[>:,])",
        r" at 0x[0-9a-fA-F]{6,16}[>:,]",
        "object.__repr__.  The tracer cuts those of values; strings and the output may hold them still",
    ),
)  # fmt: skip


def temporary(folders: tuple[str, ...]) -> tuple[Giveaway, ...]:
    """Names that were drawn by lot, below these folders for temporary files."""
    root = "(?:" + "|".join(re.escape(folder) for folder in dict.fromkeys(folders)) + ")"
    below = rf"{_PATH}{root}(?:{_STEP}){{0,12}}?"
    return (
        Giveaway(
            "pytest's folder",
            START + r"pytest-of-(?P<user>[^/\s'\"\\<>:,;(){}\[\]]+)(?:/pytest-(?P<tmp>\d+)(?!\w))?",
            r"pytest-of-[^<]",
            "_pytest.tmpdir: pytest-of-USER/pytest-N, with N counting runs",
        ),
        Giveaway(
            "temporary name",
            rf"{below}/(?P<tmp>tmp[a-z0-9_]{{8}}|foretrace-[a-z0-9_]{{8}})(?!\w)",
            r"/(?:tmp|foretrace-)[a-z0-9_]{8}",
            "tempfile._RandomNameSequence: eight of a-z, 0-9 and _ behind 'tmp'; foretrace's own work folders",
        ),
        Giveaway(
            "temporary name with a prefix",
            rf"{below}/[\w.-]{{0,100}}[._-](?P<tmp>(?=[0-9_]*[a-z])(?=[a-z_]*\d)[a-z0-9_]{{8}})(?!\w)",
            rf"{root}/",
            "the same with prefix=; a letter and a digit among the eight tell it from 'my_projects', and miss 8 %",
        ),
        Giveaway(
            "macOS's folder of a user's temporary files",
            r"/var/folders/(?P<tmp>\w\w/\w{10,40})(?=/|$)",
            r"/var/folders/\w\w/\w{10}",
            "confstr(_CS_DARWIN_USER_TEMP_DIR): a hash of the user",
        ),
    )


def home(folder: str) -> tuple[Giveaway, ...]:
    """The home folder, whose own name is a user's.  ``/root`` and folders at the top name nobody."""
    parent, _, name = folder.rstrip("/").rpartition("/")
    if not parent or not name:
        return ()
    return (
        Giveaway(
            "home folder",
            rf"{_PATH}{re.escape(parent)}/(?P<user>{re.escape(name)})(?![\w@+~]|[.-]\w)",
            either_spelling(f"{parent}/{name}"),
            "where this machine's user is at home; /home/anna, /home/ann-b and /home/ann.old are others'",
        ),
    )


_ORDINARY = """
admin alpine andrew anonymous apache arch azure build builder centos chris cloud codespace container daemon
debian default demo desktop developer docker example fedora grace guest home host jack jenkins john laptop
lily linux local localdomain localhost machine mark master max name nginx nobody node none null owner person
pipeline postgres public python root rose runner runneradmin self server service share shared sudo sys system
temp test tester tests travis ubuntu unknown user username users vagrant virtual vscode will windows work
worker workspace workstation
"""
ORDINARY = frozenset(_ORDINARY.split())
"""Names of users and hosts that are words of a program as well, or that everybody has."""

LEAST_NAME = 4


def name(kind: Kind, found: str) -> tuple[Giveaway, ...]:
    """A user's or a host's name as a whole word, unless it could be an ordinary one."""
    word = found.lower()
    if (
        len(found) < LEAST_NAME
        or word in ORDINARY
        or word.isdigit()
        or keyword.iskeyword(word)
        or hasattr(builtins, found)
        or word in sys.stdlib_module_names
    ):
        return ()
    return (
        Giveaway(
            f"{kind.name.lower()} name",
            rf"{START}(?P<{kind.value}>{re.escape(found)}){END}",
            either_spelling(found),
            "this machine's own; four letters or more, no keyword, builtin, module or common name",
            word=found,
        ),
    )


def either_spelling(found: str) -> str:
    """A text as it is, or as JSON's ASCII escapes spell it."""
    escaped = quote(found)[1:-1]
    return re.escape(found) if escaped == found else f"(?:{re.escape(found)}|{re.escape(escaped)})"


def looks_random(text: str) -> bool:
    """Whether a literal is unlikely to be a word, a name or a sentence.

    >>> looks_random("changeme1234"), looks_random("test_token_2"), looks_random("q8Zr_4tWn1xLp")
    (False, False, True)
    """
    letters = re.findall(r"[A-Za-z]+", text)
    digits = sum(c.isdigit() for c in text)
    if len(text) < 8 or not letters or digits < 2:
        return False
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    # Words stay together, and numbers stand at an end of them: changes from one to the other are rare.
    changes = len(re.findall(r"(?<=\d)[A-Za-z]|(?<=[A-Za-z])\d|(?<=[a-z])[A-Z]", text))
    return entropy >= 3.0 and changes >= 3
