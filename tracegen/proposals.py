"""Argument lists proposed by a language model behind an OpenAI-compatible endpoint.

What a model answers is a stranger's text: each line is taken apart and admitted as `tracegen.inputs.admission` says,
or dropped and counted.  Knows no model and keeps no key: the key is read from the environment for each request.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from http.client import HTTPException, HTTPMessage
from typing import IO

from tracegen.inputs import Candidate, Origin, Signature
from tracegen.inputs.admission import admitted, call_of
from tracegen.inputs.definitions import definitions
from tracegen.settings import CannotRun

LARGEST_ANSWER = 1 << 20
LONGEST_CODE = 12_000
MOST_LINES = 2_000
TOKENS_A_LINE = 60

PROMPT = """Here is Python code:

```python
{code}
```

Write {count} argument lists for calls of `{function}`, as different from each other as you can: together they
should reach every line and every branch, mostly return, and hold edge cases. Use literals only, and constructors of
builtins or of classes in the code. Answer with one fenced block and nothing else: one argument list a line, without the
function's name, for example
```
[1, 2], key=None
```"""


class Drop(Enum):
    """Why a line of an answer is no candidate."""

    NO_ARGUMENT_LIST = "is no argument list"
    NOT_ADMITTED = "has names or calls that are not admitted"
    REPEATED = "stands there twice"
    BEYOND = "is more than was asked for"


class OddAnswer(CannotRun):
    """An answer without a text, as of a model that refuses: the next one may have one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``url`` ends before ``/chat/completions``; ``key_env`` names the environment variable that holds a key.

    ``seconds`` bound one request, ``attempts`` how often it is made if the server fails, ``pause`` the seconds
    between the first two attempts, doubled each time.
    """

    url: str
    model: str
    key_env: str | None = None
    seconds: float = 120.0
    attempts: int = 3
    pause: float = 0.5

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise CannotRun(f"{self.url!r}: wanted an http or https address, such as http://127.0.0.1:8000/v1")

    @property
    def address(self) -> str:
        """Where a request goes."""
        return self.url.rstrip("/") + "/chat/completions"

    @property
    def key(self) -> str | None:
        """The key, if one is named (see `key_in`)."""
        return key_in(self.key_env, self.url)


def key_in(variable: str | None, url: str) -> str | None:
    """A server's key, if a variable is named.  Raises CannotRun if it is not there; no message ever holds it."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise CannotRun(f"${variable}: no key in it: set it to the key of {url}, or name no variable")
    return key


@dataclass(frozen=True, slots=True)
class Proposals:
    """What an answer gave: candidates, and how many lines were dropped for which reason."""

    candidates: tuple[Candidate, ...]
    dropped: dict[Drop, int]


def propose(endpoint: Endpoint, signature: Signature, count: int, seed: int) -> Proposals:
    """At most ``count`` argument lists that a model proposes.  Raises CannotRun, in one line, if it cannot be asked."""
    code = signature.module if 0 < len(signature.module) <= LONGEST_CODE else signature.source[:LONGEST_CODE]
    request = {
        "model": endpoint.model,
        "messages": [
            {"role": "user", "content": PROMPT.format(code=code, count=count, function=signature.function)},
        ],
        "temperature": 0,
        "seed": seed,
        "max_tokens": TOKENS_A_LINE * count + 200,
    }
    return read_answer(_content(endpoint, _posted(endpoint, json.dumps(request).encode())), signature, count)


def read_answer(answer: str, signature: Signature, count: int) -> Proposals:
    """The candidates in a model's answer: in its fenced blocks if it has some, else in all of it."""
    known = definitions(signature.module)
    found: dict[str, Candidate] = {}
    dropped: dict[Drop, int] = {}
    for line in _lines(answer, signature.function):
        drop = None
        if call_of(line) is None:
            drop = Drop.NO_ARGUMENT_LIST
        elif not admitted(line, known.own, known.imports):
            drop = Drop.NOT_ADMITTED
        elif line in found:
            drop = Drop.REPEATED
        elif len(found) >= count:
            drop = Drop.BEYOND
        if drop is None:
            found[line] = Candidate(line, Origin.MODEL)
        else:
            dropped[drop] = dropped.get(drop, 0) + 1
    return Proposals(tuple(found.values()), dropped)


FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.S)
BULLET = re.compile(r"^(?:[-*]\s+|\d+[.)]\s+)")


def _lines(answer: str, function: str) -> Iterator[str]:
    """The argument lists of an answer, as far as its spelling shows them."""
    for block in FENCE.findall(answer) or [answer]:
        listed = _as_list(block)
        for line in (listed if listed is not None else block.splitlines())[:MOST_LINES]:
            line = BULLET.sub("", line.strip()).strip("`").rstrip(";").strip()
            if not line or line.startswith("#"):
                continue
            name = f"{function}("
            yield line[len(name) : -1].strip() if line.startswith(name) and line.endswith(")") else line


def _as_list(block: str) -> list[str] | None:
    """The texts of a JSON list; None if the block is none.  A list of other things is an argument's literal."""
    try:
        value = json.loads(block)
    except (ValueError, RecursionError):
        return None
    several = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return value if several and (len(value) > 1 or "\n" in block.strip()) else None


# -- The request.


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key is meant for one server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _posted(endpoint: Endpoint, body: bytes) -> bytes:
    """The answer to a request; asks again if the server fails or breaks off."""
    headers = {"Content-Type": "application/json"}
    if key := endpoint.key:
        headers["Authorization"] = f"Bearer {key}"
    opener = urllib.request.build_opener(_Stay)
    trouble = ""
    for attempt in range(endpoint.attempts):
        if attempt:
            time.sleep(endpoint.pause * 2 ** (attempt - 1))
        request = urllib.request.Request(endpoint.address, body, headers, method="POST")
        deadline = time.monotonic() + endpoint.seconds
        try:
            with opener.open(request, timeout=endpoint.seconds) as response:
                return _bounded(response, endpoint, deadline)
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500 and error.code != 429:
                    raise CannotRun(_refused(endpoint, error.code)) from None
            trouble = f"the server answers {error.code}"
        except urllib.error.URLError as error:
            trouble = _named(error.reason)
        except (OSError, HTTPException) as error:
            trouble = _named(error)
        except ValueError:
            raise CannotRun(f"{endpoint.url!r}: not an address that can be asked") from None
    raise CannotRun(
        f"{endpoint.address}: {trouble} ({endpoint.attempts} attempts): "
        "start the model's server, or name another address"
    )


def _named(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200].lower()


def _refused(endpoint: Endpoint, code: int) -> str:
    if code in (401, 403):
        wanted = f"the key in ${endpoint.key_env} is not accepted" if endpoint.key_env else "a key is wanted"
        return f"{endpoint.address}: {code}: {wanted}: name the environment variable that holds a good one"
    if code == 404:
        return f"{endpoint.address}: 404: no such address, or no model {endpoint.model!r}: see {endpoint.url}/models"
    return f"{endpoint.address}: {code}: the request is refused: check the address and the model {endpoint.model!r}"


def _bounded(response: IO[bytes], endpoint: Endpoint, deadline: float) -> bytes:
    """The body, bounded in size and in time: a server may send a byte now and then for ever."""
    parts = []
    size = 0
    while part := response.read(65_536) if not hasattr(response, "read1") else response.read1(65_536):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise CannotRun(f"{endpoint.address}: the answer is longer than {LARGEST_ANSWER} bytes: ask for less")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no whole answer within {endpoint.seconds:g} seconds")
    return b"".join(parts)


def _content(endpoint: Endpoint, body: bytes) -> str:
    """The text in a chat completion."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise CannotRun(f"{endpoint.address}: the answer is not JSON: is this an OpenAI-compatible server?") from None
    try:
        content = answer["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        content = None
    if not isinstance(content, str):
        raise OddAnswer(f"{endpoint.address}: the answer has no choices[0].message.content: is this a chat endpoint?")
    return content
