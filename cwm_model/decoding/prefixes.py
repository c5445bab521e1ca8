"""What prompts have in common is read once: a few whole caches, the trunks, that rows are copied from.

A whole cache keeps every position in every layer, so that a row can begin with any part of it: the samples of one
prompt cost one reading, and so do the prompts of a trace's frames, each of which begins the next.  Knows nothing of
requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cwm_model.decoding.forward import Forward
from cwm_model.decoding.kv_cache import KeyValues, Segment

Ids = tuple[int, ...]

_KEPT = 4
_KEPT_IDS = 32_768
_WORTH_COPYING = 16


class _Trunk:
    """Ids, and the keys and values of as many of them as are read."""

    def __init__(self, cache: KeyValues) -> None:
        self.cache = cache
        self.ids: Ids = ()
        self.read = 0


class Prefixes:
    """The prefixes read last; ``chunk`` ids are read in a pass, of several prefixes if need be."""

    def __init__(self, forward: Forward, chunk: int) -> None:
        self._forward, self._chunk = forward, chunk
        self._trunks: list[_Trunk] = []
        """In the order of their last use."""

    def begin(self, cache: KeyValues, prefixes: Sequence[tuple[int, Ids]], ahead: Sequence[Ids] = ()) -> None:
        """Let rows of a cache begin with prefixes, given as ``(row, prefix)``.

        Of what comes ``ahead``, the longest that continues a prefix is read with it.
        """
        while prefixes:
            later: list[tuple[int, Ids]] = []
            served: list[tuple[int, Ids, _Trunk]] = []
            using: list[_Trunk] = []
            for place, (row, prefix) in enumerate(prefixes):
                coming = (other for others in (ahead, (each for _, each in prefixes[place:])) for other in others)
                trunk = self._trunk(prefix, coming, using)
                if trunk is None:
                    later.append((row, prefix))
                else:
                    served.append((row, prefix, trunk))
            self._read(using)
            for row, prefix, trunk in served:
                cache.copy(row, trunk.cache, 0, len(prefix))
            prefixes = later

    def _trunk(self, prefix: Ids, coming: Iterable[Ids], using: list[_Trunk]) -> _Trunk | None:
        """The trunk that begins with a prefix, once what it holds is read; None if all are in use for others."""
        found = next((trunk for trunk in self._trunks if trunk.ids[: len(prefix)] == prefix), None)
        if found is None:
            best = max(self._trunks, key=lambda trunk: _common(trunk.ids, prefix), default=None)
            common = _common(best.ids, prefix) if best else 0
            if best is not None and common == len(best.ids):
                found = best
            else:
                found = self._emptied(using)
                if found is None:
                    return None
                if best is not None and best is not found and common >= _WORTH_COPYING:
                    found.read = min(common, best.read)
                    found.cache.copy(0, best.cache, 0, found.read)
            found.ids = max((other for other in coming if other[: len(prefix)] == prefix), key=len, default=prefix)
        if found in self._trunks:
            self._trunks.remove(found)
        self._trunks.append(found)
        if found not in using:
            using.append(found)
        return found

    def _emptied(self, using: list[_Trunk]) -> _Trunk | None:
        """A new trunk, or the one unused for longest; None if all are in use."""
        idle = [trunk for trunk in self._trunks if trunk not in using]
        while idle and sum(len(trunk.ids) for trunk in self._trunks) > _KEPT_IDS:
            self._trunks.remove(idle.pop(0))
        if len(self._trunks) < _KEPT:
            return _Trunk(KeyValues(self._forward.weights, 1, self._chunk, whole=True))
        if not idle:
            return None
        idle[0].ids, idle[0].read = (), 0
        return idle[0]

    def _read(self, trunks: Sequence[_Trunk]) -> None:
        """Read what trunks hold, chunk by chunk."""
        while True:
            ids: list[int] = []
            segments: list[Segment] = []
            for trunk in trunks:
                piece = trunk.ids[trunk.read : trunk.read + self._chunk - len(ids)]
                if piece:
                    segments.append(Segment(trunk.cache, 0, len(piece), [trunk.read]))
                    ids += piece
                    trunk.read += len(piece)
            if not ids:
                return
            self._forward(ids, segments, [])


def _common(one: Ids, other: Ids) -> int:
    """How many ids two sequences begin with alike.

    >>> _common((1, 2, 3), (1, 2, 4, 5)), _common((), (1,)), _common((1, 2), (1, 2, 3))
    (2, 0, 2)
    """
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(place for place in range(length) if one[place] != other[place])
