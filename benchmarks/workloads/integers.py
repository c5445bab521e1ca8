"""Workload a: an integer loop with 5 locals, of which a line changes one or none.

100,000 line events, 1 call, no container operation.
"""

LINES = 100_000
CALLS = 1
CONTAINER_OPERATIONS = 0


def run() -> int:
    total = 0
    low = 1
    high = 0
    for i in range(19_999):
        high = low + i
        low = high & 1023
        mixed = low ^ i
        total = total + mixed
    return total
