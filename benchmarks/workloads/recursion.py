"""Workload c: recursion: Fibonacci's 14th number, quicksort of 120 numbers, the permutations of 5 things.

9,232 line events, 1,721 calls, 3,095 container operations.
"""

from __future__ import annotations

LINES = 9232
CALLS = 1721
CONTAINER_OPERATIONS = 3095


def fibonacci(n: int) -> int:
    if n < 2:
        return n
    before = fibonacci(n - 2)
    last = fibonacci(n - 1)
    return before + last


def quicksort(numbers: list[int]) -> list[int]:
    if len(numbers) < 2:
        return numbers
    pivot = numbers[0]
    below: list[int] = []
    above: list[int] = []
    for number in numbers[1:]:
        if number < pivot:
            below.append(number)
        else:
            above.append(number)
    return [*quicksort(below), pivot, *quicksort(above)]


def permutations(chosen: list[str], rest: list[str], found: list[list[str]]) -> None:
    if not rest:
        found.append(chosen)
        return
    for index in range(len(rest)):
        head = rest[index]
        others = rest[:index] + rest[index + 1 :]
        permutations([*chosen, head], others, found)


def run() -> int:
    number = fibonacci(14)
    shuffled: list[int] = []
    for i in range(120):
        shuffled.append(i * 7919 % 1009)
    ordered = quicksort(shuffled)
    found: list[list[str]] = []
    permutations([], ["a", "b", "c", "d", "e"], found)
    return number + len(ordered) + len(found)
