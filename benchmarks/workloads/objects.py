"""Workload e: objects and methods: vectors with a ``__repr__`` of their own, a chain of nodes and accounts without.

5,509 line events, 1,349 calls, 504 container operations.
"""

from __future__ import annotations

LINES = 5509
CALLS = 1349
CONTAINER_OPERATIONS = 504


class Vector:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def __repr__(self) -> str:
        return f"Vector({self.x}, {self.y})"

    def __add__(self, other: Vector) -> Vector:
        return Vector(self.x + other.x, self.y + other.y)

    def turned(self) -> Vector:
        x = -self.y
        y = self.x
        return Vector(x, y)


class Node:
    def __init__(self, value: int, following: Node | None) -> None:
        self.value = value
        self.following = following


class Chain:
    def __init__(self) -> None:
        self.first: Node | None = None
        self.length = 0

    def push(self, value: int) -> None:
        self.first = Node(value, self.first)
        self.length += 1

    def total(self) -> int:
        node = self.first
        total = 0
        while node is not None:
            total += node.value
            node = node.following
        return total


class Account:
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.balance = 0

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    def transfer(self, other: Account, amount: int) -> bool:
        if amount > self.balance:
            return False
        self.balance -= amount
        other.deposit(amount)
        return True


def walk(steps: int) -> Vector:
    place = Vector(0, 0)
    direction = Vector(1, 2)
    for step in range(steps):
        place = place + direction
        if step % 3 == 0:
            direction = direction.turned()
    return place


def bank(rounds: int) -> int:
    accounts: list[Account] = []
    for owner in ("ann", "bob", "cy", "di"):
        account = Account(owner)
        account.deposit(1000)
        accounts.append(account)
    refused = 0
    for i in range(rounds):
        giver = accounts[i % 4]
        taker = accounts[i * 3 % 4]
        if not giver.transfer(taker, i * 37 % 400):
            refused += 1
    return refused


def run() -> int:
    place = walk(200)
    chain = Chain()
    for value in range(150):
        chain.push(value)
    total = chain.total()
    refused = bank(250)
    return place.x + total + refused
