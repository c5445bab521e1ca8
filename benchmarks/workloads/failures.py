"""Workload f: exceptions raised, replaced on their way, caught two frames up; generators that feed each other.

9,333 line events, 2,006 calls, no container operation.
"""

from __future__ import annotations

from collections.abc import Iterator

LINES = 9333
CALLS = 2006
CONTAINER_OPERATIONS = 0


class Refused(ValueError):
    pass


def checked(number: int) -> int:
    if number % 5 == 0:
        raise Refused(number)
    if number % 7 == 0:
        raise KeyError("seven")
    return number * 2


def passed(number: int) -> int:
    doubled = 0
    try:
        doubled = checked(number)
    except KeyError:
        raise Refused("key") from None
    return doubled + 1


def tried(numbers: int) -> int:
    good = 0
    bad = 0
    for number in range(numbers):
        try:
            good += passed(number)
        except Refused:
            bad += 1
    return good - bad


def counted(limit: int) -> Iterator[int]:
    number = 0
    while number < limit:
        yield number
        number += 1


def odd(numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        if number % 2:
            yield number


def windows(numbers: Iterator[int]) -> Iterator[int]:
    before = 0
    for number in numbers:
        total = before + number
        yield total
        before = number


def fed(limit: int) -> int:
    result = 0
    for total in windows(odd(counted(limit))):
        result = (result * 3 + total) % 10_007
    return result


def run() -> int:
    tries = tried(400)
    stream = fed(600)
    return tries + stream
