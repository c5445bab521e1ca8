"""What a data set is to be, and what of it is finished: the manifest, and a marker for each finished shard.

``manifest.json`` says from which items, with which options and in how many shards; ``state/00003.json`` marks
``data/train-00003-of-….parquet`` as finished, with its hash; ``cut/00003.parquet`` holds what the wall clock cut
off.  A file has its name only when it is whole and on the disk.  Knows nothing of who makes the rows, or of other
processes than those that died while they wrote (supervisor.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from tracegen import aside, shards
from tracegen.aside import put, refusals
from tracegen.harvest import SCHEMA_VERSION
from tracegen.settings import CannotRun
from tracegen.shards import Written

FORMAT = 1
_HEAD = 8
"""Hex digits that are kept of an item's hash: enough to find the first that changed."""
_OURS = re.compile(r"(train-\d{5,}-of-\d{5,}\.parquet|\d{5,}\.(json|parquet))")


class Item(Protocol):
    """What one piece of work is about: a frozen value that can be pickled."""

    @property
    def key(self) -> str:
        """Its name, unique in the data set."""

    @property
    def digest(self) -> str:
        """A hash of everything of it that changes its rows."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one shard: the hash of their keys and digests, and the beginnings of each item's own hash."""

    digest: str
    heads: str

    def __len__(self) -> int:
        return len(self.heads) // _HEAD


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a data set is to be.  ``identity`` holds, as JSON, the options that change rows."""

    kind: str
    identity: Mapping[str, Any]
    per_shard: int
    shards: tuple[Batch, ...]
    schema_version: int = SCHEMA_VERSION
    format: int = FORMAT

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(map(len, self.shards))

    @property
    def digest(self) -> str:
        """The hash of all items, in their order."""
        return hashlib.sha256("".join(batch.digest for batch in self.shards).encode("ascii")).hexdigest()

    def as_json(self) -> bytes:
        """What manifest.json holds."""
        return _as_json(asdict(self) | {"items": self.items, "digest": self.digest})


def described(kind: str, identity: Mapping[str, object], items: Sequence[Item], per_shard: int) -> Manifest:
    """The manifest of these items, cut into shards in their order.  Raises CannotRun for a key that is there twice."""
    if per_shard < 1:
        raise CannotRun(f"{per_shard} items a shard: must be at least 1")
    seen: set[str] = set()
    batches = []
    for start in range(0, len(items), per_shard) or [0]:
        whole, heads = hashlib.sha256(), []
        for item in items[start : start + per_shard]:
            if item.key in seen:
                raise CannotRun(f"{item.key!r} is there twice: each thing that is traced needs a name of its own")
            seen.add(item.key)
            one = _hash(item)
            whole.update(one)
            heads.append(one.hex()[:_HEAD])
        batches.append(Batch(whole.hexdigest(), "".join(heads)))
    # Lists for tuples: what is compared is what comes back from the file.
    return Manifest(kind, json.loads(json.dumps(dict(identity))), per_shard, tuple(batches))


def _hash(item: Item) -> bytes:
    return hashlib.sha256(json.dumps([item.key, item.digest]).encode("ascii")).digest()


def parsed(path: Path) -> Manifest | None:
    """The inverse of `Manifest.as_json`; None if there is no such file.  Raises CannotRun."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["format"] != FORMAT:
            raise CannotRun(
                f"{path}: format {stored['format']}, and this program's is {FORMAT}; "
                "go on with the version of foretrace that began it, or give another folder"
            )
        batches = tuple(Batch(str(batch["digest"]), str(batch["heads"])) for batch in stored["shards"])
        found = Manifest(
            stored["kind"], dict(stored["identity"]), stored["per_shard"], batches, stored["schema_version"]
        )
        if not batches or found.digest != stored["digest"]:
            raise ValueError("its digest is not that of its shards")
        return found
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotRun(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError) as error:
        raise CannotRun(f"{path}: damaged: {error}; give another folder") from None


def other_options(stored: Manifest, wanted: Manifest) -> str | None:
    """What of two manifests differs besides their items, in words; None if nothing does."""
    for name in ("kind", "schema_version", "per_shard"):
        one, other = getattr(stored, name), getattr(wanted, name)
        if one != other:
            return f"was begun with {name} {one!r}, and this is {other!r}"
    for name in sorted({*stored.identity, *wanted.identity}):
        one, other = (each.identity.get(name) for each in (stored, wanted))
        if one != other:
            return f"was begun with {name} {json.dumps(one)}, and this is {json.dumps(other)}"
    return None


def first_changed(stored: Manifest, items: Sequence[Item]) -> str:
    """The first item that is not what it was, in words."""
    heads = "".join(batch.heads for batch in stored.shards)
    for place, item in enumerate(items):
        head = heads[place * _HEAD : (place + 1) * _HEAD]
        if head != _hash(item).hex()[:_HEAD]:
            return f"{item.key!r} (number {place + 1} of {len(items)}) {'changed' if head else 'is new'} since"
    return f"it was begun with {stored.items} items, and these are {len(items)}"


@dataclass(frozen=True, slots=True)
class Marker:
    """A finished shard: the digest of its items, its files, counts that add up, and lines about single items."""

    items: str
    part: Written
    cut: Written | None
    counts: Mapping[str, int]
    said: tuple[str, ...]


class State(Enum):
    """What is there of a shard."""

    DONE = "done"
    TO_MAKE = "to make"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True)
class Found:
    """A shard as it was found; ``why`` says what is wrong with one that is corrupt."""

    state: State
    marker: Marker | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder in which a data set is made, and the manifest of it."""

    folder: Path
    manifest: Manifest

    def name(self, index: int) -> str:
        """A shard's file, as it is called towards people."""
        return f"data/{shards.shard_name(index, len(self.manifest.shards))}"

    def part(self, index: int) -> Path:
        """The rows of a shard."""
        return self.folder / self.name(index)

    def cut(self, index: int) -> Path:
        """The rows of a shard's items that the wall clock cut off."""
        return self.folder / "cut" / f"{index:05d}.parquet"

    def marker(self, index: int) -> Path:
        """What says that a shard is finished."""
        return self.folder / "state" / f"{index:05d}.json"

    def found(self, index: int, hashed: bool = True) -> Found:
        """Whether a shard is finished.  Without ``hashed`` the sizes of its files are enough."""
        try:
            stored = json.loads(self.marker(index).read_bytes())
            cut = stored["cut"]
            marker = Marker(
                stored["items"],
                Written(**stored["part"]),
                None if cut is None else Written(**cut),
                {str(name): int(count) for name, count in stored["counts"].items()},
                tuple(map(str, stored["said"])),
            )
        except FileNotFoundError:
            return Found(State.TO_MAKE)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return Found(State.CORRUPT, None, f"{self.marker(index).relative_to(self.folder)} is damaged")
        if marker.items != self.manifest.shards[index].digest:
            return Found(State.TO_MAKE)
        for path, written in ((self.part(index), marker.part), (self.cut(index), marker.cut)):
            if written is not None:
                why = shards.damage(path, written, hashed)
                if why:
                    return Found(State.CORRUPT, None, f"{path.relative_to(self.folder)} {why}")
        return Found(State.DONE, marker)

    def store(
        self, index: int, table: pa.Table, cut: pa.Table, counts: Mapping[str, int], said: Iterable[str]
    ) -> Marker:
        """Write a shard's files, then its marker.  Raises CannotRun."""
        path = self.cut(index)
        beside = None
        if cut.num_rows:
            with refusals(path):
                path.parent.mkdir(exist_ok=True)
            beside = shards.write_shard(path, cut)
        else:
            with refusals(path), suppress(FileNotFoundError):
                path.unlink()
        part = shards.write_shard(self.part(index), table)
        digest = self.manifest.shards[index].digest
        marker = Marker(digest, part, beside, dict(sorted(counts.items())), tuple(said))
        put(self.marker(index), _as_json(asdict(marker)))
        return marker

    def forget(self, index: int) -> None:
        """Remove what there is of a shard, its marker first."""
        for path in (self.marker(index), self.part(index), self.cut(index)):
            with refusals(path):
                path.unlink(missing_ok=True)

    def strangers(self) -> Iterator[Path]:
        """Files of the data set's kind that do not belong to it: another number of shards, or from elsewhere."""
        count = len(self.manifest.shards)
        own = {path for index in range(count) for path in (self.part(index), self.cut(index), self.marker(index))}
        for name in ("data", "cut", "state"):
            for path in sorted((self.folder / name).glob("*")):
                if _OURS.fullmatch(path.name) and path not in own:
                    yield path

    def finished(self, sure: Mapping[int, Marker]) -> dict[int, Marker] | None:
        """The markers of all shards; None if one is not finished.  Those that are ``sure`` are not read whole again."""
        count = len(self.manifest.shards)
        with refusals(self.folder / "state"):
            there = set(os.listdir(self.folder / "state"))
        if not all(self.marker(index).name in there for index in range(count)):
            return None
        markers = {}
        for index in range(count):
            marker = self.found(index, hashed=index not in sure).marker
            if marker is None or (index in sure and marker != sure[index]):
                return None
            markers[index] = marker
        return markers


def _as_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("ascii")


def opened(folder: Path, wanted: Manifest, items: Sequence[Item], anew: bool = False, look: bool = False) -> DataSet:
    """The data set in ``folder``, begun now or earlier.

    Items that changed since it was begun are an error, or with ``anew`` their shards are removed, to be made
    again.  ``look`` changes nothing.  Raises CannotRun for a folder that holds anything else.
    """
    given, folder = folder, folder.absolute()
    dataset = DataSet(folder, wanted)
    path = folder / shards.MANIFEST
    stored = parsed(path) if folder.is_dir() else None
    if stored is None:
        with refusals(folder):
            fresh = folder.is_dir() and _is_fresh(folder)
        if not fresh:
            shards.can_write(given)
        if look:
            return dataset
        with refusals(folder):
            folder.mkdir(parents=True, exist_ok=True)
        put(folder / "README.md", shards.UNFINISHED.encode("utf-8"), over=False)
        put(path, wanted.as_json(), over=False)
        # Of several jobs that begin at once, one has written it.
        stored = parsed(path) or wanted
    other = other_options(stored, wanted)
    if other:
        raise CannotRun(f"{folder}: {other}; give the same options, or another folder")
    if stored.shards != wanted.shards:
        if not anew:
            raise CannotRun(
                f"{folder}: {first_changed(stored, items)}; give what it was begun with, give another folder, or "
                "ask for the changed parts to be made anew"
            )
        if not look:
            _renew(dataset)
    else:
        for stranger in dataset.strangers():
            raise CannotRun(f"{stranger}: does not belong to this data set of {len(wanted.shards)} shards; remove it")
    if not look:
        for name in ("data", "state"):
            with refusals(folder / name):
                (folder / name).mkdir(exist_ok=True)
        aside.sync_folder(folder)
    return dataset


def _is_fresh(folder: Path) -> bool:
    """Whether all that is there was begun by a job that has not written, or did not live to write, the manifest."""
    if not folder.is_dir():
        return False
    names = set(os.listdir(folder))
    if "README.md" in names and (folder / "README.md").read_bytes() == shards.UNFINISHED.encode("utf-8"):
        names.discard("README.md")
    return all(aside.is_aside(name) for name in names)


def _renew(dataset: DataSet) -> None:
    """Make another manifest's folder this one's: what changed is removed before the new manifest says otherwise."""
    put(dataset.folder / "README.md", shards.UNFINISHED.encode("utf-8"))
    for stranger in dataset.strangers():
        with refusals(stranger):
            stranger.unlink(missing_ok=True)
    for index in range(len(dataset.manifest.shards)):
        if dataset.found(index, hashed=False).state is not State.DONE:
            dataset.forget(index)
    put(dataset.folder / shards.MANIFEST, dataset.manifest.as_json())
