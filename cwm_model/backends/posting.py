"""JSON to a server and back: bounded in time and size, tried again where that may help, the key never shown.

No redirect is followed, since the key is meant for one server, and no proxy is used.  Knows nothing of what is asked.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from tracegen import CannotRun
from tracegen.proposals import key_in

LARGEST_ANSWER = 32 << 20
LONGEST_PAUSE = 60.0
_AGAIN = frozenset({408, 425, 429})
"""What may go better the next time, beside all that is the server's own fault (500 and more)."""


class Unanswered(Exception):
    """A server that does not answer, or nothing that can be read."""


class Refused(Unanswered):
    """A server that answers with an error: HTTP's ``code``, and the seconds ``after`` which it wants to be asked."""

    def __init__(self, message: str, code: int, after: float = 0.0) -> None:
        super().__init__(message)
        self.code, self.after = code, after


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a server is, and how long it is waited for.

    ``url`` is what stands before ``/completions``: ``http://127.0.0.1:8000/v1`` for vLLM, ``http://127.0.0.1:5678`` for
    Meta's server.  ``key_env`` names the environment variable that holds a key.  ``seconds`` bound one try,
    ``patience`` all tries and pauses of a request; there are at most ``tries``, ``pause`` seconds lie between the first
    two, each time twice as many, or as many as the server asks for.
    """

    url: str
    key_env: str | None = None
    seconds: float = 600.0
    patience: float = 1800.0
    tries: int = 5
    pause: float = 0.5

    def __post_init__(self) -> None:
        try:
            parts = urllib.parse.urlsplit(self.url)
            named = parts.username is not None or parts.password is not None
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            named, usable = False, False
        if named:
            raise CannotRun("the server's address has a name or a key in it: name an environment variable for a key")
        if not usable or not self.url.isascii() or not self.url.isprintable() or set(self.url) & set(" ?#"):
            raise CannotRun(f"{self.url!r}: wanted an http or https address, such as http://127.0.0.1:8000/v1")

    def get(self, path: str) -> object:
        """What is at a path, as JSON.  One try.  Raises Unanswered, and CannotRun for a key that is not there."""
        return self._read(self._once(path, None, min(self.seconds, LONGEST_PAUSE)))

    def post(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        deadline: float | None = None,
        stopped: threading.Event | None = None,
    ) -> object:
        """The answer to a request, as JSON; tried again if the server fails, breaks off or asks for time.

        ``deadline`` (of ``time.monotonic``) is when patience ends, if it began before; ``stopped`` ends the pauses.
        Raises as `get` does, with the last try's trouble.
        """
        data = json.dumps(body).encode("ascii")
        deadline = deadline if deadline is not None else time.monotonic() + self.patience
        stopped = stopped or threading.Event()
        tried = 0
        while True:
            tried += 1
            seconds = min(self.seconds, max(0.01, deadline - time.monotonic()))
            try:
                return self._read(self._once(path, data, seconds))
            except Unanswered as error:
                if isinstance(error, Refused) and error.code < 500 and error.code not in _AGAIN:
                    raise
                wait = self.pause * 2 ** (tried - 1)
                if isinstance(error, Refused):
                    wait = max(wait, error.after)
                late = time.monotonic() + wait >= deadline
                if tried >= self.tries or late or stopped.wait(min(wait, LONGEST_PAUSE)):
                    raise Unanswered(f"{error} ({tried} {'try' if tried == 1 else 'tries'})") from None

    def key(self) -> str | None:
        """The key, if one is named.  Raises CannotRun if it is not there; no message ever holds it."""
        return key_in(self.key_env, self.url)

    def _once(self, path: str, data: bytes | None, seconds: float) -> bytes:
        """The body of an answer.  What is late is ended from outside: a server may send a byte now and then."""
        parts = urllib.parse.urlsplit(self.url)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if data is not None else {})
        if key := self.key():
            headers["Authorization"] = f"Bearer {key}"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        assert parts.hostname is not None
        connection = kind(parts.hostname, parts.port, timeout=seconds)
        late = threading.Event()
        timer: threading.Timer | None = None
        try:
            begun = time.monotonic()
            connection.connect()
            timer = threading.Timer(max(0.0, begun + seconds - time.monotonic()), _end, (connection.sock, late))
            timer.daemon = True
            timer.start()
            connection.request("GET" if data is None else "POST", parts.path.rstrip("/") + path, data, headers)
            response = connection.getresponse()
            body = response.read(LARGEST_ANSWER + 1)
            if late.is_set():
                raise TimeoutError
            if len(body) > LARGEST_ANSWER:
                raise Unanswered(f"its answer is longer than {LARGEST_ANSWER} bytes")
            if response.length:
                raise Unanswered("its answer breaks off")
            if response.status != 200:
                raise self._refused(response, body, key)
        except (OSError, http.client.HTTPException) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise Unanswered(f"no whole answer within {seconds:g} seconds") from None
            raise Unanswered(_named(error)) from None
        finally:
            if timer is not None:
                timer.cancel()
            connection.close()
        return body

    def _read(self, body: bytes) -> object:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Unanswered("its answer is not JSON: is this an OpenAI-compatible server?") from None

    def _refused(self, response: http.client.HTTPResponse, body: bytes, key: str | None) -> Refused:
        said = _message(body)
        # Some servers repeat what they were sent.
        if not said or (key is not None and key in said):
            said = http.client.responses.get(response.status, "")
        if response.status in (401, 403):
            said = f"the key in ${self.key_env} is not accepted" if self.key_env else "a key is wanted"
        after = response.headers.get("Retry-After", "").strip()
        seconds = float(after) if after.isdigit() and len(after) < 6 else 0.0
        return Refused(f"the server answers {response.status}{f': {said}' if said else ''}", response.status, seconds)


def _end(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # It has ended by itself.


def _message(body: bytes) -> str:
    """What a server says of an error."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "detail"):
        said = said.get(name, said) if isinstance(said, dict) else said
    return " ".join(said.split())[:300] if isinstance(said, str) else ""


def _named(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200].lower()
