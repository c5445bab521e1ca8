"""Models of the hub, and the one line that each of its refusals becomes.  The hub here is a server of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub.constants
import pytest
from huggingface_hub.errors import HfHubHTTPError
from transformers import CwmForCausalLM

from cwm_model import loading
from cwm_model.loading import load, locate
from tests.small_models import refused, write

COMMIT = "0123456789" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "model")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a download needs; a repository's name says what is wrong with it."""

    files: Path

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if "nobody/" in path:
            return self.answer(401, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        if "owner/disabled" in path:
            return self.answer(403, X_Error_Message="Access to this resource is disabled.")
        if "owner/down" in path:
            return self.answer(418)
        names = sorted(file.name for file in self.files.iterdir())
        if "/revision/" in path:
            return self.answer(200, json.dumps({"id": "owner/model", "sha": COMMIT, "siblings": []}).encode())
        if "/tree/" in path:
            listed = [
                {
                    "type": "file",
                    "path": name,
                    "size": (self.files / name).stat().st_size,
                    "oid": f"{COMMIT[:-2]}{at:02}",
                }
                for at, name in enumerate(names)
            ]
            return self.answer(200, json.dumps(listed).encode())
        if "owner/gated" in path:
            return self.answer(403, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
        name = path.rpartition("/")[2]
        tag = f'"{COMMIT[:-2]}{names.index(name):02}"'
        return self.answer(200, (self.files / name).read_bytes(), ETag=tag, X_Repo_Commit=COMMIT)

    do_HEAD = do_GET


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a hub that has the folder's files as owner/model; an empty cache."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Hub,), {"files": folder}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    constants = huggingface_hub.constants
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", address)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_of_the_hub_is_fetched_and_then_had_offline(
    hub: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    first = load("owner/model", device="cpu")
    assert isinstance(first.model, CwmForCausalLM)
    assert not list((tmp_path / "cache").rglob("*.bin"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    again = load("owner/model", device="cpu")
    assert again.tokenizer.sha256 == first.tokenizer.sha256


def test_a_gated_repository_is_explained(hub: str) -> None:
    assert refused("owner/gated") == (
        f"owner/gated: gated: accept its licence at {hub}/owner/gated, and give a token of that account "
        "(`hf auth login`, or HF_TOKEN)"
    )


def test_a_repository_that_does_not_exist_is_explained(hub: str) -> None:
    assert refused("nobody/nothing") == (
        f"nobody/nothing: neither a folder here nor a repository at {hub}/nobody/nothing: look at the spelling; if it "
        "is private, give a token (`hf auth login`, or HF_TOKEN)"
    )


@pytest.mark.parametrize(("name", "status"), [("owner/disabled", 403), ("owner/down", 418)])
def test_another_answer_of_the_hub_is_repeated(hub: str, name: str, status: int, tmp_path: Path) -> None:
    assert refused(name).startswith(
        f"{name}: no folder here, not (wholly) in the cache {tmp_path}/cache, and {hub}/{name} answered {status}: "
    )


def test_a_model_that_is_not_in_the_cache_cannot_be_had_offline(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refused("owner/model") == (
        f"owner/model: no folder here, not (wholly) in the cache {tmp_path}/cache, and HF_HUB_OFFLINE is set; give a "
        "folder, or go online once"
    )


def test_a_model_that_is_half_in_the_cache_cannot_be_had_offline(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (locate("owner/model") / "config.json").exists()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "not (wholly) in the cache" in refused("owner/model")


def test_a_hub_that_cannot_be_reached_is_explained(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", nowhere)
    assert f"and {nowhere} cannot be reached; give a folder" in refused("owner/model")


def test_a_repository_without_weights_is_refused_after_its_small_files(hub: str, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert refused("owner/model").startswith("owner/model: no weights in ")


@pytest.mark.parametrize("name", ["a name with spaces", "-owner/model", "owner/mo--del"])
def test_what_can_be_no_name_of_a_repository_is_refused(hub: str, name: str) -> None:
    assert refused(name) == f"{name!r}: neither a folder here nor an owner/name of the hub"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), HfHubHTTPError.__bases__[0]("peer closed")])
def test_a_download_that_breaks_off_is_explained(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(loading, "snapshot_download", snapshot_download)
    assert refused("owner/model") == f"owner/model: was not fetched: {error}; try again: what came is kept"
