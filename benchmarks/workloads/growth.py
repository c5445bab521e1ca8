"""Workload b: containers that grow, and are changed one item at a time.

A sieve of 600 flags, a graph of 150 nodes built in a dict and searched breadth first, a 50×50 table of which every
cell is set.

11,837 line events, 4 calls, 9,407 container operations.
"""

from __future__ import annotations

LINES = 11_837
CALLS = 4
CONTAINER_OPERATIONS = 9407


def sieve(limit: int) -> list[int]:
    prime: list[bool] = []
    for _ in range(limit):
        prime.append(True)
    found: list[int] = []
    for number in range(2, limit):
        if prime[number]:
            found.append(number)
            for multiple in range(number * number, limit, number):
                prime[multiple] = False
    return found


def search(nodes: int) -> dict[int, int]:
    graph: dict[int, list[int]] = {}
    for node in range(nodes):
        graph[node] = []
        graph[node].append((node * 7 + 1) % nodes)
        graph[node].append((node * 11 + 5) % nodes)
        graph[node].append((node + 13) % nodes)
    distance = {0: 0}
    queue = [0]
    while queue:
        node = queue.pop(0)
        for neighbour in graph[node]:
            if neighbour not in distance:
                distance[neighbour] = distance[node] + 1
                queue.append(neighbour)
    return distance


def table(size: int) -> list[list[int]]:
    cells: list[list[int]] = []
    for _ in range(size):
        cells.append([0] * size)
    for row in range(size):
        for column in range(size):
            cells[row][column] = row * column % 101
    return cells


def run() -> int:
    primes = sieve(600)
    distance = search(150)
    cells = table(50)
    return len(primes) + len(distance) + len(cells)
